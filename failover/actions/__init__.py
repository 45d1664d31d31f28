"""The registry of actions: a playbook can name these and nothing else. Each is a file here and a line below."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from failover.actions.base import Action

_FILES = (
    "spam_bypass",
    "spam_restore",
    "queue_requeue",
    "queue_flush",
    "queue_hold",
    "queue_release",
    "service_restart",
    "container_restart",
    "dns_prefer",
    "dns_ttl",
    "vm_resize",
    "notify",
    "wait",
)
"""In the order in which the schema has them."""

ACTIONS: Mapping[str, Action[Any]] = {a.name: a for a in (import_module(f"{__name__}.{f}").ACTION for f in _FILES)}
