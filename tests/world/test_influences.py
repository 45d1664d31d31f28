"""What bears on a simulated host begins and ends by itself, and several things at once do not undo one another."""

from __future__ import annotations

import random

import pytest

from failover.core.observe.signal import Outcome, Samples, of
from failover.errors import OutcomeUnknown, Unreachable
from failover.ports import Rc
from failover.world.life import KINDS
from failover.world.life_kind import Kind
from failover.world.machine import DISK_FREE, INODES_FREE, LOAD, Machine, Sshd
from failover.world.ports import ports
from failover.world.postfix import HANDLE_S, SCAN_S, Daemon, Queue
from failover.world.world import World
from tests.world.far import act, bypass, call, result


def look(world: World) -> Samples:
    return ports(world).look(world.fleet.hosts, None)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_kind_ends_when_it_says_and_lasts_as_long_as_it_may(kind: Kind) -> None:
    for seed in range(5):
        chance = random.Random(f"{kind.name} {seed}")
        world = World(seed)
        world.traffic(rate=0.1, until=4 * 3600)
        world.advance(10)
        lasts = kind.cause(world, chance.choice(kind.hosts), chance)
        assert kind.span[0] <= lasts <= kind.span[1] + 1
        world.advance(lasts + 20)
        assert [name for name, m in world.machines.items() if not at_rest(m)] == []
        assert (world.network.up, world.network.loss) == (True, 0.0)


def at_rest(m: Machine) -> bool:
    daemons = (m.postfix.spamd, m.postfix.handler, m.sshd) == (Daemon.OK, Daemon.OK, Sshd.OK)
    times = (m.postfix.scan_s, m.postfix.handle_s, m.hesitates, m.postfix.skew) == (SCAN_S, HANDLE_S, 0.0, 0.0)
    room = (m.disk_free, m.inodes_free) == (DISK_FREE, INODES_FREE)
    way = m.link_up and m.postfix.takes_mail and not m.sshd_full
    return daemons and times and room and way and m.load == pytest.approx(LOAD)


def test_the_end_of_a_restart_does_not_heal_what_hangs_for_another_reason() -> None:
    mx1, seen = World(1).machines["mx1"], []
    healed, started = mx1.under.spamd.lay(Daemon.HUNG), mx1.under.spamd.lay(Daemon.DOWN)
    for end in (None, started, healed, started):
        if end:
            end()
        seen.append(mx1.postfix.spamd)
    assert seen == [Daemon.DOWN, Daemon.HUNG, Daemon.OK, Daemon.OK]


def test_our_restart_heals_the_handler_whatever_lay_on_it() -> None:
    world = World(1)
    later = world.machines["mx1"].under.handler.lay(Daemon.HUNG)
    assert act(world, "restart", kind="container", name="sl-email", answers="127.0.0.1:20381", grace="1").rc == Rc.OK
    later()
    assert world.machines["mx1"].postfix.handler is Daemon.OK


def test_mail_to_elsewhere_is_put_off_and_tried_again_while_the_handlers_goes_on() -> None:
    world = World(2)
    mx1 = world.machines["mx1"]
    open_again = mx1.under.puts_off.lay(lambda mail: mail.to[0].endswith("@slow.example"))
    for _ in range(30):
        world.send(to=("x@slow.example",), via="mx1")
        world.send()
    world.advance(60)
    assert len(mx1.postfix.of(Queue.DEFERRED)) == 30
    assert mx1.postfix.of(Queue.INCOMING, Queue.ACTIVE) == []
    open_again()
    assert world.drain(400)
    assert world.ledger().exact


@pytest.mark.parametrize(("skew", "age"), [(300.0, 330.0), (-300.0, 0.0)])
def test_a_clock_that_is_set_makes_waiting_mail_older_or_newer(skew: float, age: float) -> None:
    world = World(3)
    world.spamd("mx1", Daemon.HUNG)
    world.send(via="mx1")
    world.advance(30)
    world.machines["mx1"].under.skew.lay(skew)
    (frozen,) = of(look(world), "mx1", "queue.frozen")
    assert frozen.age == pytest.approx(age, abs=10)


def test_what_ran_on_a_host_that_reboots_has_died() -> None:
    world = World(4)
    world.at(0.35, world.machines["mx1"].halt)
    with pytest.raises(OutcomeUnknown):
        bypass(world)
    assert result(world) == "died"
    assert call(world, "hello").one("boot") == ("b1",)


@pytest.mark.parametrize(("noticed", "seconds", "seen"), [(True, 0.0, Outcome.UNKNOWN), (False, 3.0, Outcome.FAIL)])
def test_without_a_link_of_our_own_nothing_is_reached(noticed: bool, seconds: float, seen: Outcome) -> None:
    world = World(5)
    world.network.noticed = noticed
    back = world.network.link.lay(False)
    with pytest.raises(Unreachable):
        call(world, "hello")
    assert world.now == pytest.approx(seconds)
    assert {s.outcome for s in look(world) if s.name == "smtp.banner"} == {seen}
    assert [s.outcome for s in ports(world).anchors()] == [Outcome.FAIL]
    with pytest.raises(Unreachable):
        world.zone.mx("lab.test")
    back()
    assert {s.outcome for s in look(world) if s.name == "ssh.reach"} == {Outcome.OK}
    assert [s.outcome for s in ports(world).anchors()] == [Outcome.OK]


def test_a_paused_machine_does_not_count_the_time_it_slept() -> None:
    world = World(6)
    began, monotonic = world.clock.now(), world.clock.monotonic()
    world.clock.suspend(600)
    assert (world.clock.now() - began).total_seconds() == 600
    assert world.clock.monotonic() == monotonic
