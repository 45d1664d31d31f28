"""The providers, and the shared lab, for this folder."""

from __future__ import annotations

from tests.contract.zones import pdns, place, powerdns, rfc2136, route53
from tests.labs import lab

__all__ = ["lab", "pdns", "place", "powerdns", "rfc2136", "route53"]
