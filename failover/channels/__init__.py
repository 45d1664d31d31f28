"""The registry of channels. Each kind is a file of this folder, and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from failover.channels.kind import ChannelKind

_FILES = (
    "stderr",
    "webhook",
    "ntfy",
    "pagerduty",
    "slack",
    "matrix",
    "apprise",
)

CHANNELS: Mapping[str, ChannelKind] = {name: import_module(f"{__name__}.{name}").KIND for name in _FILES}
"""By `kind:` in hosts.yaml, which is the file's name."""
