"""Faults of the controller and of the way to a host, each at an exact moment."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass


class Killed(BaseException):
    """The controller dies here, as by SIGKILL: nothing catches it, nothing runs after it."""


class Moments:
    """Every moment at which a kill or another event makes a difference, numbered from 1.

    Around each remote call and each durable record. A test counts them in an
    undisturbed run, then dies (`kill_at`) or acts (`hooks`) at each in turn.
    `watch` is told of each before that.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.kill_at: int | None = None
        self.hooks: dict[int, Callable[[], object]] = {}
        self.dead = False
        self.watch: Callable[[str], object] = lambda label: None

    def __call__(self, label: str) -> None:
        """A dead controller's `finally` dies here, too: SIGKILL leaves no time for it."""
        if self.dead:
            raise Killed(f"dead already, yet it wants: {label}")
        self.seen.append(label)
        self.watch(label)
        number = len(self.seen)
        if hook := self.hooks.pop(number, None):
            hook()
        if number == self.kill_at:
            self.dead = True
            raise Killed(f"at moment {number}: {label}")


class FaultKind(enum.StrEnum):
    UNREACHABLE = "unreachable"
    """No connection: nothing runs."""
    CUT_UNDONE = "cut, undone"
    """The request left and was lost."""
    CUT_DONE = "cut, done"
    """It runs to its end; the answer is lost."""
    CUT_LATE = "cut, late"
    """It begins `seconds` later, when nobody waits any more."""
    DIES = "dies"
    """SIGKILL on the host at its stretch `at`: half of it is done, no result is written."""
    STALLS = "stalls"
    """At its stretch `at` it stops for `seconds`, with its lock."""
    ODD = "odd"
    """It runs to its end and returns a code that is in no table."""
    FULL = "full"
    """The folder of its results is full for `seconds`."""


@dataclass(frozen=True, slots=True)
class Fault:
    kind: FaultKind
    seconds: float = 0.0
    at: int = 0

    def __str__(self) -> str:
        return self.kind.value + (f" {self.seconds:g} s" if self.seconds else "") + (f" @{self.at}" if self.at else "")
