"""Several at once in one virtual time, and still the same each time: one goes on while all the others wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from failover.world.timeline import Timeline

T = TypeVar("T")


def side_by_side(timeline: Timeline, jobs: Sequence[Callable[[], T]]) -> list[T]:
    """The results of all, in their order; raises the first error. They begin in this order, and whoever's time has come
    goes on, in this order again: so the same seed gives the same history."""
    around = timeline.waits
    turns = [_Turn(job) for job in jobs]
    for turn in turns:
        turn.go_on(timeline, around)
    while waiting := [turn for turn in turns if not turn.ended]:
        timeline.run_until(min(t.until for t in waiting), stop=lambda: any(t.stop() for t in waiting))
        for turn in waiting:
            if turn.is_due(timeline):
                turn.go_on(timeline, around)
    for turn in turns:
        if turn.error is not None:
            raise turn.error
    return [turn.result for turn in turns]


class _Turn(Generic[T]):
    """One of them, in a thread of its own, that runs only between `go_on` and its next wait."""

    result: T

    def __init__(self, job: Callable[[], T]) -> None:
        self.error: BaseException | None = None
        self.ended = self.stopped = False
        self.until, self.stop = 0.0, _never
        self._job = job
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def is_due(self, timeline: Timeline) -> bool:
        self.stopped = self.stop()
        return self.stopped or timeline.now >= self.until

    def go_on(self, timeline: Timeline, around: Callable[[float, Callable[[], bool]], bool] | None) -> None:
        timeline.waits = self._wait
        self._go.release()
        self._back.acquire()
        timeline.waits = around

    def _work(self) -> None:
        self._go.acquire()
        try:
            self.result = self._job()
        except BaseException as e:  # also one that is killed; the caller raises it
            self.error = e
        self.ended = True
        self._back.release()

    def _wait(self, until: float, stop: Callable[[], bool]) -> bool:
        self.until, self.stop = until, stop
        self._back.release()
        self._go.acquire()
        return self.stopped


def _never() -> bool:
    return False
