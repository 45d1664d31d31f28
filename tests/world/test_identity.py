"""A name in hosts.yaml is not the machine: what is in force on one is never sought, or undone, on another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from failover.adapters.journal_json import dumps, loads
from failover.cli.status import document, lines
from failover.config.catalogue import find
from failover.config.playbooks import load_playbook
from failover.core.fleet import Domain, Fleet, Host, Mode, Policy, Ssh
from failover.core.runs.journal import RunState, RunView
from failover.core.runs.plan import Plan
from failover.dns.rfc2136 import Rfc2136
from failover.errors import Refused
from failover.ports import RunRecord
from failover.runs.service import Runs
from failover.world.ports import ports
from failover.world.postfix import Daemon
from failover.world.world import World
from tests.world.runs import Scene, playbook, scene
from tests.world.test_faulty_run import cut_off, helped, killed, ticks

BOOK = load_playbook(find("spam-filter-hung", None))
SHIFT = load_playbook(find("shift-mx", None))


@dataclass
class Standing:
    """A bypass is in force on mx1, whose filter answers again. The world is what hosts.yaml has by now."""

    scene: Scene

    def __post_init__(self) -> None:
        self.scene.start()
        self.scene.heal()
        assert self.scene.bypassed

    @property
    def world(self) -> World:
        return self.scene.world

    @property
    def controller(self) -> Runs:
        return Runs(ports(self.world), self.world.store)

    @property
    def reads(self) -> list[str]:
        c = self.controller
        return [c.reads(m) for m in c.mitigations()]

    def rollback(self) -> RunView:
        return self.controller.rollback(self.scene.record)


@pytest.fixture
def standing() -> Standing:
    return Standing(scene())


def swapped(world: World) -> None:
    """mx1's address is mx2's machine's, and the reverse."""
    one, two = (world.fleet.hosts[n] for n in ("mx1", "mx2"))
    hosts = {"mx1": replace(one, address=two.address), "mx2": replace(two, address=one.address)}
    world.fleet = replace(world.fleet, hosts=hosts)
    there = world.remote.machines
    world.remote.machines = {"mx1": there["mx2"], "mx2": there["mx1"]}


def another_port(world: World) -> None:
    world.fleet = replace(world.fleet, hosts={**world.fleet.hosts, "mx1": replace(_mx1(world), ssh=Ssh(port=2222))})


def another_instance(world: World) -> None:
    two = replace(_mx1(world).postfix, config_dir="/etc/postfix-two")
    world.fleet = replace(world.fleet, hosts={**world.fleet.hosts, "mx1": replace(_mx1(world), postfix=two)})


def without_mx1(world: World) -> None:
    world.fleet = replace(world.fleet, hosts={n: h for n, h in world.fleet.hosts.items() if n != "mx1"})


def _mx1(world: World) -> Host:
    return world.fleet.hosts["mx1"]


EDITS: dict[str, tuple[Callable[[World], None], str]] = {
    "another machine's address": (swapped, "at address 10.77.0.11, and hosts.yaml has mx1 at address 10.77.0.12"),
    "another port": (another_port, "at ssh port 22, and hosts.yaml has mx1 at ssh port 2222"),
    "another Postfix": (
        another_instance,
        "at config_dir /etc/postfix, and hosts.yaml has mx1 at config_dir",
    ),
    "no such host": (without_mx1, "hosts.yaml names no mx1 now"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_what_stands_on_another_machine_is_unknown_and_never_undone(standing: Standing, edit: str) -> None:
    change, said = EDITS[edit]
    was, files = standing.world.fleet, standing.world.files()
    machines = standing.world.remote.machines
    change(standing.world)
    (read,) = standing.reads
    assert read.startswith("unknown: "), read
    assert said in read
    view = standing.rollback()
    assert (view.state, view.steps["bypass"].owed) == (RunState.ROLLBACK_FAILED, True), view.because
    assert said in view.because
    for way_out in ("back into hosts.yaml", "failover host restore", "failover runs resolve RUN bypass --keep"):
        assert way_out in view.because
    assert standing.world.files() == files, "nothing was changed on any machine"

    standing.world.fleet, standing.world.remote.machines = was, machines
    assert standing.reads == ["in force"]
    assert (standing.rollback().state, standing.scene.bypassed) == (RunState.ROLLED_BACK, False)


def test_a_plan_of_an_earlier_release_knows_no_place_and_is_undone_by_its_name(standing: Standing) -> None:
    another_port(standing.world)
    store = standing.world.store
    record = replace(standing.scene.record, plan=_unbound(standing.scene.record.plan))
    store.disk.records[record.id] = record
    assert standing.controller.rollback(record).state is RunState.ROLLED_BACK


def test_a_step_begun_on_one_machine_is_not_gone_on_with_on_another() -> None:
    s = scene()
    killed(s)
    other = s.world.machines["mx2"].snapshot()
    swapped(s.world)
    view = s.resume()
    assert view.state is RunState.PAUSED
    assert "hosts.yaml has mx1 at address 10.77.0.12" in view.because
    assert s.world.machines["mx2"].snapshot() == other


# A plan in a file ---------------------------------------------------------------------


def _unbound(plan: Plan) -> Plan:
    return replace(plan, steps=tuple(replace(s, where={}) for s in plan.steps))


def test_an_approved_plan_is_for_the_machine_it_was_made_on() -> None:
    s = scene()
    world = s.world
    approved = loads(dumps(s.record.plan))
    before = world.files()
    swapped(world)
    world.spamd("mx2", Daemon.HUNG)
    world.advance(30)
    c = Runs(ports(world), world.store)
    with pytest.raises(Refused, match=r"bypass: address was '10\.77\.0\.11' when approved, is '10\.77\.0\.12' now"):
        c.same(approved, c.plan(BOOK, {"sick": "mx1"}))
    c.run(approved)
    assert world.files() == before


def test_an_approved_plan_of_an_earlier_release_still_fits() -> None:
    s = scene()
    c = Runs(ports(s.world), s.world.store)
    old = _unbound(s.record.plan)
    assert old.fingerprint != s.record.plan.fingerprint
    c.same(old, c.plan(playbook(), {"sick": "mx1"}))


def test_each_step_that_has_a_host_or_a_domain_says_where_it_acts() -> None:
    s = scene()
    steps = [*s.record.plan.steps, *_shifted(World(1)).plan.steps]
    assert {"spam.bypass", "queue.flush", "dns.prefer"} <= {step.action for step in steps}
    assert [step.id for step in steps if (step.host or step.domain) and not step.where] == []


# Domains ------------------------------------------------------------------------------


def _shifted(world: World) -> RunRecord:
    world.advance(30)
    c = Runs(ports(world), world.store)
    given = {"domain": "lab.test", "to": "mx2"}
    record, view = c.run(c.plan(SHIFT, given))
    assert view.state is RunState.SUCCEEDED, view.because
    return record


def no_domain(fleet: Fleet) -> Fleet:
    return replace(fleet, domains={})


def another_primary(fleet: Fleet) -> Fleet:
    return replace(fleet, domains={"lab.test": Domain("lab.test", Rfc2136("10.77.0.99"))})


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (no_domain, "hosts.yaml names no lab.test now"),
        (another_primary, "at name server 10.77.0.53:53, and hosts.yaml has lab.test at name server 10.77.0.99:53 now"),
    ],
)
def test_a_domain_that_leads_elsewhere_is_unknown_and_is_not_moved(edit: Callable[[Fleet], Fleet], said: str) -> None:
    world = World(1)
    record = _shifted(world)
    was, now = world.fleet, world.zone.now
    world.fleet = edit(was)
    c = Runs(ports(world), world.store)
    assert [c.reads(m).startswith("unknown: ") and said in c.reads(m) for m in c.mitigations()] == [True]
    view = c.rollback(record)
    assert view.state is RunState.ROLLBACK_FAILED
    assert said in view.because
    assert world.zone.now == now
    world.fleet = was
    assert Runs(ports(world), world.store).rollback(record).state is RunState.ROLLED_BACK


def test_a_host_that_hosts_yaml_has_no_more_blinds_the_controller_for_no_other() -> None:
    s = cut_off()
    without_mx1(s.world)
    c = ticks(s, 4)
    assert helped(s), "the run on mx2"
    assert "hosts.yaml names no mx1 now" in c.view(s.record).because
    assert any("mx1" in m.title and "hosts.yaml names no mx1 now" in m.text for _, _, m in s.world.notifier.sent)


def test_status_shows_where_it_stands_by_the_hosts_own_word(standing: Standing) -> None:
    swapped(standing.world)
    said = "\n".join(lines(document(standing.controller)))
    assert "in force on mx1: " in said
    assert "(unknown: bypass is for mx1 at address 10.77.0.11" in said
    assert "mx2, by its own word: run run-1, step bypass is in force" in said
    assert "and hosts.yaml leads elsewhere from our records of it; back: failover host restore mx2 run-1 bypass" in said


def test_that_hosts_yaml_leads_elsewhere_is_paged_once_by_the_next_cycles(standing: Standing) -> None:
    standing.world.fleet = replace(standing.world.fleet, policy=Policy(mode=Mode.AUTO))
    ticks(standing.scene, 2)
    swapped(standing.world)
    ticks(standing.scene, 3)
    said = [m for _, _, m in standing.world.notifier.sent if "where hosts.yaml no longer leads" in m.title]
    assert [m.severity for m in said] == ["critical"]
    assert "at address 10.77.0.11, and hosts.yaml has mx1 at address 10.77.0.12 now" in said[0].text


# The host's own side ------------------------------------------------------------------------


def test_a_machine_that_knows_nothing_of_the_change_is_not_where_it_was_undone(standing: Standing) -> None:
    """Its address is another machine's now, and hosts.yaml is as ever: that one reads as before, and always did."""
    there = standing.world.remote.machines
    standing.world.remote.machines = {**there, "mx1": there["mx2"]}
    (read,) = standing.reads
    assert read.startswith("unknown: mx1 reads as before")
    view = standing.rollback()
    assert (view.state, view.steps["bypass"].owed) == (RunState.ROLLBACK_FAILED, True)
    assert f"failover runs resolve {standing.scene.record.id} bypass --keep" in view.because
    assert standing.scene.bypassed

    standing.world.remote.machines = there
    assert standing.rollback().state is RunState.ROLLED_BACK
    assert not standing.scene.bypassed


def test_what_somebody_put_back_by_hand_is_gone_where_the_host_knows_of_it(standing: Standing) -> None:
    before = next(s.before for s in standing.scene.record.plan.steps if s.id == "bypass")
    for file, key in (name.split(" ", 1) for name in before):
        standing.scene.mx1.write(file, key, before[f"{file} {key}"])
    assert standing.reads == ["gone: it reads as before"]
    assert standing.rollback().state is RunState.ROLLED_BACK
