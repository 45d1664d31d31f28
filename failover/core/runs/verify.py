"""Verify: watch a signal for the step's effect. Mail has to leave: a short queue proves nothing on an idle host, and
never comes on a busy one."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import pairwise

from failover.core.observe.signal import Outcome, Samples, Signal, of
from failover.core.runs.leaving import leaves, looked_at, lows
from failover.core.runs.playbook import Watch
from failover.core.words import duration, number


class Seen(enum.StrEnum):
    YES = "yes"
    NOT_YET = "not yet"
    NO = "no"
    GIVES_WAY = "gives way"
    """Another cure is due, and nothing is lost if this effect is not watched."""
    UNKNOWN = "unknown"
    """Time is up and we could not look: neither a success nor a failure."""


def watch(
    wanted: Watch, samples: Samples, *, since: datetime, now: datetime, waited: Mapping[str, float] | None = None
) -> tuple[Seen, str]:
    """Judge the looks taken since the step acted (oldest first). `waited`: from `leaving.waiting`, before the act."""
    looks = [s for s in of(samples, wanted.host, wanted.signal) if s.at >= since]
    readable = [s for s in looks if s.outcome is not Outcome.UNKNOWN]
    fit = [s for s in samples if s.at >= since]
    reached, said = leaves(wanted, fit, waited or {}) if wanted.leaves else _reached(wanted, readable)
    if reached:
        return Seen.YES, said
    if _patience_left(wanted, fit, since, now, waited or {}) > 0:
        return Seen.NOT_YET, said
    if not readable or looks[-1].outcome is Outcome.UNKNOWN:
        reason = looks[-1].reason if looks else "no look came back"
        return Seen.UNKNOWN, f"{wanted.signal} on {wanted.host} could not be read: {reason}"
    if readable[-1].partial:  # the rest of the queue may show the effect
        return Seen.UNKNOWN, f"{said}: {readable[-1].reason}"
    return Seen.NO, f"{said}, after {duration((now - since).total_seconds())}"


def patience_left(
    wanted: Watch, samples: Samples, *, since: datetime, now: datetime, waited: Mapping[str, float] | None = None
) -> float:
    """Seconds until `watch` gives up, if no effect comes."""
    return _patience_left(wanted, [s for s in samples if s.at >= since], since, now, waited or {})


def signals(watches: Iterable[Watch]) -> frozenset[str]:
    """The signals to look at for these."""
    return frozenset(name for w in watches for name in (looked_at(w.signal) if w.leaves else (w.signal,)))


def _reached(wanted: Watch, looks: list[Signal]) -> tuple[bool, str]:
    if not looks:
        return False, f"{wanted.signal}: no look yet"
    last = looks[-1]
    said = f"{wanted.signal} {_value(last)}"
    if wanted.is_ is not None:
        met = last.outcome == wanted.is_ and (not last.partial or last.outcome is Outcome.FAIL)
        return met, f"{wanted.signal} is {last.outcome}{'' if met else f', wanted {wanted.is_}'}: {last.reason}"
    if wanted.falls_to is not None:
        return _most(last) <= wanted.falls_to, f"{said}, wanted {number(wanted.falls_to)}"
    if wanted.age_below is not None:
        oldest = last.age or 0.0
        return (
            oldest < wanted.age_below and not last.partial,
            f"{said}, oldest {duration(oldest)}, wanted under {duration(wanted.age_below)}",
        )
    span = wanted.stops_growing or 0.0
    then = [s for s in looks if (last.at - s.at).total_seconds() >= span]
    if not then:
        return False, f"{said}, looked for less than {duration(span)}"
    grown = _most(last) - _least(then[-1])
    return grown <= 0, f"{said}, {number(abs(grown))} {'more' if grown > 0 else 'fewer'} than {duration(span)} ago"


def _patience_left(
    wanted: Watch, samples: Iterable[Signal], since: datetime, now: datetime, waited: Mapping[str, float]
) -> float:
    if wanted.stalls_at_most is None:
        return wanted.within - (now - since).total_seconds()
    moved = max((at for at in _moved(wanted, samples, waited)), default=since)
    return wanted.stalls_at_most - (now - moved).total_seconds()


def _moved(wanted: Watch, samples: Iterable[Signal], waited: Mapping[str, float]) -> Iterable[datetime]:
    """The times of progress: of new minimums. The ups and downs of a busy host do not count."""
    if wanted.leaves:
        yield from lows(wanted, samples, waited)
        return
    looks = [s for s in of(samples, wanted.host, wanted.signal) if s.outcome is not Outcome.UNKNOWN]
    for read in (_most, lambda s: s.age or 0.0):
        least = [min(map(read, looks[: i + 1])) for i in range(len(looks))]
        yield from (s.at for s, (was, is_) in zip(looks[1:], pairwise(least), strict=True) if is_ < was)


def _most(s: Signal) -> float:
    return s.at_most or 0.0


def _least(s: Signal) -> float:
    return s.at_least or 0.0


def _value(s: Signal) -> str:
    return number(s.value) if isinstance(s.value, int | float) else str(s.value or s.outcome)
