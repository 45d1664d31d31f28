"""Each probe: facts of one look in, signals out; unreadable is unknown, never zero and never down."""

from __future__ import annotations

from pathlib import Path

import pytest

import failover
from failover.core.fleet import Endpoint, Spam, SpamEngine
from failover.core.observe.signal import Outcome, Samples, Signal
from failover.ports import Reply, SmtpAnswer
from failover.signals import COUNTED, FAMILIES, OF_DOMAINS, SIGNALS, smtp, spam
from failover.signals.look import look
from tests.fakes import AT, Clock, Smtp
from tests.signals.fakes import Remote, facts, fleet, host, visit

PACKAGE = Path(failover.__file__).parent
KNOW_NONE = ("signals/__init__.py", "signals/look.py", "signals/family.py", "cli/check_formats.py", "cli/prometheus.py")
OK, WARN, FAIL, UNKNOWN = Outcome.OK, Outcome.WARN, Outcome.FAIL, Outcome.UNKNOWN


def seen(answer: Reply, name: str = "mx1") -> dict[str, Signal]:
    return by_name(look(fleet(), remote=Remote({"mx1": answer}), smtp=Smtp(), clock=Clock()), name)


def by_name(samples: Samples, name: str) -> dict[str, Signal]:
    return {s.name: s for s in samples if s.host == name}


def test_healthy_host_shows_every_signal_ok() -> None:
    found = seen(facts())
    one_look = SIGNALS.keys() - OF_DOMAINS - COUNTED
    assert found.keys() == one_look
    assert {s.outcome for s in found.values()} == {OK}
    assert (found["queue.pending"].value, found["queue.pending"].age) == (3.0, 3.0)
    assert found["queue.frozen"].reason == '2 messages wait for "spamassassin", oldest 1 s'


def test_no_signal_is_told_twice() -> None:
    """What looks, loads and shows knows none by name; it goes by the registry."""
    assert len(SIGNALS) == sum(len(family.kinds) for family in FAMILIES)
    for path in (PACKAGE / name for name in KNOW_NONE):
        assert not [name for name in SIGNALS if f'"{name}"' in path.read_text()], path


@pytest.mark.parametrize(
    ("name", "changes", "outcome", "reason"),
    [
        ("queue.pending", ["queue active 49"], OK, "50 messages wait in incoming and active, oldest 3 s"),
        (
            "queue.pending",
            ["queue active 500"],
            WARN,
            "501 messages wait in incoming and active, oldest 3 s, more than 50",
        ),
        ("queue.pending", ["postfix stopped"], FAIL, "Postfix is not running; 3 messages wait"),
        ("queue.pending", ["-queue active", "error queue no such folder"], UNKNOWN, "no such folder"),
        ("queue.pending", ["queue active many"], UNKNOWN, "the look says nothing about queue"),
        ("queue.pending", ["queue active nan"], UNKNOWN, "the look says nothing about queue"),
        ("queue.pending", ["queue active -1"], UNKNOWN, "the look says nothing about queue"),
        ("queue.pending", ["oldest -5"], OK, "3 messages wait in incoming and active"),
        ("queue.deferred", ["queue deferred 101"], WARN, "101 messages wait in deferred, more than 100"),
        ("queue.hold", ["queue hold 100000"], OK, "100000 messages wait in hold"),
        ("queue.maildrop", ["queue maildrop 21"], WARN, "21 messages wait in maildrop, more than 20"),
        ("queue.oldest_age", ["oldest 301"], WARN, "the oldest in incoming and active waits 5 min 1 s, limit 5 min"),
        ("queue.oldest_age", ["oldest 901"], FAIL, "the oldest in incoming and active waits 15 min 1 s, limit 15 min"),
        ("queue.oldest_age", ["-oldest"], UNKNOWN, "the look says nothing about oldest"),
        ("queue.oldest_age", ["-oldest", "queue incoming 0", "queue active 0"], OK, "nothing waits"),
        (
            "queue.frozen",
            ["frozen spamassassin 412 190 412 412"],
            FAIL,
            '412 messages wait for "spamassassin", oldest 3 min 10 s',
        ),
        (
            "queue.frozen",
            ["frozen spamassassin 412 60 5000 90000"],
            WARN,
            '412 of the 5000 messages examined, of 90000, wait for "spamassassin", oldest 1 min',
        ),
        ("queue.frozen", ["frozen spamassassin 0 0 0 0"], OK, 'no mail waits for "spamassassin"'),
        ("queue.frozen", ["-frozen spamassassin"], OK, "no mail waits for a filter: none is set"),
        ("queue.frozen", ["error frozen grep took too long"], UNKNOWN, "grep took too long"),
        ("queue.frozen", ["frozen spamassassin ?"], UNKNOWN, "failover-host counted something unreadable"),
        ("spam.ping", ["spam.ping timeout 5004 connected, no answer in 5 s"], FAIL, "no answer in 5 s"),
        ("spam.ping", ["spam.ping timeout 5004 "], FAIL, "no answer in 5 s"),
        ("spam.ping", ["spam.ping refused 0 -"], FAIL, "connection refused at 127.0.0.1:783"),
        ("spam.ping", ["spam.ping error 0 no bash"], UNKNOWN, "no bash"),
        ("spam.scan", ["spam.scan ok 2100 -"], WARN, "scans in 2.1 s, slower than 2 s"),
        ("spam.scan", ["spam.scan wrong 8 SPAMD/1.5 76 Bad header"], FAIL, 'answered "SPAMD/1.5 76 Bad header"'),
        ("spam.scan", ["spam.scan fine 8 x"], UNKNOWN, 'failover-host said "fine 8 x", which is no answer'),
        ("handler.banner", ["handler timeout 5001 connected, no answer in 5 s"], FAIL, "connected, no answer in 5 s"),
        ("handler.banner", ["handler refused 0 -"], FAIL, "connection refused at 127.0.0.1:20381"),
        (
            "handler.banner",
            ["handler ok 9 220 mx1 Postfix"],
            FAIL,
            'greets with "220 mx1 Postfix", wanted "Python SMTP"',
        ),
        ("container.state", ["container running 812 x 0 false 0 healthy"], OK, "sl-email runs"),
        (
            "container.state",
            ["container running 812 x 0 false 0 unhealthy"],
            WARN,
            "sl-email runs, and its own check says unhealthy",
        ),
        ("container.state", ["container exited 0 x 0 false 0 -"], FAIL, "sl-email is exited, exit code 0"),
        (
            "container.state",
            ["container restarting 0 x 137 true 4 -"],
            FAIL,
            "sl-email is restarting, exit code 137, out of memory, started again 4 times by docker",
        ),
        ("container.state", ["container absent"], FAIL, "docker has no container sl-email"),
        (
            "container.state",
            ["container timeout"],
            WARN,
            "docker does not answer, so nobody can start sl-email again",
        ),
        ("container.state", ["-container", "error container no docker"], UNKNOWN, "no docker"),
        ("cpu.load", ["load 8.4 4"], WARN, "load 2.1 a core, more than 2"),
        ("cpu.load", ["load 8.4 0"], UNKNOWN, "the look says nothing about load"),
        ("cpu.top", ["top 99 spamd 7", "load 4.4 4"], WARN, "spamd takes 99 % of a core, and every core is taken"),
        ("cpu.top", ["-top"], OK, "no process took any time"),
        ("cpu.top", ["-top", "error top no /proc"], UNKNOWN, "no /proc"),
        ("cpu.top", ["top 99 spamd 7"], OK, "spamd takes 99 % of a core"),
        ("disk.free", ["disk 14 9000000000 /var/spool"], WARN, "14 % free at /var/spool, less than 15 %"),
        ("disk.free", ["disk 4 9000000000 /var/spool"], FAIL, "4 % free at /var/spool, less than 5 %"),
        (
            "disk.free",
            ["disk 40 15000000 /var/spool"],
            FAIL,
            "40 % free at /var/spool: 15 MB, with which Postfix refuses mail",
        ),
        ("disk.inodes", ["inodes 3 /var/spool"], FAIL, "3 % of the inodes free at /var/spool, less than 5 %"),
        ("disk.inodes", ["inodes - /var/spool"], OK, "this file system makes inodes as it needs them"),
    ],
)
def test_judged(name: str, changes: list[str], outcome: Outcome, reason: str) -> None:
    found = seen(facts(*changes))[name]
    assert (found.outcome, found.reason) == (outcome, reason)


def test_several_filters_count_together_and_the_oldest_speaks() -> None:
    found = seen(facts("frozen a 3 10 9 9", "frozen b 4 70 9 9"))["queue.frozen"]
    assert (found.value, found.age, found.outcome) == (9.0, 70.0, FAIL)  # 2 of the healthy look are there too
    assert 'for "b", oldest 1 min 10 s' in found.reason


def test_undeclared_filter_is_silent_until_mail_goes_through_one() -> None:
    bare = fleet(host("mx1", 11, spam=None))
    for changes, expected in (
        (["-filter"], None),
        ([], UNKNOWN),
        (["spam.scan ok 31 -"], OK),
    ):
        answer = facts("spam.ping refused 0 -", "spam.scan refused 0 -", *changes)
        found = by_name(look(bare, remote=Remote({"mx1": answer}), smtp=Smtp(), clock=Clock()), "mx1")
        assert (found["spam.scan"].outcome if "spam.scan" in found else None) is expected


def test_an_undeclared_filter_that_speaks_smtp_is_asked_where_the_host_finds_it() -> None:
    """case: amavis, `spam:` not declared: never triggers"""
    bare = fleet(host("mx1", 11, spam=None))
    answer = facts("spam.at smtp [127.0.0.1]:10024", "spam.ping refused 0 -", "spam.scan ok 12 250")
    remote = Remote({"mx1": answer})
    found = by_name(look(bare, remote=remote, smtp=Smtp(), clock=Clock()), "mx1")
    assert remote.asked[0][1]["spam"] == "auto"
    assert (found["spam.ping"].outcome, found["spam.ping"].reason) == (
        FAIL,
        "connection refused at [127.0.0.1]:10024",
    )
    assert (found["spam.scan"].outcome, found["spam.scan"].reason) == (OK, "answers in 12 ms")


def test_no_engine_means_no_spam_signals() -> None:
    spam = host("x", 1).spam
    assert spam is not None
    none = type(spam)(SpamEngine.NONE, spam.address)
    remote = Remote({"mx1": facts("-spam.ping", "-spam.scan")})
    found = look(fleet(host("mx1", 11, spam=none)), remote=remote, smtp=Smtp(), clock=Clock())
    assert not [s for s in found if s.name.startswith("spam.")]
    assert remote.asked[0][1]["spam"] == "none"


@pytest.mark.parametrize(
    ("answer", "outcome", "value"),
    [
        (SmtpAnswer(True, "220 mx1 ESMTP", 0.01), OK, 0.01),
        (SmtpAnswer(False, "no banner in 5 s", 5.0), FAIL, "timeout"),
        (SmtpAnswer(False, "connection refused", 0.0), FAIL, "refused"),
        (SmtpAnswer(False, "no route to host", 3.1), FAIL, "unreachable"),
        (SmtpAnswer(False, "554 no", 0.1), FAIL, "wrong"),
        (SmtpAnswer(False, "network is unreachable", 0.0, ours=True), UNKNOWN, "wrong"),
    ],
)
def test_smtp_from_here(answer: SmtpAnswer, outcome: Outcome, value: object) -> None:
    found = smtp.from_here(host("mx1", 11), smtp.BANNER, answer, patience_s=5.0, at=AT)
    assert (found.outcome, found.value, found.vantage) == (outcome, value, "controller")


@pytest.mark.parametrize(
    ("row", "outcome", "value"),
    [
        ("ok 9 220 mx2", OK, 0.009),
        ("timeout 5004 connected, no answer in 5 s", FAIL, "timeout"),
        ("timeout 5004 no connection in 5 s", FAIL, "unreachable"),
        ("error 3100 No route to host", FAIL, "unreachable"),
        ("error 2 Network is unreachable", UNKNOWN, "error"),
        ("refused 1 connection refused", FAIL, "refused"),
    ],
)
def test_smtp_from_a_peer(row: str, outcome: Outcome, value: object) -> None:
    (found,) = smtp.read(visit(host("mx1", 11), host("mx2", 12)), facts(f"peer 192.0.2.12:25 {row}"))
    assert (found.host, found.vantage, found.outcome, found.value) == ("mx2", "mx1", outcome, value)


@pytest.mark.parametrize(("word", "outcome"), [("closed", "unknown"), ("wrong", "unknown"), ("timeout", "fail")])
def test_a_proxy_that_speaks_no_http_says_nothing_of_the_filter(word: str, outcome: str) -> None:
    """case: rspamd's proxy on 11332: fail for ever, shift-mx refused, "mx2 is not fit"."""
    at = Spam(SpamEngine.RSPAMD, Endpoint("127.0.0.1", 11332))
    asked = facts(f"spam.scan {word} 9 closed without an answer")
    found = {s.name: s for s in spam.read(visit(host("mx1", 11, spam=at)), asked)}["spam.scan"]
    assert found.outcome == outcome
    assert ("on 11333 or 11334" in found.reason) == (outcome == "unknown")
