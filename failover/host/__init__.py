"""`failover-host`, the one script that runs on mail hosts, as it lies beside this file."""

from __future__ import annotations

import re
from importlib import resources


def script_text() -> str:
    """The whole script. Its last line calls it, so a text cut short on the way does nothing."""
    return resources.files(__name__).joinpath("failover-host").read_text(encoding="utf-8")


def _version() -> str:
    found = re.search(r"^VERSION=(\d+)$", script_text(), re.MULTILINE)
    assert found, "failover-host names its version"
    return found[1]


VERSION = _version()
