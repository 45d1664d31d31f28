"""The shared lab, and databases for the store, for this folder."""

from __future__ import annotations

from tests.adapters.stores import any_store, postgresql, store, url
from tests.labs import lab

__all__ = ["any_store", "lab", "postgresql", "store", "url"]
