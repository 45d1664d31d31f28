"""A deadline for work that has none: it runs in a thread of its own, and the caller leaves when time is up.

Paramiko waits for ever for the answer to an exec request, whatever time-outs
are set (measured), and the resolver takes its own time. So the socket is shut
from outside, and the thread ends by that error.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from enum import IntEnum
from typing import Generic, TypeVar

from failover.adapters.sock import hang_up

T = TypeVar("T")


class Stage(IntEnum):
    """The progress of a call. From SENT on, the far side may act."""

    CONNECT = 0
    GREET = 1
    LOGIN = 2
    CHANNEL = 3
    SENT = 4


class Abandoned(Exception):
    """The caller has left, so the work must stop."""


class Overdue(Exception):
    def __init__(self, stage: Stage, seconds: float) -> None:
        super().__init__(f"no end within {seconds:.1f} s, at {stage.name.lower()}")
        self.stage = stage
        self.seconds = seconds


class Errand(Generic[T]):
    """One piece of work with a deadline, shared by its thread and the caller who waits.

    Law: reaching a stage and leaving exclude each other. Once the caller has
    been told "nothing was sent", the work can no longer send.
    """

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._left = False
        self._done = False
        self._socks: list[socket.socket] = []
        self._value: list[T] = []
        self._error: BaseException | None = None
        self.stage = Stage.CONNECT

    def at(self, stage: Stage) -> None:
        """Raises Abandoned when the caller has left."""
        with self._turn:
            self._go_on()
            self.stage = stage
            self._turn.notify_all()

    def holds(self, sock: socket.socket) -> None:
        """The caller may shut `sock` from now on. Raises Abandoned if the caller has left (`sock` is closed)."""
        with self._turn:
            if self._left:
                sock.close()
            self._go_on()
            self._socks.append(sock)

    def run(self, work: Callable[[], T], deadline: Callable[[Stage], float]) -> T:
        """The result of `work()`. Raises Overdue at `deadline(stage)` (monotonic seconds), whatever `work` does."""
        started = time.monotonic()
        threading.Thread(target=self._work, args=(work,), daemon=True, name="errand").start()
        with self._turn:
            try:
                while not self._done:
                    left = deadline(self.stage) - time.monotonic()
                    if left <= 0:
                        raise Overdue(self.stage, time.monotonic() - started)
                    self._turn.wait(left)
            except BaseException:  # also ^C: the caller leaves, so nothing more may be sent
                self._leave()
                raise
        if self._error is not None:
            raise self._error
        return self._value[0]

    def _work(self, work: Callable[[], T]) -> None:
        try:
            self._value.append(work())
        except BaseException as e:
            self._error = e
        with self._turn:
            self._done = True
            self._turn.notify_all()

    def _leave(self) -> None:
        self._left = True
        for sock in self._socks:
            hang_up(sock)

    def _go_on(self) -> None:
        if self._left:
            raise Abandoned


def within(seconds: float, work: Callable[[], T]) -> T:
    """The result of `work()`. Raises Overdue; work that goes on is left alone."""
    errand, ends = Errand[T](), time.monotonic() + seconds
    return errand.run(work, lambda _: ends)
