"""`failover-host`, the one script that runs on mail hosts: its parts lie in `parts/` and are one text when sent."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

PARTS = (
    *(
        "head",
        "arguments",
        "bounds",
        "folder",
        "settings",
        "levers",
        "dial",
        "queue",
        "waiting",
        "log",
        "debts",
        "look",
    ),
    *("acts", "config", "agents", "sessions", "bypass", "requeue", "hold", "units", "restart", "flush"),
    *("install", "forced", "main"),
)
"""In the order of the text. `head` sets the names that all use, `main` ends with the line that calls it."""


@cache
def script_text() -> str:
    """The whole script. Its last line calls it, so a text cut short on the way does nothing."""
    folder = resources.files(__name__).joinpath("parts")
    return "\n".join(folder.joinpath(f"{part}.sh").read_text(encoding="utf-8") for part in PARTS)


def _version() -> str:
    found = re.search(r"^VERSION=(\d+)$", script_text(), re.MULTILINE)
    assert found, "failover-host names its version"
    return found[1]


VERSION = _version()
