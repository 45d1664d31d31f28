"""A run over a container, a filter and DNS that is cut short: its controller killed, or its host cut off."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from failover.dns.rfc2136 import Rfc2136
from failover.dns.rfc2136_zone import Rfc2136Zone
from failover.lab import Lab, mx_down
from tests.adapters.lab_net import inside
from tests.labs import arrived, lab_or_skip, ledger, rolled_back, send, until
from tests.scenarios.night import BROKEN, GIVEN, SHIFTED, failover, hot, states
from tests.scenarios.test_run import FILES, FLOOD, kill

pytestmark = pytest.mark.lab

CUT = "mx-unreachable"
BATCH = 40
RESTARTS = "/var/lib/failover-host/restarts"
UNDISTURBED = {
    "restart": {"verified"},
    "bypass": {"verified"},
    "requeue": {"unchanged"},
    "drain": {"verified", "skipped"},  # what the killed run's flush let through needs no second one
    "shift": {"verified"},
    "watch": {"skipped"},
}


class Night:
    """A lab as it was found, and the mail that is sent to mx1 meanwhile."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab, self.name = lab, name
        self.files, self.shown = self._files(), mx_down.records(lab)
        self.seqs: list[str] = []
        self.processes: list[subprocess.Popen[Any]] = []

    def mail(self, n: int = BATCH) -> None:
        seqs = [f"{self.name}-{len(self.seqs) + i}" for i in range(n)]
        self.lab.run("sender", [sys.executable, "-c", FLOOD, self.lab.address("mx1"), *seqs], timeout=60)
        self.seqs += seqs

    def run_until(self, kind: str, step: str, *words: str) -> tuple[str, subprocess.Popen[Any]]:
        """Start `failover WORDS`; return the run's id as soon as it has told of that event. It goes on."""
        process = self.lab.popen("controller", ["failover", *words, "--yes", "--events"], stdout=subprocess.PIPE)
        self.processes.append(process)
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if (event["kind"], event["step"]) == (kind, step):
                return event["run"], process
        pytest.fail(f"the run ended without {kind} of {step}")

    def put_back(self, run: str) -> None:
        rolled_back(partial(failover, self.lab), run)
        assert self._files() == self.files, "byte for byte, same owner, same mode"
        until(lambda: mx_down.records(self.lab) == self.shown, within=10, what="the MX of before at ns1 and ns2")

    def all_delivered_once(self) -> None:
        until(lambda: min(self._arrivals()) > 0, within=60, what="every message delivered")
        assert max(self._arrivals()) == 1, "and none twice"

    def _arrivals(self) -> list[int]:
        seen = Counter(line["x_seq"] for line in ledger(self.lab))
        return [seen[seq] for seq in self.seqs]

    def _files(self) -> str:
        return self.lab.run("mx1", FILES, timeout=10).stdout


@pytest.fixture(scope="module")
def boxed() -> Iterator[Lab]:
    ours = lab_or_skip("interrupted", ("docker",))
    yield ours
    ours.down()


@pytest.fixture
def night(boxed: Lab, request: pytest.FixtureRequest) -> Iterator[Night]:
    ours = Night(boxed, request.node.name)
    yield ours
    for process in ours.processes:
        kill(process)
    for name in (CUT, *BROKEN):
        boxed.heal(name)
    boxed.run("mx1", ["rm", "-f", RESTARTS], timeout=5)  # the fourth test within ten minutes would be refused its own
    for run in json.loads(failover(boxed, "runs", "list", "--json").stdout)["runs"]:
        if run["state"] not in {"rolled_back", "aborted"}:  # only of a test that failed
            failover(boxed, "rollback", run["run"], "--yes")
            failover(boxed, "runs", "accept", run["run"], "--reason", "test over")


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("acted", "bypass"),
        pytest.param("intent", "restart", marks=pytest.mark.soak),
        pytest.param("intent", "shift", marks=pytest.mark.soak),
        pytest.param("acted", "restart", marks=pytest.mark.soak),
        pytest.param("intent", "bypass", marks=pytest.mark.soak),
        pytest.param("acted", "shift", marks=pytest.mark.soak),
    ],
)
def test_killed_at_a_container_a_filter_or_dns_it_resumes_to_the_same_end(
    night: Night, tmp_path: Path, kind: str, step: str
) -> None:
    lab = night.lab
    for name in BROKEN:
        lab.incident(name)
    night.mail()
    run, process = night.run_until(kind, step, *hot(tmp_path), "run", "august-11", *GIVEN)
    kill(process)
    night.mail()

    resumed = failover(lab, "runs", "resume", run, "--json")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    ended = states(json.loads(resumed.stdout))
    assert {i: {s} <= UNDISTURBED[i] for i, s in ended.items()} == dict.fromkeys(UNDISTURBED, True), ended
    assert all(SHIFTED in shown for shown in mx_down.records(lab))
    night.all_delivered_once()

    lab.heal("spamd-hung")
    night.put_back(run)
    send(lab, f"{night.name}-after")
    until(lambda: bool(arrived(lab, f"{night.name}-after")), within=30, what="new mail delivered")
    assert arrived(lab, f"{night.name}-after")[0]["scanned"]


BACK_TO_MX1 = """
version: 1
name: back-to-mx1
summary: Most mail goes to mx1 again, past its filter.
steps:
  - id: prefer
    action: dns.prefer
    with: {domain: lab.test, to: mx1, mode: overlay, expires: 4h}
    verify: [{signal: dns.mx, host: lab.test, is: ok, within: 60s}]
  - id: bypass
    action: spam.bypass
    with: {host: mx1, mode: pass, expires: 4h}
    verify: [{signal: queue.frozen, host: mx1, leaves: some, within: 60s}]
"""


@pytest.mark.soak
def test_host_cut_off_in_the_middle_keeps_its_undo_and_dns_is_put_back(night: Night, tmp_path: Path) -> None:
    lab = night.lab
    zone = Rfc2136Zone(Rfc2136(lab.address("ns1"), 53, "failover", f"file:{lab.folder}/tsig"))
    lab_mx = inside(lab, "controller", lambda: zone.mx("lab.test"))
    away = replace(lab_mx, targets=lab_mx.targets | {(5, "mx2.lab.test.")})
    inside(lab, "controller", lambda: zone.swap("lab.test", expected=lab_mx, wanted=away))
    try:
        until(lambda: all("5 mx2" in shown for shown in mx_down.records(lab)), within=10, what="mx2 first")
        night.shown = mx_down.records(lab)
        (tmp_path / "back-to-mx1.yaml").write_text(BACK_TO_MX1)
        night.mail()
        run, process = night.run_until("intent", "bypass", "--playbooks", str(tmp_path), "run", "back-to-mx1")
        lab.incident(CUT)
        until(lambda: all("4 mx1" in shown for shown in mx_down.records(lab)), within=10, what="mx1 first")
        process.communicate(timeout=150)
        assert process.returncode == 6

        back = failover(lab, "rollback", run, "--yes")
        assert back.returncode == 6
        assert "prefer  undone" in back.stdout
        assert "bypass  undo failed: mx1 could not be read" in back.stdout
        until(lambda: mx_down.records(lab) == night.shown, within=10, what="mx2 first again, at ns1 and ns2")

        lab.heal(CUT)
        night.put_back(run)
        night.all_delivered_once()
    finally:
        lab.heal(CUT)
        inside(lab, "controller", lambda: zone.swap("lab.test", expected=zone.mx("lab.test"), wanted=lab_mx))
