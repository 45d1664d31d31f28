"""The main job on real servers, through the command line: cured, killed, edited, cut off, and put back."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from failover.config.catalogue import built_in
from failover.lab import Lab
from tests.labs import ledger, rolled_back, until

pytestmark = pytest.mark.lab

BATCH = 60
FLOOD = """
import smtplib, sys, time
with smtplib.SMTP(sys.argv[1], 25, timeout=30) as smtp:
    for seq in sys.argv[2:]:
        smtp.sendmail("sender@example.org", ["someone@lab.test"],
            f"Message-ID: <{seq}@example.org>\\r\\nX-Failover-Seq: {seq}\\r\\nSubject: {seq}\\r\\n\\r\\nHello\\r\\n")
"""
FILES = ["sh", "-c", "cd /etc/postfix && sha256sum main.cf master.cf && stat -c '%n %a %U:%G' main.cf master.cf"]
RUN = ["failover", "run", "spam-filter-hung", "--set", "sick=mx1", "--yes"]
WHEN = re.compile(r"^    when:\n      any:\n(?:        .*\n)+", re.MULTILINE)
"""Of the last step, the flush: it is skipped where the bypass alone was enough, which is a matter of time."""


class Scene:
    """mx1 with its filter hung and a batch of mail stuck behind it."""

    def __init__(self, lab: Lab, name: str, folder: Path) -> None:
        self.lab, self.name, self.folder = lab, name, folder
        self.seqs: list[str] = []
        self.before = self.files()

    def files(self) -> str:
        return self.lab.run("mx1", FILES, timeout=10).stdout

    def failover(self, *args: str, within: float = 120) -> subprocess.CompletedProcess[str]:
        return self.lab.run("controller", ["failover", *args], timeout=within, check=False)

    def cure(self, *more: str, within: float = 120) -> subprocess.CompletedProcess[str]:
        return self.failover(*RUN[1:], *more, within=within)

    def always_drains(self) -> Path:
        """A folder with the playbook, whose flush comes whatever waits."""
        text, found = WHEN.subn("", (built_in() / "spam-filter-hung.yaml").read_text())
        assert found == 1
        (self.folder / "spam-filter-hung.yaml").write_text(text)
        return self.folder

    def run_until(self, kind: str, step: str | None) -> tuple[str, subprocess.Popen[Any]]:
        """Start the run; return its id as soon as it has told of that event. It goes on."""
        argv = ["failover", "--playbooks", str(self.always_drains()), *RUN[1:], "--events"]
        process = self.lab.popen("controller", argv, stdout=subprocess.PIPE)
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if (event["kind"], event["step"]) == (kind, step):
                return event["run"], process
        process.communicate(timeout=30)
        pytest.fail(f"the run ended without {kind} of {step}")

    def send_more(self, name: str, n: int = BATCH) -> list[str]:
        seqs = [f"{self.name}-{name}-{i}" for i in range(n)]
        self.lab.run("sender", [sys.executable, "-c", FLOOD, self.lab.address("mx1"), *seqs], timeout=60)
        self.seqs += seqs
        return seqs

    def counted(self, seqs: list[str]) -> set[int]:
        """How often each of them arrived, as a set: {1} is what we want."""
        seen = Counter(line["x_seq"] for line in ledger(self.lab))
        return {seen[seq] for seq in seqs}

    def all_delivered_once(self) -> None:
        until(lambda: 0 not in self.counted(self.seqs), within=30, what="every message delivered")
        assert self.counted(self.seqs) == {1}, "and none twice"

    def put_back(self) -> None:
        self.lab.heal("spamd-hung")
        rolled_back(self.failover)
        assert self.files() == self.before, "byte for byte, same owner, same mode"


@pytest.fixture
def scene_at(lab: Lab, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Scene]]:
    """Makes the scene when called, of mx1 as it is then; heals and closes whatever the test leaves."""
    made: list[Scene] = []

    def make() -> Scene:
        scene = Scene(lab, request.node.name, tmp_path)
        made.append(scene)
        lab.incident("spamd-hung")
        scene.send_more("stuck")
        return scene

    yield make
    for incident in ("mx-unreachable", "ssh-hung", "spamd-hung"):
        lab.heal(incident)
    for scene in made:
        _close_what_a_failed_test_left(scene)


@pytest.fixture
def scene(scene_at: Callable[[], Scene]) -> Scene:
    return scene_at()


def _close_what_a_failed_test_left(scene: Scene) -> None:
    for run in json.loads(scene.failover("runs", "list", "--json").stdout)["runs"]:
        if run["state"] not in {"rolled_back", "aborted"}:
            scene.failover("rollback", run["run"], "--yes")
            scene.failover("runs", "accept", run["run"], "--reason", "test over")


def test_cured_and_put_back(scene: Scene) -> None:
    done = scene.cure("--json")
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    *states, drain = (s["state"] for s in run["steps"])
    assert states == ["verified", "unchanged"]
    assert drain in {"verified", "skipped"}, "skipped where all of it left by the bypass alone"
    scene.all_delivered_once()

    refused = scene.failover("rollback", "--yes")
    assert refused.returncode == 6, "the filter still hangs, so the bypass stays"
    assert "stays in force" in refused.stderr
    assert scene.files() != scene.before
    scene.put_back()


FLUSH_ALONE = """
version: 1
name: flush-alone
summary: What waits is tried again, and meets the same filter.
steps:
  - id: drain
    action: queue.flush
    with: {host: mx1}
    verify: [{signal: queue.frozen, host: mx1, leaves: all, stalls_at_most: 8s}]
"""


def test_young_mail_that_stays_is_no_success(scene: Scene, tmp_path: Path) -> None:
    """case: backlog younger than 15 s, drain verified, succeeded, nothing delivered."""
    (tmp_path / "flush-alone.yaml").write_text(FLUSH_ALONE)
    done = scene.failover("--playbooks", str(tmp_path), "run", "flush-alone", "--yes")
    assert done.returncode == 6, done.stdout
    assert f"0 of the {BATCH} messages that waited have left, {BATCH} still wait" in done.stdout


@pytest.mark.parametrize("wiring", ["main-pipe", "other-name", "smtp"])
def test_however_the_filter_is_wired(lab: Lab, scene_at: Callable[[], Scene], wiring: str) -> None:
    """In main.cf, by another name, or as an SMTP proxy: pass-through reaches it, and goes back byte for byte."""
    lab.rewire("mx1", wiring)
    try:
        scene = scene_at()
        done = scene.cure("--json", within=240)
        states = {s["id"]: s["state"] for s in json.loads(done.stdout)["steps"]}
        assert states["bypass"] == "verified", done.stdout
        new = scene.send_more("after")
        until(lambda: scene.counted(new) == {1}, within=15, what="new mail flows past the filter")
        lab.heal("spamd-hung")  # what an SMTP filter had already taken, only it can hand on
        scene.all_delivered_once()
        scene.put_back()
    finally:
        lab.rewire("mx1", "smtpd-pipe")


@pytest.mark.parametrize(
    ("kind", "step"),
    [("begun", None), ("intent", "bypass"), ("acted", "bypass"), ("verified", "bypass"), ("intent", "drain")],
)
def test_killed_at_any_event_it_resumes_to_the_same_end(scene: Scene, kind: str, step: str | None) -> None:
    run, process = scene.run_until(kind, step)
    kill(process)

    resumed = scene.failover("runs", "resume", run, "--json")
    assert resumed.returncode == 0, resumed.stderr
    states = {s["id"]: s["state"] for s in json.loads(resumed.stdout)["steps"]}
    assert states["bypass"] == "verified"
    assert states["drain"] in {"verified", "skipped"}, "what the killed run's flush let through needs no second one"
    scene.all_delivered_once()
    scene.put_back()


def test_killed_then_rolled_back_while_the_filter_hangs_is_refused(scene: Scene) -> None:
    run, process = scene.run_until("acted", "bypass")
    kill(process)
    assert scene.failover("rollback", run, "--yes").returncode == 6
    assert scene.files() != scene.before, "the bypass stays"
    scene.put_back()


def test_an_administrators_other_edit_is_kept_and_ours_reverted(scene: Scene) -> None:
    assert scene.cure().returncode == 0
    edit(scene.lab, "postconf -e message_size_limit=12345678")
    edit(scene.lab, "postconf -P submission/inet/smtpd_tls_security_level=encrypt || true")
    scene.lab.heal("spamd-hung")
    rolled_back(scene.failover)
    assert read(scene.lab, "postconf -h message_size_limit") == "12345678"
    assert "spamc" in read(scene.lab, "postconf -M spamassassin/unix")
    edit(scene.lab, "postconf -X message_size_limit")
    assert scene.files() == scene.before


def test_an_administrators_edit_of_our_setting_is_a_conflict_and_left_alone(scene: Scene) -> None:
    entry = read(scene.lab, "postconf -M spamassassin/unix")
    assert scene.cure().returncode == 0
    theirs = "spamassassin unix - n n - 3 pipe user=debian-spamd argv=/usr/bin/theirs ${recipient}"
    edit(scene.lab, f"postconf -M 'spamassassin/unix={theirs}'")
    scene.lab.heal("spamd-hung")

    rolled_back(scene.failover, "--json", conflicts=True)
    (run, *_) = json.loads(scene.failover("runs", "list", "--json").stdout)["runs"]
    assert run["state"] == "rolled_back_with_conflicts"
    assert "argv=/usr/bin/theirs" in read(scene.lab, "postconf -M spamassassin/unix")

    blocked = scene.cure()
    assert blocked.returncode == 4, "a run that needs a person keeps its host"
    assert run["run"] in blocked.stderr
    kept = scene.failover("runs", "resolve", run["run"], "bypass", "--keep", "--reason", "theirs is right")
    assert kept.returncode == 0, kept.stderr
    rolled_back(scene.failover, run["run"])
    edit(scene.lab, f"postconf -M 'spamassassin/unix={entry}' && postfix reload")


@pytest.mark.parametrize("incident", ["mx-unreachable", "ssh-hung"])
def test_cut_off_in_the_middle_it_ends_in_time_and_goes_on_later(scene: Scene, incident: str) -> None:
    run, process = scene.run_until("acted", "bypass")
    scene.lab.incident(incident)
    process.communicate(timeout=150)
    assert process.returncode == 6
    shown = scene.failover("runs", "show", run)
    assert "could not be read" in shown.stdout or "behind ssh.reach" in shown.stdout
    assert f"failover runs resume {run}" in shown.stdout, "and says what to type"

    scene.lab.heal(incident)
    assert scene.failover("runs", "resume", run).returncode == 0
    scene.all_delivered_once()
    scene.put_back()


def kill(process: subprocess.Popen[Any]) -> None:
    process.kill()
    process.communicate(timeout=10)


def read(lab: Lab, command: str) -> str:
    return lab.run("mx1", ["sh", "-c", command], timeout=10).stdout.strip()


def edit(lab: Lab, command: str) -> None:
    lab.run("mx1", ["sh", "-c", command], timeout=10)
