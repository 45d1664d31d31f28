"""The unattended controller on the virtual clock, from cron or resident, over a night in the simulated world."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache

from failover.config.catalogue import find
from failover.config.playbooks import load_playbook
from failover.controller.cycle import cycle
from failover.controller.result import CycleResult
from failover.core.alerting.alert import Message
from failover.core.fleet import Mode, Policy
from failover.core.observe.signal import Samples
from failover.core.runs.journal import RunState
from failover.core.runs.playbook import Playbook
from failover.errors import Refused
from failover.runs.service import Runs
from failover.world.faults import Killed
from failover.world.ports import ports
from failover.world.postfix import Queue
from failover.world.world import World
from tests.world.invariants import Invariants

FOREVER = 1e9
CRON, WATCH = 60.0, 10.0
BUDGETS = {CRON: 45.0, WATCH: 0.0}
"""As `failover tick` and `failover watch` have them."""
UNATTENDED = ("handler-down", "mx-down", "spam-filter-hung")


@lru_cache
def playbooks() -> tuple[Playbook, ...]:
    return tuple(load_playbook(find(name, None)) for name in UNATTENDED)


def going_back_by_itself(books: tuple[Playbook, ...]) -> tuple[Playbook, ...]:
    """As a policy that lets the controller fail back."""
    return tuple(replace(b, failback=b.failback and replace(b.failback, mode="auto")) for b in books)


@dataclass
class Night:
    """`every`: seconds from tick to tick; each tick of cron is a process of its own."""

    world: World
    every: float = CRON
    books: tuple[Playbook, ...] = field(default_factory=playbooks)
    ends: list[Callable[[], object]] = field(default_factory=list)
    """What ends the incidents that were begun in it."""
    turns: int = 0
    last: CycleResult | None = None
    _resident: Runs | None = None

    def __post_init__(self) -> None:
        self.world.fleet = replace(self.world.fleet, policy=Policy(mode=Mode.AUTO))
        self.invariants = Invariants(self.world, {b.name: b.limits for b in self.books})

    def go(self, until: float) -> None:
        """Tick after tick, up to this second of the world."""
        while (at := self._next_tick()) <= until:
            self.world.advance(at - self.world.now)
            self.tick()
        self.world.advance(max(0.0, until - self.world.now))

    def _next_tick(self) -> float:
        return (math.floor(self.world.now / self.every) + 1) * self.every

    def tick(self) -> None:
        """One cycle; one that is killed ends there, and the next begins as another process."""
        self.turns += 1
        try:
            self.last = cycle(self.controller(), self.books, budget_s=BUDGETS[self.every])
        except Refused:  # the lead of one that died elsewhere has not run out
            self.last = None
        except Killed:
            self._resident = None
            self.world.reborn()
        self.invariants.after_cycle()

    def controller(self) -> Runs:
        if self.every == WATCH:
            self._resident = self._resident or self._new(())
            return self._resident
        self.world.store = self.world.store.reborn()
        return self._new(self.world.store.samples(self.world.clock.now()))

    def _new(self, before: Samples) -> Runs:
        return Runs(ports(self.world, before), self.world.store)

    def let_mail_through(self, within: float = 4 * 3600.0) -> None:
        """Nobody writes any more, every queue empties; then each message was delivered once, or the law is broken."""
        self.world.quiet_until = FOREVER
        drained = self.world.drain(within)
        tally = self.world.ledger()
        if not drained or not tally.exact:
            left = {n: [m.seq for m in x.postfix.of(*Queue)][:3] for n, x in self.world.machines.items()}
            self.invariants.fail(f"lost {tally.missing[:3]}, doubled {tally.doubled[:3]}, queued {left}")

    def take_back(self) -> None:
        """A person undoes whatever still stands, newest first, and closes what waited for one."""
        self.world.store.disk.pauses.clear()
        controller = Runs(ports(self.world), self.world.store)
        for record in reversed(self.invariants.records()):
            if any(m.run == record.id for m in controller.mitigations()):
                view = controller.rollback(record)
                if view.state is not RunState.ROLLED_BACK:
                    self.invariants.fail(f"{record.id} cannot be taken back: {view.state.value}, {view.because}")
        for record, _ in controller.open_runs():
            controller.accept(record, "looked into it")
        self.invariants.as_before()

    @property
    def messages(self) -> list[Message]:
        return [message for _, _, message in self.world.notifier.sent]

    @property
    def pages(self) -> list[Message]:
        """What wakes a person: neither for their information nor that something is over."""
        return [m for m in self.messages if m.severity != "info" and not m.resolves]

    @property
    def runs(self) -> list[str]:
        """PLAYBOOK HOST of each run, in order."""
        records = self.world.store.disk.records.values()
        return [f"{r.plan.playbook} {r.plan.params.get('sick', '')}" for r in records]
