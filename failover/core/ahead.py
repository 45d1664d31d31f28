"""Times ahead of now: a wrong clock wrote them, and was set back since. Pure.

Their true time is unknown; but the order of the records is the order of the acts.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

AHEAD = timedelta(minutes=5)
"""The clocks of two controllers may differ by so much."""


def is_ahead(at: datetime, now: datetime) -> bool:
    return at > now + AHEAD


def done_by(recorded: Iterable[datetime], now: datetime) -> datetime | None:
    """The latest time at which the events dated ahead of now can have happened: that of the first event after them.
    None if there are none, or nothing after them."""
    by, any_ahead = None, False
    for at in recorded:
        if is_ahead(at, now):
            by, any_ahead = None, True
        elif any_ahead and by is None:
            by = at
    return by


def words(at: datetime) -> str:
    return f"dated {at:%Y-%m-%d %H:%M} UTC, ahead of the clock"
