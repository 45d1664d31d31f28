"""MX moved on a real BIND and its secondary, through the command line: raced, cut off, killed, and put back."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from failover.adapters import resolver
from failover.core.fleet import Endpoint
from failover.core.mx import MxSet, mx_set
from failover.dns.rfc2136 import Rfc2136
from failover.dns.rfc2136_zone import Rfc2136Zone
from failover.errors import Changed
from failover.lab import Lab
from tests.adapters.lab_net import Line, inside
from tests.labs import rolled_back, until

pytestmark = pytest.mark.lab

NAME = "lab.test"
LAB = mx_set(60, [(10, "mx1.lab.test"), (20, "mx2.lab.test")])
MORE = mx_set(60, [(9, "mx2.lab.test"), *LAB.targets])
SHIFT = ["run", "shift-mx", "--set", "domain=lab.test", "--set", "to=mx2", "--yes"]


class Scene:
    """The lab's domain, the command line, and a person with the zone's key beside it."""

    def __init__(self, lab: Lab, tmp: Path) -> None:
        self.lab, self.tmp, self.said = lab, tmp, ""
        self.secret = (lab.folder / "tsig").read_text().strip()
        self.zone = Rfc2136Zone(Rfc2136(lab.address("ns1"), 53, "failover", f"file:{lab.folder}/tsig"))

    def failover(self, *args: str, within: float = 120) -> subprocess.CompletedProcess[str]:
        done = self.lab.run("controller", ["failover", *args], timeout=within, check=False)
        self.said += done.stdout + done.stderr
        return done

    def run_until(self, kind: str) -> tuple[str, subprocess.Popen[Any]]:
        process = self.lab.popen("controller", ["failover", *SHIFT, "--events"], stdout=subprocess.PIPE)
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if event["kind"] == kind:
                return event["run"], process
        pytest.fail(f"the run ended without {kind}")

    def shown(self) -> dict[str, MxSet | str]:
        servers = [Endpoint(self.lab.address(ns), 53) for ns in ("ns1", "ns2")]
        return inside(self.lab, "controller", lambda: dict(resolver.seen(NAME, servers)))

    def everywhere(self, mx: MxSet) -> None:
        until(lambda: set(self.shown().values()) == {mx}, within=10, what=f"{mx.text} at ns1 and ns2")

    def edit(self, to: MxSet) -> None:
        inside(self.lab, "controller", lambda: self.zone.swap(NAME, expected=self.zone.mx(NAME), wanted=to))

    def through(self, line: Line) -> list[str]:
        """The options with which failover reaches the primary by that line."""
        hosts = self.tmp / "hosts.yaml"
        text = self.lab.hosts_yaml.read_text()
        hosts.write_text(text.replace(f"server: {self.lab.address('ns1')},", f"server: 127.0.0.1, port: {line.port},"))
        assert str(line.port) in hosts.read_text()
        return ["--hosts", str(hosts)]

    def close(self) -> None:
        for run in json.loads(self.failover("runs", "list", "--json").stdout)["runs"]:
            if run["state"] not in {"rolled_back", "aborted"}:
                self.failover("rollback", run["run"], "--yes")
                self.failover("runs", "accept", run["run"], "--reason", "test over")
        self.edit(LAB)
        self.everywhere(LAB)


@pytest.fixture
def scene(lab: Lab, tmp_path: Path) -> Iterator[Scene]:
    ours = Scene(lab, tmp_path)
    ours.everywhere(LAB)
    yield ours
    lab.run("ns2", ["pkill", "-CONT", "named"], timeout=10, check=False)
    ours.close()


@pytest.fixture
def line(scene: Scene) -> Iterator[Line]:
    ours = inside(scene.lab, "controller", lambda: Line(scene.lab.address("ns1")))
    yield ours
    ours.close()


def test_shifted_at_every_server_and_back_and_the_key_is_nowhere(scene: Scene) -> None:
    planned = scene.failover("plan", *SHIFT[1:-1], "--json")
    assert planned.returncode == 10, planned.stderr
    (step,) = json.loads(planned.stdout)["steps"]
    assert (step["certainty"], step["domain"], step["host"]) == ("exact", NAME, None)

    done = scene.failover(*SHIFT, "--json")
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    assert [s["state"] for s in run["steps"]] == ["verified"]
    scene.everywhere(MORE)
    assert f"in force on {NAME}" in scene.failover("status").stdout
    again = scene.failover(*SHIFT)
    assert (again.returncode, "nothing was done" in again.stdout) == (0, True)

    rolled_back(scene.failover, "--json")
    scene.everywhere(LAB)

    scene.failover("runs", "show", run["run"], "--json")
    scene.failover("-v", "runs", "report", run["run"])
    kept = b"".join(p.read_bytes() for p in scene.lab.folder.glob("failover.db*"))
    assert run["run"].encode() in kept
    assert scene.secret.encode() not in kept
    assert scene.secret not in scene.said


def test_a_second_writer_loses_no_edit_and_no_server_is_ever_without_mx(scene: Scene) -> None:
    """It adds and removes a record of its own all the time; runs are made, refused or undone between its edits."""
    mine, over, lost, seen = (30, "mx1.lab.test."), threading.Event(), list[str](), set[MxSet | str]()

    def write() -> None:
        there = False
        while not over.wait(0.02):
            now = scene.zone.mx(NAME)
            if (mine in now.targets) is not there:
                return lost.append(now.text)
            targets = now.targets - {mine} if there else now.targets | {mine}
            try:
                scene.zone.swap(NAME, expected=now, wanted=replace(now, targets=targets))
            except Changed:
                continue
            there = not there

    def watch() -> None:
        servers = [Endpoint(scene.lab.address(ns), 53) for ns in ("ns1", "ns2")]
        while not over.wait(0.005):
            seen.update(resolver.seen(NAME, servers).values())

    def run() -> None:
        threads = [threading.Thread(target=t) for t in (write, watch)]
        for t in threads:
            t.start()
        for _ in range(3):
            ran.append(scene.failover(*SHIFT).returncode)
            undone.append(scene.failover("rollback", "--yes").returncode)
            for left in json.loads(scene.failover("runs", "list", "--json").stdout)["runs"]:
                if left["state"] in {"paused", "rollback_failed", "rolled_back_with_conflicts"}:
                    scene.failover("runs", "accept", left["run"], "--reason", "raced")
        over.set()
        for t in threads:
            t.join(30)

    ran, undone = list[int](), list[int]()
    inside(scene.lab, "controller", run)
    assert not lost, "somebody overwrote the second writer's edit"
    assert set(ran) <= {0, 4, 6}
    sets = {mx for mx in seen if isinstance(mx, MxSet)}
    assert len(sets) > 1
    assert all(mx.targets >= LAB.targets for mx in sets)
    assert scene.zone.at.server
    inside(scene.lab, "controller", lambda: check_left(scene, mine))


def check_left(scene: Scene, mine: tuple[int, str]) -> None:
    assert scene.zone.mx(NAME).targets - {mine} in (LAB.targets, MORE.targets)


@pytest.mark.parametrize("lose", ["answer", "request", "late"])
def test_cut_off_after_the_request_left(scene: Scene, line: Line, lose: str) -> None:
    line.lose = [lose]
    options = scene.through(line)
    done = scene.failover(*options, *SHIFT, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not line.lose
    scene.everywhere(MORE)
    line.lose = ["answer"]
    rolled_back(partial(scene.failover, *options))
    scene.everywhere(LAB)
    if lose == "late":  # the first request of all arrives now: the set reads again as it was planned against
        line.late.set()
        assert line.arrived.wait(10)
        assert set(scene.shown().values()) == {LAB}, "the zone was edited since, so it comes to nothing"


@pytest.mark.parametrize("kind", ["begun", "intent", "acted", "verified"])
def test_killed_at_any_event_it_resumes_to_the_same_end(scene: Scene, kind: str) -> None:
    run, process = scene.run_until(kind)
    process.kill()
    process.communicate(timeout=10)
    done = scene.failover("runs", "resume", run, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    scene.everywhere(MORE)
    rolled_back(scene.failover, run)
    scene.everywhere(LAB)


def test_somebodys_record_is_kept_and_their_edit_of_ours_left_alone(scene: Scene) -> None:
    theirs = (40, "mx1.lab.test.")
    assert scene.failover(*SHIFT).returncode == 0
    scene.edit(replace(MORE, targets=MORE.targets | {theirs}))
    rolled_back(scene.failover)
    scene.everywhere(replace(LAB, targets=LAB.targets | {theirs}))

    assert scene.failover(*SHIFT).returncode == 0
    edited = replace(LAB, targets=LAB.targets | {theirs, (5, "mx2.lab.test.")})
    scene.edit(edited)
    done = scene.failover("rollback", "--yes", "--json")
    assert (done.returncode, json.loads(done.stdout)["state"]) == (6, "rolled_back_with_conflicts")
    scene.everywhere(edited)


def test_a_name_server_that_is_silent_leaves_it_unverified_and_is_named(scene: Scene) -> None:
    own = scene.tmp / "playbooks"
    own.mkdir()
    text = (Path(__file__).parents[2] / "playbooks/shift-mx.yaml").read_text()
    (own / "shift-mx.yaml").write_text(text.replace("within: 60s", "within: 4s"))
    scene.lab.run("ns2", ["pkill", "-STOP", "named"], timeout=10)

    done = scene.failover("--playbooks", str(own), *SHIFT, "--json")
    run = json.loads(done.stdout)
    assert (done.returncode, run["state"]) == (6, "paused")
    assert f"{scene.lab.address('ns2')}: silent" in run["because"]

    scene.lab.run("ns2", ["pkill", "-CONT", "named"], timeout=10)
    other = scene.failover("run", "shift-mx", "--set", "domain=lab.test", "--set", "to=mx1", "--yes")
    assert (other.returncode, run["run"] in other.stderr) == (4, True), "an open run keeps its domain"
    assert scene.failover("runs", "resume", run["run"]).returncode == 0
    scene.everywhere(MORE)


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (lambda lab: lab.run("mx2", ["service", "handler", "stop"], timeout=20), "handler.banner"),
        (lambda lab: lab.incident("spamd-hung", "mx2"), "spam.scan"),
    ],
)
def test_mail_is_not_moved_to_a_host_that_is_sick_too(scene: Scene, cause: Callable[[Lab], Any], words: str) -> None:
    cause(scene.lab)
    try:
        refused = scene.failover(*SHIFT)
        assert refused.returncode == 4
        assert f"mx2 is not fit to take the mail of lab.test: {words}" in refused.stderr
        scene.everywhere(LAB)
    finally:
        scene.lab.heal("spamd-hung", "mx2")
        scene.lab.run("mx2", ["service", "handler", "start"], timeout=20, check=False)


def test_a_name_whose_old_record_somebody_removed_as_a_double_stays_published(scene: Scene) -> None:
    assert scene.failover(*SHIFT).returncode == 0
    scene.edit(mx_set(60, [(9, "mx2.lab.test"), (10, "mx1.lab.test")]))
    rolled_back(scene.failover)
    scene.everywhere(LAB)
