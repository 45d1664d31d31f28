"""Waiting: look again until it is known, or until patience ends. Seconds to spare go to the background."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from failover.actions.base import Ports
from failover.core.observe.condition import Condition, Judgement
from failover.core.runs.plan import Step
from failover.core.runs.recovery import Reading
from failover.ports import Clock
from failover.runs.looking import judge_now, lasts, read
from failover.runs.session import Background, Session

POLL_S = 1.0
PATIENCE_S = 30.0
"""How long we go on looking at what we cannot read, or wait for what still runs there, beyond a step's own limit."""


def await_known(s: Session, conditions: Sequence[Condition]) -> Judgement:
    """A look that could not see is repeated for 30 s, some three that time out; then the answer is unknown."""
    clock = s.ports.clock
    until = clock.monotonic() + PATIENCE_S
    while (found := judge_now(s, conditions)).holds is None and clock.monotonic() < until and not s.stop():
        clock.sleep(POLL_S)
    return found


def await_reading(s: Session, step: Step, look: Callable[[], Reading]) -> Reading:
    """Read until it is known and at rest. What runs there has the step's own time, and all have some patience."""
    since = s.ports.clock.monotonic()
    while True:
        reading = read(s, step, look)
        until = since + PATIENCE_S + (step.limit_s if reading is Reading.RUNNING else 0.0)
        out_of_time = s.ports.clock.monotonic() > until
        if _is_final(s, reading) or out_of_time or s.stop():
            return reading
        s.renew(step.limit_s)
        wait(s, until - s.ports.clock.monotonic())


def _is_final(s: Session, reading: Reading) -> bool:
    return reading not in {Reading.UNKNOWN, Reading.RUNNING} or (reading is Reading.UNKNOWN and lasts(s.unread))


def wait(s: Session, spare_s: float) -> None:
    """Until it is time to look again; the background may take `spare_s` seconds."""
    until = s.ports.clock.monotonic() + POLL_S
    s.background(min(spare_s, s.time_left_s))
    s.ports.clock.sleep(until - s.ports.clock.monotonic())


def shared(s: Session) -> Ports:
    """The ports that acts are given: while an act only waits, the background works."""
    return replace(s.ports, clock=_SharedClock(s.ports.clock, s.background))


@dataclass(frozen=True, slots=True)
class _SharedClock:
    clock: Clock
    background: Background

    def now(self) -> datetime:
        return self.clock.now()

    def monotonic(self) -> float:
        return self.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        until = self.monotonic() + seconds
        while (left := until - self.monotonic()) > 0:
            self.background(left)
            self.clock.sleep(min(POLL_S, until - self.monotonic()))
