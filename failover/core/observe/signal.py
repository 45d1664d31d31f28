"""A signal: one thing seen on one host, from one vantage, at one time, and how it was judged."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

CONTROLLER = "controller"


class Outcome(enum.StrEnum):
    """Ordered by how much they worry us. Unknown means that we could not look; it never counts as down."""

    OK = "ok"
    WARN = "warn"
    UNKNOWN = "unknown"
    FAIL = "fail"


WORRY = {Outcome.OK: 0, Outcome.WARN: 1, Outcome.UNKNOWN: 2, Outcome.FAIL: 3}


@dataclass(frozen=True, slots=True)
class Signal:
    """`value` is in `unit`; `age`: the oldest age in seconds, where the value counts waiting things. `before`: how many
    of them have waited since the time that the look was given (`waited_s`); None: no time given, or the host cannot
    tell. Of a partial look `value` is what was seen, `most` and `before` are upper bounds, and age and outcome may be
    worse."""

    host: str
    name: str
    vantage: str
    outcome: Outcome
    reason: str
    at: datetime
    value: float | str | None = None
    unit: str = ""
    age: float | None = None
    before: float | None = None
    most: float | None = None

    @property
    def partial(self) -> bool:
        return self.most is not None

    @property
    def at_least(self) -> float | None:
        return 0.0 if self.partial and self._number is None else self._number

    @property
    def at_most(self) -> float | None:
        return self.most if self.partial else self._number

    @property
    def _number(self) -> float | None:
        return self.value if isinstance(self.value, int | float) else None

    @property
    def worry(self) -> int:
        return WORRY[self.outcome]


Samples = tuple[Signal, ...]
"""Signals of one look or of many, oldest first."""


def worst(signals: Iterable[Signal]) -> Signal | None:
    """The most worrying one, the newest of equals; None if there are none."""
    return max(signals, key=lambda s: (s.worry, s.at), default=None)


def of(samples: Iterable[Signal], host: str, name: str) -> Samples:
    return tuple(s for s in samples if s.host == host and s.name == name)


def latest(samples: Iterable[Signal], host: str, name: str) -> Samples:
    """The newest look at this signal: one per vantage that looked then."""
    found: dict[str, Signal] = {}
    for s in of(samples, host, name):
        if s.vantage not in found or s.at >= found[s.vantage].at:
            found[s.vantage] = s
    return tuple(found.values())
