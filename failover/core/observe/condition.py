"""Conditions: predicates over signals, judged in three values, always with reasons.

`holds` is True, False, or None for "cannot tell": an unreadable signal never
satisfies a condition and never refutes one. A guard is satisfied by True
alone; a trigger fires on True alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from failover.core.observe.signal import WORRY, Outcome, Samples, Signal, of
from failover.core.pace import AT_ONCE, Pace
from failover.core.words import duration, number


@dataclass(frozen=True, slots=True)
class Predicate:
    """One signal of one host against one bound. Exactly one of the bounds is given."""

    signal: str
    host: str
    is_: Outcome | None = None
    above: float | None = None
    below: float | None = None
    age_above: float | None = None
    samples: int = 1
    """`for: 3 samples`: as many looks in a row, `spacing` apart."""
    lasting: float = 0.0
    """`for: 15m`: every look within these seconds, and looks reaching back that far."""


@dataclass(frozen=True, slots=True)
class All:
    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Any:
    of: tuple[Condition, ...]


Condition = Predicate | All | Any


@dataclass(frozen=True, slots=True)
class Judgement:
    holds: bool | None
    because: tuple[str, ...]


def judge(condition: Condition, samples: Samples, *, now: datetime, pace: Pace = AT_ONCE) -> Judgement:
    """Judge over the samples, oldest first; samples from the future (a clock was set back) do not count.

    Pure: same samples and `now`, same judgement.
    """
    match condition:
        case Predicate():
            return _judge_predicate(condition, samples, now, pace)
        case All(parts):
            judged = [judge(p, samples, now=now, pace=pace) for p in parts]
            return Judgement(_all([j.holds for j in judged]), tuple(b for j in judged for b in j.because))
        case Any(parts):
            judged = [judge(p, samples, now=now, pace=pace) for p in parts]
            verdict = _any([j.holds for j in judged])
            speaking = [j for j in judged if j.holds is verdict]
            return Judgement(verdict, tuple(b for j in speaking for b in j.because))


def _all(parts: list[bool | None]) -> bool | None:
    return False if False in parts else None if None in parts else True


def _any(parts: list[bool | None]) -> bool | None:
    return True if True in parts else None if None in parts or not parts else False


def _judge_predicate(test: Predicate, samples: Samples, now: datetime, pace: Pace) -> Judgement:
    looks = _looks([s for s in of(samples, test.host, test.signal) if s.at <= now], pace.spacing)
    if not looks:
        return Judgement(None, (f"{test.signal} on {test.host}: not looked at",))
    if (age := _seconds(looks[-1].at, now)) > pace.fresh:
        return Judgement(None, (f"{test.signal} on {test.host}: last looked at {duration(age)} ago",))
    unbroken = _unbroken(looks, pace.gap)
    return _judge_lasting(test, unbroken, now) if test.lasting else _judge_samples(test, unbroken)


def _judge_samples(test: Predicate, looks: Samples) -> Judgement:
    recent = looks[-test.samples :]
    met = [_met(test, s) for s in recent]
    said = f"{_say(recent[-1])}, wanted {describe(test)}"
    if test.samples > 1:
        said += f", {met.count(True)} of {test.samples} looks"
    if False in met:
        return Judgement(False, (said,))
    enough = None not in met and len(recent) == test.samples
    return Judgement(True if enough else None, (said,))


def _judge_lasting(test: Predicate, looks: Samples, now: datetime) -> Judgement:
    """Met by every look of the span, and by the last look before it."""
    since = now - timedelta(seconds=test.lasting)
    before = [s for s in looks if s.at <= since]
    span = (*before[-1:], *(s for s in looks if s.at > since))
    met = [_met(test, s) for s in span]
    streak = list(itertools.takewhile(lambda pair: pair[1], reversed(list(zip(span, met, strict=True)))))
    lasted = _seconds(streak[-1][0].at, now) if streak else 0.0
    said = f"{_say(looks[-1])}, wanted {describe(test)}"
    said += f", so for {duration(min(lasted, test.lasting))}" if streak else ""
    if False in met:
        return Judgement(False, (said,))
    return Judgement(True if before and None not in met else None, (said,))


def _unbroken(looks: Samples, gap: float) -> Samples:
    """The newest looks without a gap between them."""
    since = next(
        (i for i in range(len(looks) - 1, 0, -1) if _seconds(looks[i - 1].at, looks[i].at) > gap),
        0,
    )
    return looks[since:]


def _seconds(since: datetime, until: datetime) -> float:
    return (until - since).total_seconds()


def _looks(samples: Iterable[Signal], spacing: float) -> Samples:
    """One signal per look: the worst of its vantages; looks closer than `spacing` seconds count as one, the newest."""
    groups: list[list[Signal]] = []
    for s in samples:
        if groups and _seconds(groups[-1][0].at, s.at) < max(spacing, 0.001):
            groups[-1].append(s)
        else:
            groups.append([s])
    return tuple(g[0] if len(g) == 1 else _worst_of_newest(g) for g in groups)


def _worst_of_newest(group: list[Signal]) -> Signal:
    """The worst of the newest signals of each vantage."""
    return max({s.vantage: s for s in group}.values(), key=lambda s: (s.worry, s.at))


def _met(test: Predicate, signal: Signal) -> bool | None:
    """Of a partial look, what was seen may be enough; what was not seen proves nothing."""
    if test.is_ is Outcome.UNKNOWN:
        return signal.outcome is Outcome.UNKNOWN
    if signal.outcome is Outcome.UNKNOWN:
        return None
    if test.is_ is not None:
        return _is(test.is_, signal)
    if test.age_above is not None:
        return _is_older(test.age_above, signal)
    if signal.at_least is None or signal.at_most is None:
        return None
    if test.above is not None:
        return True if signal.at_least > test.above else False if signal.at_most <= test.above else None
    below = test.below or 0.0
    return True if signal.at_most < below else False if signal.at_least >= below else None


def _is(wanted: Outcome, signal: Signal) -> bool | None:
    open_ = signal.partial and signal.outcome is not Outcome.FAIL and WORRY[signal.outcome] <= WORRY[wanted]
    return None if open_ else signal.outcome is wanted


def _is_older(bound: float, signal: Signal) -> bool | None:
    if signal.age is not None and signal.age > bound:
        return True
    return None if signal.partial or (signal.age is None and signal.value) else (signal.age or 0.0) > bound


def describe(test: Predicate) -> str:
    """The bound in words: `fail`, `above 50`, `older than 1 min`."""
    if test.is_ is not None:
        bound = test.is_.value
    elif test.above is not None:
        bound = f"above {number(test.above)}"
    elif test.below is not None:
        bound = f"below {number(test.below)}"
    else:
        bound = f"older than {duration(test.age_above or 0)}"
    return bound + (f" for {duration(test.lasting)}" if test.lasting else "")


def words(condition: Condition) -> str:
    """The condition in words: `cpu.load on mx1 above 2 and queue.pending on mx1 older than 1 min`."""
    match condition:
        case Predicate():
            return f"{condition.signal} on {condition.host} {describe(condition)}"
        case All(parts):
            return " and ".join(f"({words(p)})" if isinstance(p, Any) else words(p) for p in parts)
        case Any(parts):
            return " or ".join(f"({words(p)})" if isinstance(p, All) else words(p) for p in parts)


def _say(s: Signal) -> str:
    return f"{s.name} on {s.host} is {s.outcome}: {s.reason}"


def predicates(condition: Condition) -> tuple[Predicate, ...]:
    """Every predicate, depth first."""
    return (
        (condition,)
        if isinstance(condition, Predicate)
        else tuple(t for part in condition.of for t in predicates(part))
    )


def hasty(condition: Condition, looks: int) -> Condition:
    """The condition for a person who decides now: so many looks in a row replace a span."""
    match condition:
        case Predicate():
            return replace(condition, samples=looks, lasting=0.0) if condition.lasting else condition
        case All(parts):
            return All(tuple(hasty(p, looks) for p in parts))
        case Any(parts):
            return Any(tuple(hasty(p, looks) for p in parts))


def at_once(condition: Condition) -> Condition:
    """The condition for one look: does it hold at this moment?"""
    match condition:
        case Predicate():
            return replace(condition, samples=1, lasting=0.0)
        case All(parts):
            return All(tuple(at_once(p) for p in parts))
        case Any(parts):
            return Any(tuple(at_once(p) for p in parts))
