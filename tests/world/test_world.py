"""The simulated world shows what was measured on the real one; if these fail, nothing that is shown on it counts."""

from __future__ import annotations

import pytest

from failover.errors import OutcomeUnknown, Unreachable
from failover.ports import Rc
from failover.world.faults import Fault, FaultKind
from failover.world.machine import Sshd
from failover.world.postfix import MAIN, MASTER, Daemon, Queue
from failover.world.world import World
from tests.world.far import act, bypass, call, result


def test_healthy_mail_is_scanned_and_delivered_once() -> None:
    world = World(1)
    world.traffic(rate=5, until=60)
    world.advance(61)
    assert world.drain(60)
    tally = world.ledger()
    assert tally.exact
    assert tally.accepted > 200
    assert tally.unscanned == 0
    assert tally.delay.max < 5


def test_a_hung_filter_keeps_mail_in_active_and_loses_none_once_it_answers() -> None:
    world = World.august_11(2, until=120)
    world.advance(110)
    postfix = world.machines["mx1"].postfix
    assert len(postfix.of(Queue.ACTIVE)) > 50
    assert postfix.of(Queue.DEFERRED) == []
    assert sum(bool(m.doing) for m in postfix.of(Queue.ACTIVE)) == 5
    world.spamd("mx1", Daemon.OK)
    world.advance(60)
    assert world.drain()
    assert world.ledger().exact


@pytest.mark.parametrize("wiring", ["smtpd-pipe", "main-pipe", "other-name"])
@pytest.mark.parametrize("lever", ["pass", "clear"])
def test_each_lever_lets_the_mail_through_exactly_once_and_is_put_back_byte_for_byte(wiring: str, lever: str) -> None:
    world = World.august_11(3, until=200)
    mx1 = world.machines["mx1"]
    mx1.rewire(wiring)
    before = mx1.snapshot()
    name = mx1.files[MASTER].get("smtp/inet/content_filter") or mx1.files[MAIN]["content_filter"]
    world.advance(100)
    assert bypass(world, lever=lever).rc == Rc.OK
    if lever == "clear":
        world.advance(121)  # the last session that stamps the old filter ends
        assert act(world, "requeue", step="s2", filter=name).rc == Rc.OK
    act(world, "flush", step="s3")
    world.advance(5)
    assert mx1.postfix.frozen_mail(name) == []
    world.spamd("mx1", Daemon.OK)
    assert act(world, "restore", step="s1-undo", of_run="r1", of_step="s1").rc == Rc.OK
    world.advance(100)
    assert world.drain()
    assert world.ledger().exact
    assert mx1.snapshot() == before


def test_ending_a_scan_that_is_handing_over_duplicates() -> None:
    """The contrast that shows the ledger sees duplicates: what a plain `pkill spamc` does."""
    world = World(4)
    world.traffic(rate=50, until=20)
    for t in range(1, 20):
        world.at(t, lambda: world.machines["mx1"].postfix.end_scans(careful=False) and None)
    world.advance(700)
    assert world.drain()
    assert world.ledger().duplicated > 0


def test_requeued_mail_gets_the_bcc_recipient_again_so_the_verb_refuses() -> None:
    world = World(5)
    mx1 = world.machines["mx1"]
    mx1.files[MAIN]["always_bcc"] = "copy@lab.test"
    mx1.postfix.reload()
    world.spamd("mx1", Daemon.HUNG)
    world.send()
    assert act(world, "requeue", filter="spamassassin").rc == Rc.REFUSED
    mail = mx1.postfix.frozen_mail("spamassassin")[0]
    mx1.postfix.end_scans()
    assert mx1.postfix.hold(mail)
    mx1.postfix.requeue(mail)
    mx1.postfix.pickup()
    world.advance(1)
    assert world.received[0].to.count("copy@lab.test") == 2


def test_hold_is_never_touched() -> None:
    world = World.august_11(6, until=60)
    world.advance(61)
    postfix = world.machines["mx1"].postfix
    held = next(m for m in postfix.of(Queue.ACTIVE) if not m.doing)
    assert postfix.hold(held)
    bypass(world)
    act(world, "requeue", step="s2", filter="spamassassin")
    act(world, "flush", step="s3")
    world.advance(300)
    assert postfix.of(*Queue) == [held]
    assert {seq for seq, _ in world.ledger().missing} == {held.seq}


def test_a_request_that_arrives_late_is_refused_once_a_newer_epoch_was_there() -> None:
    world = World(7)
    world.remote.hook = lambda c: Fault(FaultKind.CUT_LATE, 30) if c.verb == "bypass" else None
    before = world.files()
    with pytest.raises(OutcomeUnknown):
        bypass(world, epoch=100)
    assert act(world, "settle", step="another", epoch=101).one("result") == ("absent", "0")
    world.advance(60)
    assert world.files() == before
    assert result(world) == "absent"


def test_a_request_that_arrives_late_is_refused_once_it_was_settled() -> None:
    world = World(7)
    world.remote.hook = lambda c: Fault(FaultKind.CUT_LATE, 30) if c.verb == "bypass" else None
    before = world.files()
    with pytest.raises(OutcomeUnknown):
        bypass(world)
    assert act(world, "settle").one("result") == ("absent", "0")
    world.advance(60)
    assert world.files() == before
    assert result(world) == "absent"


def test_unsettled_and_with_the_highest_epoch_a_late_request_does_happen() -> None:
    world = World(7)
    world.remote.hook = lambda c: Fault(FaultKind.CUT_LATE, 30) if c.verb == "bypass" else None
    with pytest.raises(OutcomeUnknown):
        bypass(world)
    world.advance(60)
    assert result(world) == "done"


def test_killed_half_way_leaves_half_and_says_died() -> None:
    world = World(8)
    mx1 = world.machines["mx1"]
    world.remote.hook = lambda c: Fault(FaultKind.DIES, at=4) if c.verb == "bypass" else None
    with pytest.raises(OutcomeUnknown):
        bypass(world, lever="clear")
    assert mx1.read(MASTER, "smtp/inet/content_filter") == "="
    assert mx1.read(MAIN, "defer_transports") == "-"
    assert result(world) == "died"
    assert mx1.locked_by is None


def test_settle_waits_for_what_still_runs() -> None:
    world = World(9)
    world.remote.hook = lambda c: Fault(FaultKind.STALLS, 25, at=3) if c.verb == "bypass" else None
    with pytest.raises(OutcomeUnknown):
        bypass(world)
    assert result(world) == "running"
    assert act(world, "settle", epoch=101).one("result") == ("done", "0")


def test_the_same_attempt_is_done_once() -> None:
    world = World(10)
    first = bypass(world)
    files = world.files()
    again = act(world, "bypass", filter="spamassassin", lever="pass", expect="0" * 64)
    assert (again.rc, again.rows) == (first.rc, first.rows)
    assert world.files() == files


@pytest.mark.parametrize("seen", ["the very setting", "another one", "the file as left"])
def test_restore_goes_by_bytes_by_settings_or_not_at_all(seen: str) -> None:
    world = World(11)
    mx1 = world.machines["mx1"]
    before = mx1.snapshot()
    bypass(world)
    if seen == "the very setting":
        mx1.files[MASTER]["spamassassin/unix"] = "spamassassin unix - n n - - pipe user=x argv=/bin/mine"
    elif seen == "another one":
        mx1.files[MASTER]["submission/inet"] = "submission inet n - y - - smtpd"
    edited = mx1.snapshot()
    reply = act(world, "restore", step="s2", of_run="r1", of_step="s1")
    if seen == "the very setting":
        assert (reply.rc, mx1.snapshot()) == (Rc.CHANGED, edited)
    elif seen == "another one":
        assert reply.all("restored")[1] == (MASTER, "settings")
        before[MASTER]["submission/inet"] = "submission inet n - y - - smtpd"
        assert mx1.snapshot() == before
    else:
        assert mx1.snapshot() == before


def test_unreachable_runs_nothing_and_time_passes() -> None:
    world = World(12)
    world.machines["mx1"].sshd = Sshd.HUNG
    with pytest.raises(Unreachable):
        call(world, "hello")
    assert world.now == pytest.approx(3.0)


def test_same_seed_same_history() -> None:
    def history(seed: int) -> tuple[object, ...]:
        world = World.august_11(seed, until=60)
        world.advance(60)
        bypass(world)
        world.advance(60)
        return tuple(world.received)

    assert history(1) == history(1)
    assert history(1) != history(2)
