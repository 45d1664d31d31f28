"""The drill on the real lab, and the honesty of its account: one lost, doubled or altered letter fails it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from failover.core.drill import DrillReport
from failover.lab import Lab, drill, handler
from failover.lab.drill import waiting
from failover.lab.ground import ground
from failover.lab.ledger import read
from failover.lab.letters import letter
from failover.lab.playing import Playing
from failover.lab.plot import WIDTH, plot
from failover.lab.story import Story
from tests.labs import SLACK, lab_or_skip

Line = dict[str, Any]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    ours = lab_or_skip("drill")
    yield ours
    ours.down()


@pytest.mark.lab
@pytest.mark.drill
def test_drill_cures_loses_nothing_and_puts_everything_back(lab: Lab) -> None:
    argv = [sys.executable, "-m", "failover", "lab", "drill", "spam-filter-hung", "--json", "--name", lab.name]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=500 * SLACK, check=False)
    report = json.loads(done.stdout)
    assert report["failures"] == [], done.stderr
    assert (done.returncode, report["mode"], report["passed"], report["restored"]) == (0, "lab", True, True)
    assert (report["lost"], report["duplicated"]) == (0, 0)
    assert report["accepted"] == report["delivered"] > 200
    assert 0 < report["unscanned"] < report["accepted"]
    assert report["run"]
    assert report["detect_s"] > 0
    assert 0 < report["mitigate_s"] <= report["drain_s"]
    assert lab.is_up(), "a lab that was up before the drill stays up"


@pytest.mark.lab
@pytest.mark.drill
def test_letter_gone_from_hold_is_a_failure(lab: Lab, tmp_path: Path) -> None:
    played = Playing(lab, Story(print), tmp_path, (), held={"4F00": "t-3"})
    played.settles()
    assert played.failures == ["released from hold by nobody's order: 4F00"]


@pytest.mark.lab
@pytest.mark.drill
def test_killed_drill_leaves_a_lab_that_the_next_one_clears_and_no_two_play_on_one(lab: Lab) -> None:
    name = f"{lab.name}-killed"
    argv = [sys.executable, "-m", "failover", "lab", "drill", "spam-filter-hung", "--name", name]
    first = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout is not None
        assert any("mail flows" in line for line in first.stdout)
        second = subprocess.run(argv, capture_output=True, text=True, timeout=60 * SLACK, check=False)
        assert (second.returncode, "another drill" in second.stderr) == (4, True), second.stderr
        first.kill()
        first.wait(10)
        assert Lab(name).is_up()
        with ground(name, print, keep=False) as fresh:
            assert not list(fresh.folder.glob("drill-*")), "the lab of the killed drill was used again"
            assert fresh.ledger("mx1").stat().st_size == 0, "its sender was left running"
        assert not Lab(name).is_up()
    finally:
        first.kill()
        first.communicate()
        Lab(name).down()


# The account alone ------------------------------------------------------------------


@pytest.fixture
def books(tmp_path: Path) -> Callable[[list[Line], list[Line]], DrillReport]:
    """Account for a sender's log and mx1's ledger as the drill does, after it was played and everything put back."""

    def account(log: list[Line], ledger: list[Line], *, restored: bool = True) -> DrillReport:
        for name, lines in (("steady.jsonl", log), ("ledger", [{"of": "an earlier drill"}, *ledger])):
            (tmp_path / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
        was = len(json.dumps({"of": "an earlier drill"})) + 1
        played = Playing(Lab("none"), Story(print), tmp_path, (("mx1", tmp_path / "ledger", was),), restored=restored)
        played.held = {"4F00": "t-3"}
        return drill._account(played, "spam-filter-hung")

    return account


def _mail() -> tuple[list[Line], list[Line]]:
    """Ten letters as sent and as the real handler writes them down; the third is on hold for a while."""
    log, ledger, chance, now = [], [], random.Random(1), time.time()
    for n in range(10):
        mail = letter(f"t-{n}", chance)
        outcome = {"outcome": "accepted", "at": now + n, "seq": mail.seq, "host": "mx1", "to": list(mail.to)}
        log.append(outcome | {"sha256": mail.digest, "queue_id": f"4F0{n}"})
        arriving = mail.content(now).rstrip(b"\r\n") + b"\r\n"
        ledger.append(handler.entry(arriving, list(mail.to), now + n + (500 if n == 3 else 2)))
    return log, ledger


def test_exact_account_passes_and_leaves_what_was_on_hold_out_of_the_delays(books: Any) -> None:
    report = books(*_mail())
    assert report.failures == ()
    assert (report.passed, report.delay_s.max) == (True, 2.0)
    assert report.accepted == report.delivered == sum(len(line["to"]) for line in _mail()[0]) > 10


def _lose(log: list[Line], ledger: list[Line]) -> None:
    del ledger[5]


def _lose_one_recipient(log: list[Line], ledger: list[Line]) -> None:
    next(line for line in ledger if len(line["to"]) > 1)["to"].pop()


def _double(log: list[Line], ledger: list[Line]) -> None:
    ledger.append(ledger[5])


def _cut_short(log: list[Line], ledger: list[Line]) -> None:
    ledger[5]["sha256"] = "0" * 64


def _strip_number(log: list[Line], ledger: list[Line]) -> None:
    ledger[5]["x_seq"] = None


def _invent(log: list[Line], ledger: list[Line]) -> None:
    del log[5]


def _empty(log: list[Line], ledger: list[Line]) -> None:
    log.clear()
    ledger.clear()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_lose, "lost: t-5"),
        (_lose_one_recipient, "1 lost"),
        (_double, "duplicated: t-5"),
        (_cut_short, "arrived otherwise than they were sent: t-5"),
        (_strip_number, "lost: t-5"),
        (_invent, "delivered that were never accepted: t-5"),
        (_empty, "no message was accepted"),
    ],
)
def test_spoiled_account_fails(books: Any, spoil: Callable[[list[Line], list[Line]], None], said: str) -> None:
    log, ledger = _mail()
    spoil(log, ledger)
    report = books(log, ledger)
    assert not report.passed
    assert said in " | ".join(report.failures)


def test_mail_that_is_late_is_told_apart_from_mail_that_is_lost() -> None:
    assert waiting(0) == []
    assert "330 messages still wait in a queue" in waiting(330)[0]


def test_configuration_that_is_not_as_before_fails(books: Any) -> None:
    assert not books(*_mail(), restored=False).passed


def test_letter_without_final_reply_may_come_once_or_not_at_all_but_not_twice(books: Any) -> None:
    log, ledger = _mail()
    log[5]["outcome"] = "unknown"
    assert books(log, ledger).passed
    assert books(log, [line for line in ledger if line["x_seq"] != "t-5"]).passed
    assert not books(log, [*ledger, ledger[5]]).passed


def test_half_a_line_is_left_for_the_next_reading(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"outcome": "acce')
    assert read([tmp_path / "log.jsonl"], []).letters == ()


def test_plot_shows_the_peak_one_waiting_message_and_every_mark_within_its_width() -> None:
    rows = plot([(0.0, 0), (1.0, 1), (2.0, 500), (3.0, 0)], {"hang": 0.9, "run": 1.0, "heal": 3.0}, title="waiting")
    assert max(map(len, rows)) <= WIDTH
    assert rows[1].count("#") > 0, "the peak reaches the top row"
    assert rows[8].count("#") > rows[7].count("#"), "one message shows in the lowest row, and only there"
    assert all(f"^{mark}" in "\n".join(rows) for mark in ("hang", "run", "heal"))
