"""How long looks and runs are kept. Pure.

Every look for two hours, a few for a week. A run for more than a year; for ever while it is open or in force.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from failover.core.runs.playbook import Playbook
from failover.core.runs.summary import Summary

RECENT = timedelta(hours=2)
"""Every look of this time is kept: far more than the longest `for:` of a condition."""
OLDEST = timedelta(days=8)
"""So that the same hour a week ago can be compared."""
OLDEST_PROPOSAL = timedelta(days=7)
"""A proposal is listed for so long after its end."""
SLOT = timedelta(minutes=10)
AHEAD = timedelta(hours=1)
"""A look this far in the future is from a wrong clock; a nearer one comes true soon."""

RUNS_KEPT = timedelta(days=400)
"""Since its last event; so that last year's incident of the same week can be read."""
LEAST_RUNS = 1000
"""The newest runs stay at any age, so that a clock set years ahead forgets none of them."""
RUNS_AT_ONCE = 100
"""Most runs that one cycle forgets, the longest untouched first; or gives a time to count from."""


def looked_back(playbooks: Iterable[Playbook]) -> timedelta:
    """The most age of a run that can still keep a playbook from a start: by `cooldown` or by `max_runs`."""
    return timedelta(seconds=max((max(p.limits.cooldown, p.limits.per) for p in playbooks), default=0.0))


def newest_alike(runs: Iterable[Summary], most: int) -> tuple[Summary, ...]:
    """In the order given, newest first: at most so many with the same outline that have all acted or all not."""
    seen = Counter[str]()
    found = []
    for s in runs:
        seen[kind := f"{s.progress.acted} {s.outline}"] += 1
        if seen[kind] <= most:
            found.append(s)
    return tuple(found)


def outlived(runs: Iterable[Summary], nth_newest: datetime | None, now: datetime, kept: timedelta) -> tuple[str, ...]:
    """The ids of runs to forget. `nth_newest`: when the oldest of the LEAST_RUNS newest was opened; None if there are
    not so many.

    Kept are runs that are open or owe an undo, the LEAST_RUNS newest, and those with an event within `kept` or
    RUNS_KEPT, whichever is longer.
    """
    if nth_newest is None:
        return ()
    since = now - max(RUNS_KEPT, kept)
    old = (s for s in runs if s.progress.touched < since and s.opened < nth_newest)
    return tuple(s.run for s in old if not s.progress.open and not s.progress.owes)[:RUNS_AT_ONCE]


def forgotten(looks: Sequence[datetime], now: datetime) -> tuple[datetime, ...]:
    """The looks to forget, by their times, in the order given.

    Kept are those of the last two hours, before that the first of each ten
    minutes of the clock for eight days, and always the newest. Looks more than an
    hour ahead go, the newest too: they would never age. Slots are fixed to the
    clock, so it does not matter how often this is called.
    """
    kept = _kept(sorted(at for at in looks if at <= now + AHEAD), now)
    return tuple(at for at in looks if at not in kept)


def _kept(looks: Sequence[datetime], now: datetime) -> set[datetime]:
    recent = {at for at in looks if at > now - RECENT}
    return {at for at in _first_of_each_slot(looks) if at >= now - OLDEST} | recent | set(looks[-1:])


def _first_of_each_slot(looks: Iterable[datetime]) -> Iterable[datetime]:
    """Of all looks, also too old ones: else the next one becomes the first of its slot."""
    first: dict[float, datetime] = {}
    for at in looks:
        first.setdefault(at.timestamp() // SLOT.total_seconds(), at)
    return first.values()
