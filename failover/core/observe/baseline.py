"""A host against its own past: are the newest values far above the usual ones? Pure.

An anomaly is told to people; it never starts a playbook: spammers prefer a backup MX, a newsletter is a flood, and a
drained queue runs fast.

The past is folded to one median per SLOT_S, so that many looks of the last hours weigh no more than the few kept of
last week. The limit is the median of those plus six deviations (1.4826 × the median deviation, the standard deviation
of a normal past), and never less than the floors of `RULES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from failover.core.observe.signal import Outcome, Samples, Signal, of
from failover.core.words import number

SLOT_S = 600.0
LEAST_SLOTS = 6
LEAST_PAST_S = 3600.0
FRESH_S = 900.0
"""The newest two looks must lie within these seconds; cron may look only every few minutes."""
DEVIATIONS = 6 * 1.4826


@dataclass(frozen=True, slots=True)
class Baseline:
    """`times` the usual, `more` than the usual and `floor` at least; `words`: host, newest, usual."""

    times: float
    more: float
    floor: float
    words: str


RULES: Mapping[str, Baseline] = {
    "traffic.share": Baseline(1.0, 20.0, 30.0, "{0} takes {1} % of the mail, usually {2} %"),
    "queue.removed_rate": Baseline(3.0, 0.0, 60.0, "{0} is done with {1} messages a minute, usually {2}"),
}


@dataclass(frozen=True, slots=True)
class Anomaly:
    """`value`: of the newest look; `limit`: both newest looks exceed it."""

    host: str
    name: str
    value: float
    usual: float
    limit: float
    words: str


def unusual(samples: Samples, host: str, name: str, *, now: datetime, hours: float = 192.0) -> Anomaly | None:
    """Are the two newest values both far above those of the past `hours`? None also if that cannot be told.

    `name` is one of `RULES`. The past must reach back an hour; the two newest looks are no part of it.
    """
    span = timedelta(hours=hours)
    looks = sorted((s for s in of(samples, host, name) if timedelta(0) <= now - s.at <= span), key=lambda s: s.at)
    past, newest = looks[:-2], looks[-2:]
    values, usual = [_value(s) for s in newest], _usual(past)
    fresh = len(newest) == 2 and now - newest[0].at <= timedelta(seconds=FRESH_S)
    if not fresh or None in values or usual is None:
        return None
    rule, (typical, deviation) = RULES[name], usual
    limit = max(typical + DEVIATIONS * deviation, typical + rule.more, rule.times * typical, rule.floor)
    known = [v for v in values if v is not None]
    if min(known) <= limit:
        return None
    return Anomaly(host, name, known[-1], typical, limit, rule.words.format(host, _said(known[-1]), _said(typical)))


def _value(s: Signal) -> float | None:
    if s.outcome is Outcome.UNKNOWN or not isinstance(s.value, int | float):
        return None
    return float(s.value)


def _usual(past: list[Signal]) -> tuple[float, float] | None:
    """Median and median deviation of the slots, oldest look first; None if there are too few."""
    known = [(s.at, v) for s in past if (v := _value(s)) is not None]
    if not known or (known[-1][0] - known[0][0]).total_seconds() < LEAST_PAST_S:
        return None
    slots: dict[int, list[float]] = {}
    for at, value in known:
        slots.setdefault(int(at.timestamp() // SLOT_S), []).append(value)
    folded = [median(values) for values in slots.values()]
    typical = median(folded)
    return (typical, median(abs(v - typical) for v in folded)) if len(folded) >= LEAST_SLOTS else None


def _said(value: float) -> str:
    return number(round(value) if value >= 10 else round(value, 1))
