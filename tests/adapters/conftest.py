"""The shared lab, databases for the store, and DNS providers, for this folder."""

from __future__ import annotations

from tests.adapters.stores import any_store, postgresql, store, url
from tests.contract.zones import pdns, powerdns, rfc2136, route53
from tests.labs import lab

__all__ = ["any_store", "lab", "pdns", "postgresql", "powerdns", "rfc2136", "route53", "store", "url"]
