"""One look: what is asked of whom, and what is said when a host does not answer."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from failover.core.diagnosis import smtp_failing
from failover.core.fleet import Fleet, Host, Role
from failover.core.signal import Outcome
from failover.errors import ConfigError, FailoverError, OutcomeUnknown, Unreachable
from failover.ports import Reply
from failover.probes.look import look
from tests.probes.fakes import Clock, Remote, Smtp, facts, fleet, host

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
    over_ssh = {n: s for n, s in mine.items() if not n.startswith(("ssh", "smtp"))}
    assert len(over_ssh) == 14
    assert {s.outcome for s in over_ssh.values()} == {Outcome.UNKNOWN}
    assert mine["smtp.banner"].outcome is mine["smtp.peer"].outcome is Outcome.OK
    (blind,) = [s for s in found if s.host == "mx2" and s.name == "smtp.peer"]
    assert blind.outcome is Outcome.UNKNOWN
    assert blind.reason.startswith("mx1 could not look")


def test_our_own_wrong_files_are_not_its_failure() -> None:
    error = ConfigError("known_hosts is missing", try_="ssh-keyscan")
    found = look(fleet(), remote=Remote({"mx1": error}), smtp=Smtp(), clock=Clock())
    assert next(s for s in found if s.name == "ssh.reach").outcome is Outcome.UNKNOWN


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
    assert names == ["zz"] * 18 + ["aa"] * 18


def test_an_empty_fleet_is_an_empty_look() -> None:
    assert look(Fleet({}), remote=Remote(), smtp=Smtp(), clock=Clock()) == ()
