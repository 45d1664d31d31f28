"""The simulated drill passes, repeats exactly, and fails when what it shows is broken."""

from __future__ import annotations

import pytest

from failover.config.catalogue import find
from failover.core.drill import Received, Sent, count, drained, mitigated
from failover.world import drill, script
from failover.world.machine import Machine, Verb
from failover.world.postfix import MAIN, Postfix


def test_spam_filter_hung_passes() -> None:
    said: list[str] = []
    report = drill.spam_filter_hung(said.append)
    assert report.failures == ()
    assert report.passed
    assert (report.mode, report.lost, report.duplicated, report.restored) == ("simulated", 0, 0, True)
    assert report.accepted == report.delivered > 2500
    assert report.unscanned > 300
    assert report.detect_s is not None
    assert report.detect_s < 90
    assert report.mitigate_s is not None
    assert report.mitigate_s < 10
    assert report.drain_s is not None
    assert report.drain_s < 60
    assert any("named" in line for line in said)


def test_both_waves_of_august_11_pass_each_by_its_own_cure() -> None:
    said: list[str] = []
    report = drill.august_11(said.append)
    assert report.failures == ()
    assert (report.scenario, report.lost, report.duplicated, report.restored) == ("august-11", 0, 0, True)
    first, hang = (next(n for n, line in enumerate(said) if words in line) for words in ("runs again", "spamd on mx1"))
    assert first < hang


@pytest.mark.slow
def test_august_11_fails_when_nothing_restarts_the_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drill, "find", lambda name, _: find("spam-filter-hung", None))
    assert "not named" in drill.august_11(lambda line: None).failures[0]


def test_it_repeats_exactly_but_for_the_name_of_the_run() -> None:
    first, second = (drill.spam_filter_hung(lambda line: None, seed=5) for _ in range(2))
    assert (first.accepted, first.delay_s, first.unscanned) == (second.accepted, second.delay_s, second.unscanned)


def test_it_fails_when_the_bypass_duplicates(monkeypatch: pytest.MonkeyPatch) -> None:
    careful = Postfix.end_scans
    monkeypatch.setattr(Postfix, "end_scans", lambda self: careful(self, careful=False))
    report = drill.spam_filter_hung(lambda line: None)
    assert not report.passed
    assert report.duplicated


def test_it_fails_when_the_undo_leaves_something_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    restore = script._ACTS["restore"]

    def careless(m: Machine, args: script.Args) -> Verb:
        answer = yield from restore(m, args)
        m.files[MAIN]["defer_transports"] = "spamassassin"
        return answer

    monkeypatch.setitem(script._ACTS, "restore", careless)
    report = drill.spam_filter_hung(lambda line: None)
    assert not report.restored
    assert not report.passed


# The count --------------------------------------------------------------------


def test_the_count_sees_each_kind_of_difference() -> None:
    sent = [Sent("1", ("a", "b"), 10.0), Sent("2", ("a",), 11.0), Sent("3", ("a",), 12.0)]
    received = [
        Received("1", ("a",), 15.0, True),
        Received("1", ("a",), 20.0, False),
        Received("1", ("b",), 15.0, True),
        Received("2", ("a", "a"), 12.0, True),
        Received("9", ("a",), 12.0, True),
    ]
    tally = count(sent, received)
    assert (tally.accepted, tally.delivered, tally.lost, tally.duplicated, tally.unscanned) == (4, 3, 1, 2, 1)
    assert tally.missing == (("3", "a"),)
    assert tally.doubled == (("1", "a"), ("2", "a"))
    assert tally.foreign == (("9", "a"),)
    assert count(sent, received, grace=["9"]).foreign == ()
    assert (tally.delay.p50, tally.delay.max) == (5.0, 5.0)


def test_spans() -> None:
    sent = [Sent("1", ("a",), 10.0), Sent("2", ("a",), 20.0)]
    received = [Received("1", ("a",), 25.0, True), Received("2", ("a",), 22.0, True)]
    assert mitigated(sent, received, 15.0) == 7.0
    assert drained(sent, received, 15.0) == 10.0
    assert drained(sent, received[1:], 15.0) is None
