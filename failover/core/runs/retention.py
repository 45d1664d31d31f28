"""How long a look is remembered: each one for what is going on now, a few for what people ask next week. Pure.

And how long a run is kept: for more than a year, and for ever while it is open or what it changed stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from failover.core.runs.playbook import Playbook
from failover.core.runs.summary import Summary

RECENT = timedelta(hours=2)
"""Every look of this long is kept: well above the longest `for:` of a condition, so no decision loses a sample."""
OLDEST = timedelta(days=8)
"""A week ago, the same hour, can still be compared with."""
OLDEST_PROPOSAL = timedelta(days=7)
"""How long after its end a proposal can still be listed."""
SLOT = timedelta(minutes=10)
AHEAD = timedelta(hours=1)
"""A look this far in the future was stamped by a clock that has been set back since; a nearer one comes true soon."""

RUNS_KEPT = timedelta(days=400)
"""Since its last record: last year's incident of the same week can still be read."""
LEAST_RUNS = 1000
"""The newest runs stay however old they are, so that a clock set years ahead forgets none of them."""
RUNS_AT_ONCE = 100
"""So many runs at most are forgotten in one cycle, the longest untouched first; or given a time to count from."""


def looked_back(playbooks: Iterable[Playbook]) -> timedelta:
    """How old a run may be and still keep one of these from a start: the longest `cooldown`, or span of `max_runs`."""
    return timedelta(seconds=max((max(p.limits.cooldown, p.limits.per) for p in playbooks), default=0.0))


def newest_alike(runs: Iterable[Summary], most: int) -> tuple[Summary, ...]:
    """In the order given, newest first: of those with one outline, that have all begun something or all nothing, so
    many of the newest."""
    seen = Counter[str]()
    found = []
    for s in runs:
        seen[kind := f"{s.progress.acted} {s.outline}"] += 1
        if seen[kind] <= most:
            found.append(s)
    return tuple(found)


def outlived(runs: Iterable[Summary], nth_newest: datetime | None, now: datetime, kept: timedelta) -> tuple[str, ...]:
    """Which of these runs to forget, by id. `nth_newest`: when the oldest of the LEAST_RUNS newest was opened; None
    where there are not so many.

    Kept are those that are open, those that owe an undo, the LEAST_RUNS newest, and whatever was recorded within `kept`
    or RUNS_KEPT, if that is longer.
    """
    if nth_newest is None:
        return ()
    since = now - max(RUNS_KEPT, kept)
    old = (s for s in runs if s.progress.touched < since and s.opened < nth_newest)
    return tuple(s.run for s in old if not s.progress.open and not s.progress.owes)[:RUNS_AT_ONCE]


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
