"""Virtual time: the events of the simulated world in order, and its clock."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from failover.world.layers import Layers

DAWN = datetime(2020, 8, 11, 6, 0, tzinfo=UTC)


class HorizonReached(AssertionError):
    """Something in this world did not end: a loop without a deadline."""


class Timeline:
    """Seconds since the world began, and the events due. Events of the same time keep their order."""

    def __init__(self, *, horizon: float = 24 * 3600.0) -> None:
        self.now = 0.0
        self.horizon = horizon
        self.waits: Callable[[float, Callable[[], bool]], bool] | None = None
        """Set while several wait at once: whoever waits, waits there (`together.py`)."""
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._tie = itertools.count()

    def at(self, when: float, do: Callable[[], object]) -> None:
        heapq.heappush(self._due, (max(when, self.now), next(self._tie), do))

    def after(self, seconds: float, do: Callable[[], object]) -> None:
        self.at(self.now + seconds, do)

    def run_until(self, when: float, *, stop: Callable[[], bool] = lambda: False) -> bool:
        """Let time pass up to `when`; True as soon as `stop` holds."""
        if when > self.horizon:
            raise HorizonReached(f"somebody waits until {when:.0f} s; this world ends at {self.horizon:.0f} s")
        if stop():
            return True
        if self.waits is not None:
            return self.waits(when, stop)
        while self._due and self._due[0][0] <= when:
            self.now, _, do = heapq.heappop(self._due)
            do()
            if stop():
                return True
        self.now = max(self.now, when)
        return False

    @property
    def datetime(self) -> datetime:
        return DAWN + timedelta(seconds=self.now)

    @property
    def unix(self) -> float:
        return DAWN.timestamp() + self.now


class WorldClock:
    """The Clock port of a timeline: mail moves while somebody sleeps. `ahead`: the error of the wall clock."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._asleep = 0.0
        self.ahead = Layers(0.0, sum, self._set)
        self._ahead = timedelta()

    def _set(self, seconds: float) -> None:
        self._ahead = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return self._timeline.datetime + self._ahead

    def monotonic(self) -> float:
        return self._timeline.now - self._asleep

    def suspend(self, seconds: float) -> None:
        """The machine is paused: the world goes on, and CLOCK_MONOTONIC does not count it (clock_gettime(2))."""
        self._asleep += seconds
        self._timeline.run_until(self._timeline.now + seconds)

    def sleep(self, seconds: float) -> None:
        self._timeline.run_until(self._timeline.now + max(0.0, seconds))
