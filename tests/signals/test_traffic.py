"""What is counted between two looks: rates of what was counted, shares of all that was, and nothing made up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from failover.core.observe.diagnosis import State, diagnose_all
from failover.core.observe.signal import Outcome, Samples, Signal
from failover.errors import FailoverError, Unreachable
from failover.ports import Reply
from failover.signals import COUNTED
from failover.signals.look import look
from failover.signals.traffic import carried
from failover.world.world import World
from tests.fakes import AT, Clock, Smtp
from tests.signals.fakes import Remote, facts, fleet, position

STREAM = "f6f3922a32e3469ea7f5fd17052a7992"
BEFORE = (position("mx1"), position("mx2"))
ONE_MINUTE = {
    "mx1": facts("log 812 9000", "traffic 96 90 1000 9000"),
    "mx2": facts("log 812 2000", "traffic 4 3 1000 2000"),
}


def seen(answers: dict[str, Reply], before: Samples = BEFORE, *, by_name: bool = True) -> dict[tuple[str, str], Signal]:
    remote = Remote(answers)
    found = look(fleet(), wanted=COUNTED if by_name else None, before=before, remote=remote, smtp=Smtp(), clock=Clock())
    return {(s.host, s.name): s for s in found}


def test_two_looks_show_what_was_done_with_and_who_took_how_much() -> None:
    found = seen(ONE_MINUTE)
    rate, share = found["mx1", "queue.removed_rate"], found["mx2", "traffic.share"]
    assert (rate.outcome, rate.value, rate.unit) == (Outcome.OK, 90.0, "messages/min")
    assert rate.reason == "90 messages a minute done with, over 1 min"
    assert (share.outcome, share.value, share.unit, share.vantage) == (Outcome.OK, 4.0, "%", "controller")
    assert share.reason == "4 % of the mail that 2 hosts accepted"
    assert found["mx1", "log.position"].value == "812:9000"


def test_the_newest_earlier_position_is_asked_from_and_gives_the_span() -> None:
    remote = Remote(ONE_MINUTE)
    before = (position("mx1", "7:7", ago_s=90), position("mx1", "812:500", ago_s=30), position("mx1", "9:9", ago_s=-5))
    found = look(fleet(), before=before, remote=remote, smtp=Smtp(), clock=Clock())
    args = dict(remote.asked)
    assert (args["mx1"]["log"], args["mx1"]["log_from"]) == ("auto", "812:500")
    assert "log_from" not in args["mx2"]
    rate = {(s.host, s.name): s for s in found}["mx1", "queue.removed_rate"]
    assert rate.value == pytest.approx(180 * 8500 / 8000)


def test_of_the_journal_entries_are_counted_and_the_next_look_goes_on_from_its_position() -> None:
    now = facts(f"log {STREAM} 9000 journal", "traffic 96 90 1000 9000")
    found = seen({**ONE_MINUTE, "mx1": now}, (position("mx1", f"{STREAM}:1000"), position("mx2")))
    assert found["mx1", "queue.removed_rate"].value == 90.0
    assert found["mx1", "traffic.share"].value == 96.0
    stood = found["mx1", "log.position"]
    assert (stood.value, stood.reason) == (f"{STREAM}:9000", "the journal up to entry 9000")
    remote = Remote()
    look(fleet(), before=(replace(stood, at=position("mx1").at),), remote=remote, smtp=Smtp(), clock=Clock())
    assert dict(remote.asked)["mx1"]["log_from"] == f"{STREAM}:9000"


ODD = [None, 7.0, "", "812", "812:1:2", "812:$(id)", "812:-1", "x:1", "812:1\n", f"{'A' * 32}:1", f"{'a' * 31}:1"]


@pytest.mark.parametrize("value", ODD)
def test_a_position_that_is_none_is_never_sent(value: str | float | None) -> None:
    remote = Remote()
    odd = Signal("mx1", "log.position", "mx1", Outcome.OK, "read", position("mx1").at, value)
    look(fleet(), before=(odd,), remote=remote, smtp=Smtp(), clock=Clock())
    assert all("log_from" not in args for _, args in remote.asked)


def test_of_a_part_the_whole_is_estimated_and_called_so() -> None:
    found = seen({**ONE_MINUTE, "mx1": facts("log 812 9000", "traffic 48 45 5000 9000")})
    assert found["mx1", "queue.removed_rate"].value == 90.0
    assert found["mx1", "queue.removed_rate"].reason.startswith("about 90 messages")
    assert found["mx2", "traffic.share"].value == 4.0


UNKNOWN = [
    ((), ONE_MINUTE["mx1"], "this is the first"),
    ((position("mx1", ago_s=3601), position("mx2")), ONE_MINUTE["mx1"], "this is the first"),
    (BEFORE, facts("log 813 9000"), "rotated"),
    (BEFORE, facts("error log journalctl does not answer in 5 s"), "journalctl does not answer"),
    (BEFORE, facts(f"log {STREAM} 9000 journal"), "rotated"),
    (BEFORE, facts("log 812 9000", "error log it changed meanwhile"), "it changed meanwhile"),
    (BEFORE, facts("log 812 9000", "traffic many 45 1000 9000"), ""),
    (BEFORE, facts("log 812 9000", "traffic 96 90 500 9000"), ""),
    (BEFORE, facts("log 812 9000", "traffic 96 90 9000 1000"), ""),
    (BEFORE, facts("log 812 9000", "traffic 96 90 9000 9000"), ""),
]


@pytest.mark.parametrize(("before", "answer", "words"), UNKNOWN)
def test_what_was_not_counted_is_unknown_and_then_nobody_has_a_share(
    before: Samples, answer: Reply, words: str
) -> None:
    found = seen({**ONE_MINUTE, "mx1": answer}, before)
    assert found["mx1", "queue.removed_rate"].outcome is Outcome.UNKNOWN
    assert words in found["mx1", "queue.removed_rate"].reason
    assert {found[h, "traffic.share"].outcome for h in ("mx1", "mx2")} == {Outcome.UNKNOWN}
    assert found["mx1", "traffic.share"].reason == "nothing is known of mx1" + ("" if before else ", mx2")


@pytest.mark.parametrize(("before", "answer", "_"), UNKNOWN)
def test_and_in_a_look_at_everything_it_is_left_out_so_that_no_host_is_unknown_for_it(
    before: Samples, answer: Reply, _: str
) -> None:
    found = seen({**ONE_MINUTE, "mx1": answer}, before, by_name=False)
    assert ("mx1", "queue.removed_rate") not in found
    assert ("mx2", "traffic.share") not in found
    assert {d.state for d in diagnose_all(fleet(), tuple(found.values())).values()} == {State.HEALTHY}


def test_too_few_messages_make_no_share() -> None:
    few = {
        "mx1": facts("log 812 9000", "traffic 16 9 1000 9000"),
        "mx2": facts("log 812 2000", "traffic 3 3 1000 2000"),
    }
    assert seen(few)["mx1", "traffic.share"].reason == "only 19 messages accepted"


def test_a_share_is_that_of_five_minutes_of_looks() -> None:
    def counted(host: str, n: float, ago_s: float) -> Signal:
        at = position(host, ago_s=ago_s).at
        return Signal(host, "traffic.accepted", host, Outcome.OK, "", at, n, "messages", 60.0)

    now = {"mx1": facts("log 812 9", "traffic 0 0 1000 1009"), "mx2": facts("log 812 9", "traffic 2 0 1000 1009")}
    before = (
        *BEFORE,
        counted("mx1", 90, 240),
        counted("mx1", 5000, 300),
        counted("mx2", 8, 240),
        counted("mx2", 0, 120),
    )
    shares = {h: seen(now, before)[h, "traffic.share"].value for h in ("mx1", "mx2")}
    assert shares == {
        "mx1": pytest.approx(100 * 45 / (45 + 10 / 3)),
        "mx2": pytest.approx(100 * 10 / 3 / (45 + 10 / 3)),
    }


def test_the_newest_position_is_carried_on_unless_it_is_of_a_clock_that_was_set_back() -> None:
    newest, other = position("mx1", "1:3", ago_s=10), position("mx2", "1:9", ago_s=3000)
    ahead, old = position("mx1", "1:4", ago_s=-10), position("mx2", "1:1", ago_s=3601)
    assert carried((ahead, newest, position("mx1", "1:2", ago_s=20), old, other), AT) == (other, newest)


def test_what_is_carried_on_is_all_that_the_next_look_needs_and_stays_small() -> None:
    clock, sizes = Clock(), [0]
    carry: Samples = ()
    whole: Samples = ()
    for n in range(100):
        gone = Unreachable("no route to host", try_="see whether it is up")
        end = 1000 + 1000 * n
        start = end - (2000 if n % 7 == 4 else 1000)
        answers: dict[str, Reply | FailoverError] = {
            "mx1": gone if n % 7 == 3 else facts(f"log 812 {end}", f"traffic {n} {n} {start} {end}"),
            "mx2": facts(f"log 812 {end}", f"traffic {3 * n} {n} {end - 1000} {end}"),
        }
        by_carry, by_whole = (
            look(fleet(), wanted=COUNTED, before=before, remote=Remote(answers), smtp=Smtp(), clock=clock)
            for before in (carry, whole)
        )
        assert by_carry == by_whole
        carry, whole = carried((*carry, *by_carry), clock.at), (*whole, *by_whole)
        sizes.append(len(carry))
        clock.sleep(10)
    assert max(sizes) <= 2 + 2 * 30
    assert any(s.name == "traffic.share" and s.outcome is Outcome.OK for s in whole)


def test_a_host_out_of_reach_takes_everybodys_share_and_no_ones_health() -> None:
    gone = Unreachable("no route to host", try_="see whether it is up")
    remote = Remote({**ONE_MINUTE, "mx1": gone})
    earlier = Signal("mx1", "traffic.accepted", "mx1", Outcome.OK, "", position("mx1").at, 90.0, "messages", 60.0)
    found = look(fleet(), before=(*BEFORE, earlier), remote=remote, smtp=Smtp(), clock=Clock())
    assert {s.name for s in found if s.host == "mx2"} & COUNTED == {
        "log.position",
        "traffic.accepted",
        "queue.removed_rate",
    }
    assert diagnose_all(fleet(), found)["mx2"].state is State.HEALTHY
    asked = look(fleet(), wanted=COUNTED, before=BEFORE, remote=remote, smtp=Smtp(), clock=Clock())
    mine = {s.name: s for s in asked if s.host == "mx1"}
    assert "behind ssh.reach" in mine["queue.removed_rate"].reason


def test_one_that_was_installed_before_it_could_count_what_waited_still_sees_the_rest() -> None:
    """upgrade: a helper of the release before takes its change back all the same; all that waits counts as before."""

    class Older(Remote):
        def call(self, host, verb, args, *, limit_s):  # type: ignore[no-untyped-def]
            if "waited" in args:
                return Reply("look", 64, (("because", "look knows no key waited"),))
            return super().call(host, verb, args, limit_s=limit_s)

    wanted = frozenset({"queue.frozen"})
    found = look(fleet(), wanted=wanted, waited_s=20, remote=Older(), smtp=Smtp(), clock=Clock())
    assert [(s.outcome, s.before) for s in found if s.name == "queue.frozen"] == [(Outcome.OK, None)] * 2


def test_one_that_was_installed_before_it_could_read_a_log_still_sees_the_rest() -> None:
    class Older(Remote):
        def call(self, host, verb, args, *, limit_s):  # type: ignore[no-untyped-def]
            if "log" in args:
                return Reply("look", 64, (("because", "look knows no key log"),))
            return super().call(host, verb, args, limit_s=limit_s)

    found = look(fleet(), before=BEFORE, remote=Older(), smtp=Smtp(), clock=Clock())
    assert {s.outcome for s in found} == {Outcome.OK}
    assert not {s.name for s in found} & COUNTED
    assert {s.at for s in found} == {AT}


def test_the_simulated_world_counts_as_well() -> None:
    world = World(1)
    posts = {host: m.postfix for host, m in world.machines.items()}
    first = look(world.fleet, remote=world.remote, smtp=world.smtp, clock=world.clock, workers=1)
    assert {s.name for s in first} & COUNTED == {"log.position"}
    world.traffic(rate=5, until=world.now + 40)
    for n in range(50):
        posts["mx2"].accept(f"mx2-{n}", ("someone@lab.test",))
    world.advance(60)
    second = look(world.fleet, before=first, remote=world.remote, smtp=world.smtp, clock=world.clock, workers=1)
    accepted, share, rate = (
        {s.host: s.value for s in second if s.name == name}
        for name in ("traffic.accepted", "traffic.share", "queue.removed_rate")
    )
    assert accepted == {host: postfix.accepted for host, postfix in posts.items()}
    assert share == pytest.approx(
        {h: 100 * p.accepted / sum(q.accepted for q in posts.values()) for h, p in posts.items()}
    )
    span_min = (second[0].at - first[0].at).total_seconds() / 60
    assert rate == pytest.approx({host: postfix.removed / span_min for host, postfix in posts.items()})
    assert min(postfix.removed for postfix in posts.values()) >= 100
