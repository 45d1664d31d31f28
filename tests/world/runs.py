"""A spam-filter-hung run in the simulated world, ready to be disturbed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from failover.config.playbooks import bind_playbook, load_playbook
from failover.core.runs.journal import RunView, fold
from failover.core.runs.playbook import Playbook
from failover.ports import RunRecord
from failover.runs.engine import Engine
from failover.runs.planner import make_plan
from failover.world.machine import Machine
from failover.world.ports import ports
from failover.world.postfix import Daemon
from failover.world.store import MemoryStore
from failover.world.world import World

PLAYBOOK = Path(__file__).parents[2] / "playbooks" / "spam-filter-hung.yaml"
HANG_AT, PLAN_AT, TRAFFIC_UNTIL = 5.0, 75.0, 130.0


@lru_cache
def playbook(*, always_drains: bool = False) -> Playbook:
    """`always_drains`: without the `when` of the flush, which is skipped after a bypass that was seen to work."""
    found = load_playbook(PLAYBOOK)
    steps = tuple(replace(s, when=None) if always_drains and s.id == "drain" else s for s in found.steps)
    return replace(found, steps=steps)


@dataclass
class Scene:
    """The filter of mx1 hangs, its plan is made, nothing has acted yet. Moments are counted from `first`."""

    world: World
    record: RunRecord
    first: int

    @property
    def mx1(self) -> Machine:
        return self.world.machines["mx1"]

    @property
    def bypassed(self) -> bool:
        """Does all read as the plan's bypass wants it?"""
        want = next(s.want for s in self.record.plan.steps if s.id == "bypass")
        return all(self.mx1.read(*key.split(" ", 1)) == value for key, value in want.items())

    @property
    def in_force(self) -> bool:
        """Does Postfix run with what the files say?"""
        return self.mx1.postfix.loaded == self.mx1.files

    @property
    def view(self) -> RunView:
        return fold(self.record.plan, self.world.store.events(self.record.id))

    def engine(self, store: MemoryStore | None = None) -> Engine:
        return Engine(ports(self.world), store or self.world.store)

    def start(self) -> RunView:
        return self.engine().start(self.record)

    def resume(self) -> RunView:
        """As `runs resume` does; a run that was never opened is started: that is what a person would do."""
        if self.world.store.run(self.record.id) is None:
            return self.start()
        return self.engine().resume(self.record, by="on-call")

    def rollback(self, although: str = "") -> RunView:
        return self.engine().rollback(self.record, by="on-call", although=although)

    def heal(self) -> None:
        self.world.spamd("mx1", Daemon.OK)
        self.world.advance(5)

    def settle_mail(self) -> None:
        """Traffic ends, every queue empties; then the account must be exact."""
        self.world.advance(max(0.0, TRAFFIC_UNTIL + 60 - self.world.now))
        assert self.world.drain(), "mail is still queued an hour later"
        tally = self.world.ledger()
        assert tally.exact, f"lost {tally.missing[:3]}, doubled {tally.doubled[:3]}, foreign {tally.foreign[:3]}"
        assert tally.accepted > 30


def scene(
    seed: int = 1,
    *,
    rate: float = 0.6,
    wiring: str = "smtpd-pipe",
    until: float = TRAFFIC_UNTIL,
    always_drains: bool = False,
) -> Scene:
    world = World.august_11(seed, rate=rate, hang_at=HANG_AT, until=until)
    world.rewire("mx1", wiring)
    world.advance(PLAN_AT)
    bound = bind_playbook(playbook(always_drains=always_drains), {"sick": "mx1"}, world.fleet)
    plan = make_plan(bound, {"sick": "mx1"}, ports(world), ())
    record = RunRecord("run-1", world.clock.now(), "test", "", plan)
    return Scene(world, record, len(world.moments.seen))
