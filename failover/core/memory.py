"""How long a look is remembered: each one for what is going on now, a few for what people ask next week. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

RECENT = timedelta(hours=2)
"""Every look of this long is kept: well above the longest `for:` of a condition, so no decision loses a sample."""
OLDEST = timedelta(days=8)
"""A week ago, the same hour, can still be compared with."""
OLDEST_PROPOSAL = timedelta(days=7)
"""How long after its end a proposal can still be listed."""
SLOT = timedelta(minutes=10)
AHEAD = timedelta(hours=1)
"""A look this far in the future was stamped by a clock that has been set back since; a nearer one comes true soon."""


def forgotten(looks: Sequence[datetime], now: datetime) -> tuple[datetime, ...]:
    """Which looks, told apart by their times, to forget; in the order given.

    Kept are those of the last two hours, before that the first of each ten
    minutes of the clock for eight days, and always the newest, which says when
    we last looked. Those more than an hour ahead go, the newest too: if they
    stayed, they would never age. Slots stand still while time goes on, so it
    does not matter how often this is done, nor by how many.
    """
    kept = _kept(sorted(at for at in looks if at <= now + AHEAD), now)
    return tuple(at for at in looks if at not in kept)


def _kept(looks: Sequence[datetime], now: datetime) -> set[datetime]:
    recent = {at for at in looks if at > now - RECENT}
    return {at for at in _first_of_each_slot(looks) if at >= now - OLDEST} | recent | set(looks[-1:])


def _first_of_each_slot(looks: Iterable[datetime]) -> Iterable[datetime]:
    """Of all looks, also of those too old: or the next one of the slot would be its first once the first is gone."""
    first: dict[float, datetime] = {}
    for at in looks:
        first.setdefault(at.timestamp() // SLOT.total_seconds(), at)
    return first.values()
