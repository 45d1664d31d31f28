"""`failover host restore` on the simulated world: back from the host alone, with no store anywhere."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import replace

import pytest

from failover.adapters import store_guest
from failover.cli import host_restore, wiring
from failover.cli.options import Options
from failover.cli.status import document, lines
from failover.core.runs.journal import Phase, RunState
from failover.errors import Changed, Refused
from failover.ports import Rc
from failover.runs.history import amiss
from failover.runs.service import Runs
from failover.signals.debts import Debt
from failover.world.faults import Fault, FaultKind, Killed
from failover.world.ports import ports
from failover.world.postfix import MAIN, MASTER, Daemon, Queue
from failover.world.world import World
from tests.world.far import act, bypass
from tests.world.runs import Scene, scene


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """mx1 with its filter hung and mail behind it; the command line's clock and SMTP are the world's."""
    ours = World.august_11(4, until=80)
    monkeypatch.setattr(wiring, "clock", lambda: ours.clock)
    monkeypatch.setattr(wiring, "smtp", lambda: ours.smtp)
    ours.rewire("mx1", "no-pipe")
    ours.advance(81)
    return ours


def test_from_the_host_alone_back_to_the_state_before_us(world: World) -> None:
    """safety 14: no command led back though the host has all it takes."""
    host, before = world.fleet.hosts["mx1"], world.machines["mx1"].snapshot()
    assert bypass(world, lever="clear").rc == Rc.OK
    (debt,) = host_restore.listing(world.remote, host)
    back = host_restore.plan(world.remote, host, debt.run, debt.step)
    assert back.epoch > world.machines["mx1"].epoch
    assert "- main.cf content_filter = (empty)" in back.diff
    assert host_restore.guard(world.fleet, world.remote, host), "the filter hangs: law 1"
    world.spamd("mx1", Daemon.OK)
    world.advance(5)
    assert host_restore.guard(world.fleet, world.remote, host) == ""
    done = host_restore.act(world.remote, back)
    assert (done["epoch"], host_restore.listing(world.remote, host)) == (back.epoch, ())
    assert world.machines["mx1"].snapshot() == before
    with pytest.raises(Refused):
        host_restore.plan(world.remote, host, "nobody", "nothing")


def test_status_asks_the_hosts_and_not_the_records_alone(world: World) -> None:
    """safety 14: the state was lost while a bypass was in force, and status said that nothing was."""
    assert bypass(world, lever="clear").rc == Rc.OK
    said = "\n".join(lines(document(Runs(ports(world), world.store))))
    assert "our records know nothing of it; back: failover host restore mx1 r1 s1" in said
    assert "nothing of ours is in force" not in said


def test_what_somebody_edited_is_left_alone(world: World) -> None:
    assert bypass(world, lever="clear").rc == Rc.OK
    host = world.fleet.hosts["mx1"]
    (debt,) = host_restore.listing(world.remote, host)
    world.machines["mx1"].files[MAIN]["content_filter"] = "elsewhere"
    with pytest.raises(Changed, match="somebody edited it"):
        host_restore.plan(world.remote, host, debt.run, debt.step)
    assert MASTER in world.machines["mx1"].files


def _held_by_a_dead_requeue(world: World, step: str) -> Debt:
    world.remote.faults[len(world.remote.calls) + 1] = Fault(FaultKind.DIES, at=4)
    with pytest.raises(Exception, match="cut off"):
        act(world, "requeue", step=step, filter="spamassassin")
    (held,) = (d for d in host_restore.listing(world.remote, world.fleet.hosts["mx1"]) if d.kind == "held")
    return held


def test_mail_that_we_hold_is_counted_and_let_go(world: World) -> None:
    """safety 6, on the twin: killed while it holds mail; what others hold stays."""
    mx1, host = world.machines["mx1"], world.fleet.hosts["mx1"]
    assert bypass(world, lever="clear").rc == Rc.OK
    world.advance(5)
    theirs = next(x for x in mx1.postfix.frozen_mail("spamassassin") if not x.doing)
    assert mx1.postfix.hold(theirs)
    held = _held_by_a_dead_requeue(world, "s2")
    assert held.messages == len(mx1.postfix.of(Queue.HOLD)) - 1 > 0
    done = host_restore.act(world.remote, host_restore.plan(world.remote, host, held.run, held.step))
    assert done["released"] == held.messages
    assert mx1.postfix.of(Queue.HOLD) == [theirs]


def test_a_full_disk_keeps_no_mail_on_hold_and_what_was_let_go_is_said(world: World) -> None:
    """A refused act had let mail go, and "nothing was changed" was said; a release asked for room."""
    mx1, host = world.machines["mx1"], world.fleet.hosts["mx1"]
    assert bypass(world, lever="clear").rc == Rc.OK
    held = _held_by_a_dead_requeue(world, "s2")
    mx1.full_until = math.inf
    restore = host_restore.plan(world.remote, host, "r1", "s1")
    with pytest.raises(Refused, match=f"{held.messages} messages on hold were let go, nothing else was changed"):
        host_restore.act(world.remote, restore)
    with pytest.raises(Refused, match="; nothing was changed"):
        host_restore.act(world.remote, restore)
    mx1.full_until = 0.0
    held = _held_by_a_dead_requeue(world, "s3")
    mx1.full_until = math.inf
    done = host_restore.act(world.remote, host_restore.plan(world.remote, host, held.run, held.step))
    assert (mx1.postfix.of(Queue.HOLD), len(done["notes"])) == ([], 1)


def test_what_our_records_say_of_a_change_that_a_host_has_in_force() -> None:
    """safety 2: in force, and recorded as undone: `check` fails, and the next cycles page."""
    s = scene()
    s.start()
    assert amiss(s.world.store, s.record.id, "bypass") == ""
    assert amiss(s.world.store, "another", "bypass") == "our records know nothing of it"
    s.heal()
    s.rollback()
    assert amiss(s.world.store, s.record.id, "bypass") == "our records say that it is not"


@pytest.mark.parametrize("drains", [True, False])
def test_mail_let_go_is_no_word_on_the_step_that_held_it(drains: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run's re-queue dies while it holds mail, and a person frees that from the host alone: the run's own re-queue
    is still to be done, and `resume` does it."""
    s = _dies_while_it_holds(drains=drains)
    monkeypatch.setattr(wiring, "clock", lambda: s.world.clock)
    monkeypatch.setattr(wiring, "store", lambda opts, fleet: s.world.store)
    monkeypatch.setattr(store_guest, "guest", lambda url: nullcontext(s.world.store))
    back = host_restore.plan(s.world.remote, s.world.fleet.hosts["mx1"], s.record.id, "requeue")
    assert host_restore.act(s.world.remote, back)["released"] > 0
    assert host_restore.recorded(Options(), s.world.fleet, back, "")
    s.heal()
    view = s.resume()
    assert (view.state, view.steps["requeue"].phase) == (RunState.SUCCEEDED, Phase.VERIFIED), view.because
    s.rollback()
    s.settle_mail()


def _dies_while_it_holds(*, drains: bool) -> Scene:
    """Ours and the helper's requeue both: the controller in its call, the helper before it lets go."""
    s = scene(wiring="no-pipe", until=70)
    steps = tuple(x for x in s.record.plan.steps if drains or x.id != "drain")
    s.record = replace(s.record, plan=replace(s.record.plan, steps=steps))
    moments = s.world.moments

    def at(label: str) -> None:
        moments.kill_at = len(moments.seen) if label == "during call requeue" else None

    moments.watch = at
    with pytest.raises(Killed):
        s.start()
    moments.watch = lambda label: None
    s.world.reborn()
    while not s.mx1.postfix.of(Queue.HOLD):
        s.world.advance(0.1)
    for process in tuple(s.mx1.processes):
        process.end()
    return s
