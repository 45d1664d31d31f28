"""Names for runs: short, sorted by time, unique enough, safe as a file name and as a word on a command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from random import Random

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: nothing in it is misread aloud at night."""


def new_run_id(playbook: str, now: datetime, random: Random) -> str:
    """`20261124-0312-spam-filter-hung-a3f`, at most 64 characters of `[a-z0-9-]`; the time is UTC.

    Three letters tell two runs of one minute apart; the store refuses the same
    id twice.
    """
    name = re.sub(r"[^a-z0-9]+", "-", playbook.lower()).strip("-")[:46].rstrip("-") or "run"
    return f"{now.astimezone(UTC):%Y%m%d-%H%M}-{name}-{''.join(random.choices(_LETTERS, k=3))}"


def new_key(host: str, random: Random) -> str:
    """`mx1-7c2q`, for `failover run --key`; four letters tell the proposals of one day apart."""
    name = re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-")[:32] or "ask"
    return f"{name}-{''.join(random.choices(_LETTERS, k=4))}"
