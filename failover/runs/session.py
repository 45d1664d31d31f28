"""A session: one process's time at one run. It holds the run's lease, and records each event before the next act."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from failover.actions.base import Ports
from failover.core import ahead
from failover.core.runs.journal import Did, Event, RunState, RunView, fold
from failover.core.runs.plan import Plan, Step
from failover.core.words import duration
from failover.errors import FailoverError
from failover.ports import Lease, RunRecord, Store

LEASE_S = 120.0
LATE_S = 60.0
"""A first act so long after its run was opened, or so long after its own intent, is not begun: the machine slept."""

Tell = Callable[[RunRecord, Event], None]
Background = Callable[[float], None]
"""What else may be done in a wait that has so many seconds to spare. It returns within these, and raises nothing."""


def lease_for(run: RunRecord, store: Store, now: datetime) -> Lease:
    """The right to act on the plan's hosts and domains. Raises Refused, naming the holder."""
    return store.lease(run.id, run.plan.scopes or (f"run:{run.id}",), seconds=LEASE_S, now=now)


Due = Callable[[str], str]
"""What is to be begun instead of a mere wait of this run, in words; empty if nothing."""


@dataclass(slots=True)
class Session:
    run: RunRecord
    lease: Lease
    ports: Ports
    store: Store
    tell: Tell
    stop: Callable[[], str | None]
    background: Background
    due: Due
    events: list[Event] = field(init=False)
    since: datetime = field(init=False)
    began: float = field(init=False)
    """The same moment, monotonic."""
    tries: dict[str, int] = field(default_factory=dict)
    unread: FailoverError | None = None
    """Why the last reading failed."""

    def __post_init__(self) -> None:
        self.events = list(self.store.events(self.run.id))
        self.since, self.began = self.ports.clock.now(), self.ports.clock.monotonic()

    @property
    def plan(self) -> Plan:
        return self.run.plan

    @property
    def view(self) -> RunView:
        return fold(self.plan, self.events)

    @property
    def is_first(self) -> bool:
        """Nobody has come back to this run, and no step of it was begun."""
        return [e.kind for e in self.events if e.kind is not Did.NOTE] == [Did.BEGUN]

    # Its time ---------------------------------------------------------------------

    @property
    def time_left_s(self) -> float:
        """Not counting what the machine slept (CLOCK_MONOTONIC, clock_gettime(2)): that was no time of the run's."""
        return self.plan.limits.deadline - (self.ports.clock.monotonic() - self.began)

    def must_stop(self) -> str | None:
        """Why to stop at this safe point, or None to go on."""
        return self.stop() or ("the run's deadline has passed" if self.time_left_s < 0 else None)

    def too_late(self, since: datetime) -> str:
        """Why nothing is begun any more on what was decided then; empty when it may be."""
        now = self.ports.clock.now()
        if ahead.is_ahead(since, now):
            return f"nothing was done: what was decided is {ahead.words(since)}, and may be long over"
        age = (now - since).total_seconds()
        return f"nothing was done: {duration(age)} went by since it was decided" if age > LATE_S else ""

    # Its lease --------------------------------------------------------------------

    def renew(self, seconds: float) -> None:
        """Make sure that the lease lasts for so long. Raises Refused once it was taken over."""
        if self.lease.until - self.ports.clock.now() < timedelta(seconds=seconds + LEASE_S / 2):
            self.hold(seconds)

    def hold(self, seconds: float) -> None:
        """Raises Refused once the lease was taken over."""
        self.lease = self.store.renew(self.lease, seconds=seconds + LEASE_S, now=self.ports.clock.now())

    def lease_anew(self) -> None:
        """With a newer epoch: hosts refuse from now on whatever the former one had sent."""
        self.lease = lease_for(self.run, self.store, self.ports.clock.now())

    # Its journal ------------------------------------------------------------------

    def record(self, kind: Did, step: str | None, data: Mapping[str, Any]) -> None:
        """Durable when it returns, then told."""
        if kind in {Did.INTENT, Did.UNDO_INTENT}:
            self.renew(next(p.limit_s for p in self.plan.steps if p.id == step))
        event = self.store.append(self.lease, kind, step, data, at=self.ports.clock.now())
        self.events.append(event)
        self.tell(self.run, event)

    def fail(
        self,
        step: Step,
        class_: str,
        error: str | FailoverError,
        *,
        nothing_done: bool = False,
        no_effect: bool = False,
    ) -> None:
        data = {"class": class_, "error": str(error), "nothing_done": nothing_done, "no_effect": no_effect}
        self.record(Did.FAILED, step.id, data)

    def pause(self, because: str) -> None:
        self.close(RunState.PAUSED, because)

    def close(self, state: RunState, because: str) -> None:
        self.record(Did.CLOSED, None, {"state": state.value, "because": because})
