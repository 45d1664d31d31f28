"""The night in full on the real lab: as a drill of two waves, as one playbook when both causes come at once; and an MX
that is cut off, with real mail servers that look up MX for themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from failover.cli import drill as drill_command
from failover.core.drill import Received, Sent
from failover.errors import FailoverError
from failover.lab import Lab, mx_down
from failover.lab.ledger import Books, Delivery, Posted
from tests.labs import SLACK, arrived, lab_or_skip, rolled_back, send, until
from tests.scenarios.night import BROKEN, GIVEN, SHIFTED, failover, hot, states


@pytest.fixture(scope="module")
def boxed() -> Iterator[Lab]:
    ours = lab_or_skip("night", ("docker",))
    yield ours
    ours.down()


@pytest.fixture
def lab(boxed: Lab) -> Iterator[Lab]:
    yield boxed
    for name in BROKEN:
        boxed.heal(name)


@pytest.mark.lab
@pytest.mark.drill
def test_both_at_once_are_cured_by_one_run_and_put_back_by_one_rollback(lab: Lab) -> None:
    for name in BROKEN:
        lab.incident(name)
    seqs = [f"night-{n}" for n in range(12)]
    for seq in seqs:
        send(lab, seq)

    done = failover(lab, "run", "august-11", *GIVEN, "--yes", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = states(json.loads(done.stdout))
    assert found.pop("drain") in {"verified", "skipped"}, "skipped where all of it left by the bypass alone"
    assert found == {
        "restart": "verified",
        "bypass": "verified",
        "requeue": "unchanged",
        "shift": "skipped",
        "watch": "skipped",
    }
    until(lambda: all(arrived(lab, s) for s in seqs), within=30, what="every message delivered")
    assert {len(arrived(lab, s)) for s in seqs} == {1}

    blocked = failover(lab, "rollback", "--yes")
    assert blocked.returncode == 6, "while spamd hangs its bypass stays"
    lab.heal("spamd-hung")
    rolled_back(partial(failover, lab))
    send(lab, "night-after")
    until(lambda: bool(arrived(lab, "night-after")), within=30, what="new mail delivered")
    assert arrived(lab, "night-after")[0]["scanned"]


@pytest.mark.lab
@pytest.mark.drill
def test_hot_host_gives_its_traffic_away_and_gets_it_back_after_its_filter(lab: Lab, tmp_path: Path) -> None:
    lab.incident("spamd-hung")

    done = failover(lab, *hot(tmp_path), "run", "august-11", *GIVEN, "--yes", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert states(json.loads(done.stdout))["shift"] == "verified"
    assert all(SHIFTED in shown for shown in mx_down.records(lab))
    assert failover(lab, "rollback", "--yes").returncode == 6
    assert all(SHIFTED in shown for shown in mx_down.records(lab)), "traffic went back to a host without filter"

    lab.heal("spamd-hung")
    rolled_back(partial(failover, lab))
    run = json.loads(failover(lab, "runs", "show", json.loads(done.stdout)["run"], "--json").stdout)
    undone = [e["step"] for e in run["timeline"] if e["kind"] == "undone"]
    assert undone == ["bypass", "shift"]
    until(lambda: not any(SHIFTED in shown for shown in mx_down.records(lab)), within=10, what="the MX of before")


@pytest.mark.lab
@pytest.mark.drill
@pytest.mark.soak
def test_both_waves_one_after_the_other_lose_nothing_and_leave_nothing(lab: Lab) -> None:
    argv = [sys.executable, "-m", "failover", "lab", "drill", "august-11", "--json", "--name", lab.name]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=550 * SLACK, check=False)
    report = json.loads(done.stdout)
    assert report["failures"] == [], done.stderr
    assert (done.returncode, report["scenario"], report["passed"], report["restored"]) == (0, "august-11", True, True)
    assert (report["lost"], report["duplicated"]) == (0, 0)
    assert report["accepted"] == report["delivered"] > 200
    assert done.stderr.index("would run: failover run handler-down") < done.stderr.index("run spam-filter-hung")


@pytest.mark.lab
@pytest.mark.drill
def test_mail_of_exim_and_postfix_is_moved_off_an_mx_that_is_cut_off_and_back(lab: Lab) -> None:
    argv = [sys.executable, "-m", "failover", "lab", "drill", "mx-down", "--json", "--name", lab.name]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=400 * SLACK, check=False)
    report = json.loads(done.stdout)
    assert report["failures"] == [], done.stderr
    assert (done.returncode, report["scenario"], report["passed"], report["restored"]) == (0, "mx-down", True, True)
    assert (report["lost"], report["duplicated"], report["unscanned"]) == (0, 0, 0)
    assert report["accepted"] == report["delivered"] > 40
    assert "would run: failover run mx-down --set sick=mx1 --set to=mx2 --set domain=lab.test" in done.stderr


def test_letter_of_either_relay_that_strays_after_the_move_is_seen() -> None:
    def letter(seq: str, relay: str, at: float) -> Posted:
        return Posted("accepted", relay, Sent(seq, ("user@lab.test",), at), "", None)

    def delivery(seq: str, mx: str) -> Delivery:
        return Delivery(mx, Received(seq, ("user@lab.test",), 20.0, True), "")

    letters = (letter("early", "ns1", 5.0), letter("a", "ns1", 11.0), letter("b", "ns2", 12.0))
    books = Books(letters, (delivery("early", "mx1"), delivery("a", "mx2"), delivery("b", "mx1")))
    assert mx_down.drawn(books, "mx1", since=10.0) == {"b"}
    assert mx_down.drawn(books, "mx1", since=0.0, relay="ns1") == {"early"}


@pytest.mark.parametrize("scenario", [s for s in drill_command.SCENARIOS if s not in drill_command.SIMULATED])
def test_what_no_memory_can_play_is_refused_without_a_lab(scenario: str) -> None:
    with pytest.raises(FailoverError, match=r"needs a real lab\. No namespaces here"):
        drill_command._simulated(scenario, "No namespaces here.", print)
