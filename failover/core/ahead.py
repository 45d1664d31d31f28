"""Times that lie ahead of now: a clock that was wrong wrote them, and has been set back since. Pure.

When it was in truth nobody can tell; but what was recorded before something else was done before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

AHEAD = timedelta(minutes=5)
"""Clocks of two controllers may differ by so much."""


def is_ahead(at: datetime, now: datetime) -> bool:
    return at > now + AHEAD


def done_by(recorded: Iterable[datetime], now: datetime) -> datetime | None:
    """By when all that a journal dates ahead of now was done: the first time after the last of these; None where it
    dates nothing ahead, or has nothing after it."""
    by, any_ahead = None, False
    for at in recorded:
        if is_ahead(at, now):
            by, any_ahead = None, True
        elif any_ahead and by is None:
            by = at
    return by


def words(at: datetime) -> str:
    return f"dated {at:%Y-%m-%d %H:%M} UTC, ahead of the clock"
