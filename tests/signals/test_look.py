"""One look: what is asked of whom, and what is said when a host does not answer."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from failover.core.fleet import Endpoint, Fleet, Host, Role
from failover.core.observe.diagnosis import smtp_failing
from failover.core.observe.signal import Outcome
from failover.errors import ConfigError, FailoverError, OutcomeUnknown, Refused, Unreachable
from failover.ports import Reply, SmtpAnswer
from failover.signals import COUNTED
from failover.signals.look import look
from tests.fakes import Clock, Smtp
from tests.signals.fakes import Remote, facts, fleet, host

DOWN = Unreachable("192.0.2.11:22: no route to host", try_="see whether it is up")


def test_peer_signal_belongs_to_the_host_looked_at() -> None:
    remote = Remote({"mx1": facts("peer 192.0.2.12:25 timeout 5001 -")})
    (found,) = [s for s in look(fleet(), remote=remote, smtp=Smtp(), clock=Clock()) if s.vantage == "mx1" != s.host]
    assert (found.host, found.name, found.outcome) == ("mx2", "smtp.peer", Outcome.FAIL)


def test_a_witness_is_asked_whether_it_sees_them_greet_and_nothing_else() -> None:
    of = replace(fleet(), witnesses={"site-b": Host("site-b", Role.STANDBY, "192.0.2.9")})
    remote = Remote({"site-b": facts("peer 192.0.2.11:25 timeout 5001 -", "peer 192.0.2.12:25 ok 12 220")})
    found = look(of, remote=remote, smtp=Smtp(), clock=Clock())
    seen = [(s.host, s.name, s.outcome) for s in found if "site-b" in {s.vantage, s.host}]
    assert seen == [("mx1", "smtp.peer", Outcome.FAIL), ("mx2", "smtp.peer", Outcome.OK)]
    (asked,) = [args for name, args in remote.asked if name == "site-b"]
    assert (asked["spam"], asked["scan"], asked["filters"]) == ("none", "no", "no")
    assert smtp_failing("mx1", found) == ("site-b",)


@pytest.mark.parametrize("error", [DOWN, OutcomeUnknown("no answer in 6 s", try_="look again")])
def test_all_behind_ssh_is_unknown(error: FailoverError) -> None:
    found = look(fleet(), remote=Remote({"mx1": error}), smtp=Smtp(), clock=Clock())
    mine = {s.name: s for s in found if s.host == "mx1"}
    assert (mine["ssh.reach"].outcome, mine["ssh.reach"].reason) == (Outcome.FAIL, str(error))
    over_ssh = {n: s for n, s in mine.items() if not n.startswith(("ssh", "smtp", "tls"))}
    assert len(over_ssh) == 18
    assert {s.outcome for s in over_ssh.values()} == {Outcome.UNKNOWN}
    assert mine["smtp.banner"].outcome is mine["smtp.peer"].outcome is Outcome.OK
    (blind,) = [s for s in found if s.host == "mx2" and s.name == "smtp.peer"]
    assert blind.outcome is Outcome.UNKNOWN
    assert blind.reason.startswith("mx1 could not look")


@pytest.mark.parametrize("kind", [ConfigError, Refused])
def test_our_own_wrong_files_and_refusals_are_not_its_failure(kind: type[FailoverError]) -> None:
    error = kind("known_hosts is missing, or the helper is another", try_="look")
    found = look(fleet(), remote=Remote({"mx1": error}), smtp=Smtp(), clock=Clock())
    assert next(s for s in found if s.name == "ssh.reach").outcome is Outcome.UNKNOWN


LOGS = ["1:2", "1:2 -", "1", "1:2 journal x y", "812 1e400", "nan 1000", "812 -1", "812 " + "9" * 400, ":", "0x1 5"]


@pytest.mark.parametrize("row", LOGS)
def test_a_position_that_is_none_is_unknown(row: str) -> None:
    """safety 7: a row `log<TAB>1:2` raised ValueError, and check, plan and tick ended for every host."""
    found = look(fleet(), wanted=COUNTED, remote=Remote({"mx1": facts(f"log {row}")}), smtp=Smtp(), clock=Clock())
    mine = {s.name: s.outcome for s in found if s.host == "mx1"}
    assert mine["log.position"] is Outcome.UNKNOWN


class Broken(Reply):
    """An answer in which the reader of `part` meets a fault of ours."""

    part = ""

    def all(self, key: str) -> tuple[tuple[str, ...], ...]:
        if key == self.part:
            raise {"queue": KeyError, "load": OverflowError, "disk": RecursionError, "peer": UnicodeError}[key]()
        return super().all(key)


@pytest.mark.faults
@pytest.mark.parametrize(("part", "hurt"), [("queue", 7), ("load", 2), ("disk", 2), ("peer", 1)])
@pytest.mark.parametrize("workers", [1, 8])
def test_a_fault_in_one_reader_makes_its_signals_unknown_and_no_others(
    part: str, hurt: int, workers: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """safety 7: one fence for each host and each reader."""
    answer = type("One", (Broken,), {"part": part})("look", 0, facts().rows)
    found = look(fleet(), remote=Remote({"mx1": answer}), smtp=Smtp(), clock=Clock(), workers=workers)
    whole = look(fleet(), remote=Remote(), smtp=Smtp(), clock=Clock(), workers=workers)
    assert [(s.host, s.name, s.vantage) for s in found] == [(s.host, s.name, s.vantage) for s in whole]
    unknown = [s for s in found if s.outcome is Outcome.UNKNOWN]
    assert {s.vantage for s in unknown} == {"mx1"}
    assert 1 <= len(unknown) <= hurt
    assert all("a fault of failover's own, not of mx1; please report it: " in s.reason for s in unknown)
    assert capsys.readouterr().err.count("\n") == 1, "told once"


@pytest.mark.faults
@pytest.mark.parametrize("error", [AttributeError("load_overrides"), ValueError("1:2"), MemoryError(), RuntimeError()])
def test_a_fault_in_the_way_there_is_no_sign_against_the_host(error: Exception) -> None:
    """safety, 200 hosts: an AttributeError of a library of ours read as "unreachable"."""

    def meets(host: Host) -> None:
        if host.name == "mx1":
            raise error

    found = look(fleet(), remote=Remote(meanwhile=meets), smtp=Smtp(), clock=Clock())
    reach = {s.host: s for s in found if s.name == "ssh.reach"}
    assert [reach[h].outcome for h in ("mx1", "mx2")] == [Outcome.UNKNOWN, Outcome.OK]
    assert f"please report it: {type(error).__name__} at " in reach["mx1"].reason
    assert not any(s.outcome is Outcome.FAIL for s in found)


@pytest.mark.faults
def test_a_fault_in_smtp_is_no_sign_against_the_host() -> None:
    class Hurt(Smtp):
        def banner(self, at: Endpoint, *, patience_s: float) -> SmtpAnswer:
            raise IndexError(at.host)

    found = [s for s in look(fleet(), remote=Remote(), smtp=Hurt(), clock=Clock()) if s.name == "smtp.banner"]
    assert [s.outcome for s in found] == [Outcome.UNKNOWN] * 2


def test_a_refusing_script_is_reached_and_unknown() -> None:
    answer = Reply("look", 77, (("because", "not root"),))
    found = {s.name: s for s in look(fleet(), remote=Remote({"mx1": answer}), smtp=Smtp(), clock=Clock())[:17]}
    assert found["ssh.reach"].outcome is Outcome.OK
    assert (found["queue.frozen"].outcome, found["queue.frozen"].reason) == (Outcome.UNKNOWN, "not root")


def test_wanted_asks_for_no_more() -> None:
    remote, smtp = Remote(), Smtp()
    found = look(fleet(), hosts=["mx1"], wanted=frozenset({"queue.frozen"}), remote=remote, smtp=smtp, clock=Clock())
    assert [(s.host, s.name) for s in found] == [("mx1", "ssh.reach"), ("mx1", "queue.frozen")]
    assert not smtp.asked
    (asked,) = remote.asked
    assert asked == (
        "mx1",
        {
            "limit": "6",
            "patience": "5",
            "config_dir": "/etc/postfix",
            "spam": "none",
            "scan": "no",
            "top": "no",
            "filters": "yes",
            "debts": "no",
        },
    )


def test_smtp_alone_needs_no_ssh() -> None:
    remote, smtp = Remote(), Smtp()
    look(fleet(), wanted=frozenset({"smtp.dialogue"}), remote=remote, smtp=smtp, clock=Clock())
    assert not remote.asked
    assert sorted(smtp.asked) == [f"dialogue 192.0.2.{n}:25 postmaster@example.net" for n in (11, 12)]


def test_one_host_is_seen_by_its_peer_which_is_asked_nothing_else() -> None:
    remote = Remote()
    found = look(fleet(), hosts=["mx1"], remote=remote, smtp=Smtp(), clock=Clock())
    assert {s.host for s in found} == {"mx1"}
    args = dict(remote.asked)["mx2"]
    assert (args["peers"], args["spam"], args["scan"], args["filters"]) == ("192.0.2.11:25", "none", "no", "no")
    assert "handler" not in args


def test_in_a_large_fleet_each_host_is_seen_by_a_quorum_only() -> None:
    many = fleet(*(host(f"mx{n}", 10 + n) for n in range(1, 8)))
    found = look(many, remote=Remote(), smtp=Smtp(), clock=Clock())
    watchers = {h: {s.vantage for s in found if s.host == h and s.name == "smtp.peer"} for h in many.hosts}
    assert {len(w) for w in watchers.values()} == {many.policy.quorum}
    assert watchers["mx1"] == {"mx2", "mx3"}


def test_serial_stays_in_this_thread_and_parallel_does_not_wait() -> None:
    serial = Remote()
    look(fleet(), remote=serial, smtp=Smtp(), clock=Clock(), workers=1)
    assert serial.threads == {threading.current_thread().name}
    both = threading.Barrier(2, timeout=5)
    look(fleet(), remote=Remote(meanwhile=lambda _: both.wait()), smtp=Smtp(), clock=Clock())


def test_order_is_that_of_the_file_and_of_the_registry() -> None:
    swapped = fleet(host("zz", 11), host("aa", 12))
    names = [s.host for s in look(swapped, remote=Remote(), smtp=Smtp(), clock=Clock())]
    assert names == ["zz"] * 23 + ["aa"] * 23


def test_an_empty_fleet_is_an_empty_look() -> None:
    assert look(Fleet({}), remote=Remote(), smtp=Smtp(), clock=Clock()) == ()


def test_where_a_vantage_cannot_look_another_one_is_asked_in_the_same_look() -> None:
    """Of five, the first three are dead: the two that live say so, though neither comes next in the file."""
    five = fleet(*(host(f"mx{n}", 10 + n) for n in range(1, 6)))
    dead = [f"192.0.2.{n}:25" for n in (11, 12, 13)]
    alive = facts(*(f"peer {a} timeout 5001 -" for a in dead))
    remote = Remote({**dict.fromkeys(("mx1", "mx2", "mx3"), DOWN), "mx4": alive, "mx5": alive})
    found = look(five, remote=remote, smtp=Smtp(), clock=Clock())
    for name in ("mx1", "mx2", "mx3"):
        assert set(smtp_failing(name, found)) == {"mx4", "mx5"}
    again = look(five, before=found, remote=(second := Remote(remote.answers)), smtp=Smtp(), clock=Clock())
    assert {s.vantage for s in again if s.name == "smtp.peer" and s.outcome is not Outcome.UNKNOWN} == {"mx4", "mx5"}
    assert len(second.asked) == 5, "who could not look last time was not counted on"
