"""The playbook `august-11` in the simulated world: it does what is needed, leaves the rest, and is undone in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from failover.actions.base import Ports
from failover.config.catalogue import find
from failover.config.playbooks import bind_playbook, load_playbook
from failover.core.mx import mx_set
from failover.core.observe.signal import Samples
from failover.core.runs.journal import Phase, RunState, RunView
from failover.core.runs.plan import Certainty, Plan
from failover.errors import Refused
from failover.ports import RunRecord
from failover.runs.engine import Engine
from failover.runs.planner import make_plan
from failover.world.ports import ports
from failover.world.postfix import Daemon
from failover.world.world import World
from tests.fakes import Zone

GIVEN = {"sick": "mx1", "to": "mx2", "domain": "lab.test"}
LAB = mx_set(60, [(10, "mx1.lab.test"), (20, "mx2.lab.test")])


class Night:
    def __init__(self, *, handler: Daemon = Daemon.OK, spamd: Daemon = Daemon.OK) -> None:
        self.world, self.zone = World(11), Zone(LAB)
        self.world.traffic(rate=1.0, until=200)
        self.world.advance(5)
        self.world.handler("mx1", handler)
        self.world.spamd("mx1", spamd)
        self.world.advance(70)

    @property
    def ports(self) -> Ports:
        ours = ports(self.world)

        def hosts_alone(names: Iterable[str], signals: frozenset[str] | None, waited: float = 0.0) -> Samples:
            """The simulated world has no name servers to look at."""
            return ours.look([n for n in names if n in self.world.fleet.hosts], signals, waited)

        return replace(ours, look=hosts_alone, zone=lambda domain: self.zone)

    def plan(self) -> Plan:
        bound = bind_playbook(load_playbook(find("august-11", None)), GIVEN, self.world.fleet)
        return make_plan(bound, GIVEN, self.ports, ())

    def run(self) -> tuple[RunRecord, RunView]:
        record = RunRecord("run-1", self.world.clock.now(), "test", "", self.plan())
        return record, Engine(self.ports, self.world.store).start(record)

    def account_is_exact(self) -> None:
        self.world.advance(max(0.0, 210 - self.world.now))
        assert self.world.drain()
        assert self.world.ledger().exact


def phases(view: RunView) -> dict[str, Phase]:
    return {name: s.phase for name, s in view.steps.items()}


@pytest.mark.parametrize("handler", [Daemon.OK, Daemon.DOWN, Daemon.HUNG])
@pytest.mark.parametrize("spamd", [Daemon.OK, Daemon.HUNG])
def test_only_what_is_broken_is_touched_and_no_mail_is_lost(handler: Daemon, spamd: Daemon) -> None:
    night = Night(handler=handler, spamd=spamd)
    _, view = night.run()
    assert view.state is RunState.SUCCEEDED, view.because
    done = phases(view)
    assert done["restart"] is (Phase.SKIPPED if handler is Daemon.OK else Phase.VERIFIED)
    assert done["bypass"] is (Phase.SKIPPED if spamd is Daemon.OK else Phase.VERIFIED)
    assert (done["shift"], done["watch"]) == (Phase.SKIPPED, Phase.SKIPPED)
    assert (night.world.files() == night.world.pristine) is (spamd is Daemon.OK)
    assert night.zone.swaps == 0
    night.account_is_exact()


def test_standby_that_is_unfit_keeps_nobody_from_curing_what_is_local() -> None:
    night = Night(spamd=Daemon.HUNG)
    night.world.handler("mx2", Daemon.DOWN)
    shift = night.plan().steps[-2]
    assert (shift.certainty, "mx2 is not fit" in shift.says) == (Certainty.UNCHANGED, True)
    assert any("mx2 is not fit" in w for w in night.plan().warnings)
    _, view = night.run()
    assert (view.state, phases(view)["bypass"]) == (RunState.SUCCEEDED, Phase.VERIFIED)
    night.account_is_exact()


def test_handler_that_cannot_be_restarted_is_left_out_only_while_it_answers() -> None:
    def without_container(night: Night) -> Night:
        hosts = dict(night.world.fleet.hosts)
        handler = hosts["mx1"].handler
        assert handler is not None
        hosts["mx1"] = replace(hosts["mx1"], handler=replace(handler, container=None))
        night.world.fleet = replace(night.world.fleet, hosts=hosts)
        return night

    assert "no container" in without_container(Night(spamd=Daemon.HUNG)).plan().steps[0].says
    with pytest.raises(Refused, match="no container"):
        without_container(Night(handler=Daemon.DOWN)).plan()


def test_host_that_is_still_hot_gives_its_traffic_away_and_gets_it_back_after_its_filter() -> None:
    night = Night(spamd=Daemon.HUNG)
    plan = night.plan()
    steps = tuple(replace(s, when=None, verify=()) if s.id == "shift" else s for s in plan.steps)
    record = RunRecord("run-1", night.world.clock.now(), "test", "", replace(plan, steps=steps))
    engine = Engine(night.ports, night.world.store)
    assert engine.start(record).state is RunState.SUCCEEDED
    assert night.zone.now.first == {"mx2.lab.test."}

    assert engine.rollback(record, by="on-call").state is RunState.PAUSED
    assert night.zone.now.first == {"mx2.lab.test."}, "traffic stays away from a host whose filter is out"
    assert night.world.files() != night.world.pristine

    night.world.spamd("mx1", Daemon.OK)
    night.world.advance(10)
    order: list[str | None] = []
    engine.tell = lambda _, event: order.append(event.step) if event.kind.value == "undone" else None
    assert engine.rollback(record, by="on-call").state is RunState.ROLLED_BACK
    assert order == ["bypass", "shift"]
    assert (night.zone.now, night.world.files()) == (LAB, night.world.pristine)
    night.account_is_exact()
