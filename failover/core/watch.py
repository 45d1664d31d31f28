"""Verify: watch a signal for its effect. Progress counts, not a level that a busy host never reaches."""

from __future__ import annotations

import enum
from datetime import datetime
from itertools import pairwise

from failover.core.playbook import Watch
from failover.core.signal import Outcome, Samples, Signal, of
from failover.core.words import duration, number


class Seen(enum.StrEnum):
    YES = "yes"
    NOT_YET = "not yet"
    NO = "no"
    UNKNOWN = "unknown"
    """Time is up and we could not look: never a success, and never proof of failure."""


def watch(wanted: Watch, samples: Samples, *, since: datetime, now: datetime) -> tuple[Seen, str]:
    """Judge the looks taken since the step acted (oldest first)."""
    looks = [s for s in of(samples, wanted.host, wanted.signal) if s.at >= since]
    readable = [s for s in looks if s.outcome is not Outcome.UNKNOWN]
    reached, said = _reached(wanted, readable)
    if reached:
        return Seen.YES, said
    if _patience_left(wanted, readable, since, now) > 0:
        return Seen.NOT_YET, said
    if not readable or looks[-1].outcome is Outcome.UNKNOWN:
        reason = looks[-1].reason if looks else "no look came back"
        return Seen.UNKNOWN, f"{wanted.signal} on {wanted.host} could not be read: {reason}"
    return Seen.NO, f"{said}, after {duration((now - since).total_seconds())}"


def patience_left(wanted: Watch, samples: Samples, *, since: datetime, now: datetime) -> float:
    """Seconds until `watch` answers no to these looks; an effect that comes earlier ends it earlier."""
    looks = [s for s in of(samples, wanted.host, wanted.signal) if s.at >= since]
    return _patience_left(wanted, [s for s in looks if s.outcome is not Outcome.UNKNOWN], since, now)


def _reached(wanted: Watch, looks: list[Signal]) -> tuple[bool, str]:
    if not looks:
        return False, f"{wanted.signal}: no look yet"
    last = looks[-1]
    said = f"{wanted.signal} {_value(last)}"
    if wanted.is_ is not None:
        met = last.outcome == wanted.is_
        return met, f"{wanted.signal} is {last.outcome}{'' if met else f', wanted {wanted.is_}'}: {last.reason}"
    if wanted.falls_to is not None:
        return _number(last) <= wanted.falls_to, f"{said}, wanted {number(wanted.falls_to)}"
    if wanted.age_below is not None:
        oldest = last.age or 0.0
        return (
            oldest < wanted.age_below,
            f"{said}, oldest {duration(oldest)}, wanted under {duration(wanted.age_below)}",
        )
    span = wanted.stops_growing or 0.0
    then = [s for s in looks if (last.at - s.at).total_seconds() >= span]
    if not then:
        return False, f"{said}, looked for less than {duration(span)}"
    grown = _number(last) - _number(then[-1])
    return grown <= 0, f"{said}, {number(abs(grown))} {'more' if grown > 0 else 'fewer'} than {duration(span)} ago"


def _patience_left(wanted: Watch, looks: list[Signal], since: datetime, now: datetime) -> float:
    if wanted.stalls_at_most is None:
        return wanted.within - (now - since).total_seconds()
    fell = [b.at for a, b in pairwise(looks) if _number(b) < _number(a) or (b.age or 0.0) < (a.age or 0.0)]
    moved = fell[-1] if fell else since
    return wanted.stalls_at_most - (now - moved).total_seconds()


def _number(s: Signal) -> float:
    return float(s.value) if isinstance(s.value, int | float) else 0.0


def _value(s: Signal) -> str:
    return number(s.value) if isinstance(s.value, int | float) else str(s.value or s.outcome)
