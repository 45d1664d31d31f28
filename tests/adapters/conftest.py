"""The shared lab, for this folder."""

from __future__ import annotations

from tests.labs import lab

__all__ = ["lab"]
