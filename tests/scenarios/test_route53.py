"""A domain at Route 53 moved and put back by the command line: as a process, through boto3, to a stand-in of AWS."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from failover.lab import Lab
from tests.adapters.lab_net import inside
from tests.labs import rolled_back
from tests.standins.answers import AwsError
from tests.standins.aws import KEY, SECRET, Aws
from tests.standins.names import NameServer

pytestmark = pytest.mark.lab

ZONE, NAME = "Z0123456789", "shop.test"
USUAL = ("10 mx1.lab.test.", "20 mx2.lab.test.")
MORE, THEIRS = "9 mx2.lab.test.", "30 mx1.lab.test."
CHANGE = "ChangeResourceRecordSets"
SHIFT = ("run", "shift-mx", "--set", f"domain={NAME}", "--set", "to=mx2", "--yes")


class RacedAws(Aws):
    """`race`: what somebody else does in the moment in which the next change arrives."""

    race: Callable[[], None] | None = None

    def _carry_out(self, service: str, action: str, *rest: object) -> bytes:
        if action == CHANGE and self.race:
            race, self.race = self.race, None
            race()
        return super()._carry_out(service, action, *rest)  # type: ignore[arg-type]  # passed on as it came


class Scene:
    def __init__(self, lab: Lab, aws: RacedAws, hosts: Path) -> None:
        self.lab, self.aws, self.hosts, self.said = lab, aws, hosts, ""

    def failover(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = ["failover", "--hosts", str(self.hosts), *words]
        done = self.lab.run("controller", argv, timeout=150, check=False)
        self.said += done.stdout + done.stderr
        return done

    @property
    def mx(self) -> set[str]:
        found = self.aws.route53.mx(ZONE)
        return set(found.values) if found else set()

    def edited(self, *more: str) -> Callable[[], None]:
        return lambda: self.aws.route53.meddle(ZONE, sorted(self.mx | set(more)))


@pytest.fixture
def scene(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    aws = inside(lab, "controller", RacedAws)
    names = inside(lab, "controller", lambda: NameServer(aws.route53))
    aws.lend(monkeypatch)
    aws.route53.add(ZONE, NAME, mx=USUAL)
    hosts = tmp_path / "hosts.yaml"
    ours = f"  {NAME}: {{dns: {{kind: route53, zone_id: {ZONE}}}, servers: [127.0.0.1]}}\n"
    hosts.write_text(lab.hosts_yaml.read_text() + ours)
    with aws:
        here = Scene(lab, aws, hosts)
        yield here
        for run in json.loads(here.failover("runs", "list", "--json").stdout)["runs"]:
            if run["state"] not in {"rolled_back", "aborted"}:
                here.failover("runs", "accept", run["run"], "--reason", "test over")
    names.close()


def test_moved_and_put_back_never_without_mx_and_the_key_is_nowhere(scene: Scene) -> None:
    done = scene.failover(*SHIFT, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [s["state"] for s in json.loads(done.stdout)["steps"]] == ["verified"]
    assert scene.mx == {MORE, *USUAL}
    assert scene.aws.asked("GetChange") > 1, "it waits until all of Route 53's servers have it"
    assert f"in force on {NAME}" in scene.failover("status").stdout

    rolled_back(scene.failover)
    assert scene.mx == set(USUAL)
    shown = [
        {v for s in sets.values() if s.type == "MX" for v in s.values} for sets in scene.aws.route53.zones[ZONE].history
    ]
    assert all(set(USUAL) <= mx for mx in shown)
    kept = b"".join(p.read_bytes() for p in scene.lab.folder.glob("failover.db*"))
    for secret in (KEY, SECRET):
        assert secret.encode() not in kept
        assert secret not in scene.said


@pytest.mark.parametrize(("done", "requests"), [(True, 1), (False, 2)])
def test_cut_off_after_the_request_left_the_run_finds_out(scene: Scene, done: bool, requests: int) -> None:
    """Carried out, or not: nobody tells, so it reads, and asks again only if need be."""
    scene.aws.cut(CHANGE, done=done)
    ran = scene.failover(*SHIFT, "--json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert scene.mx == {MORE, *USUAL}
    assert scene.aws.asked(CHANGE) == requests

    scene.aws.cut(CHANGE, done=done)
    rolled_back(scene.failover)
    assert scene.mx == set(USUAL)
    assert scene.aws.asked(CHANGE) == 2 * requests


def test_request_that_is_carried_out_long_after_the_line_was_cut_overwrites_nobody(scene: Scene) -> None:
    now = [0.0]
    scene.aws.clock = lambda: now[0]
    scene.aws.cut(CHANGE, done=True, late_s=60)
    assert scene.failover(*SHIFT).returncode == 0
    assert (scene.mx, scene.aws.asked(CHANGE)) == ({MORE, *USUAL}, 2)
    scene.edited(THEIRS)()
    now[0] = 61.0
    with pytest.raises(AwsError, match="do not match"):
        scene.aws.settle()
    assert scene.mx == {MORE, THEIRS, *USUAL}


def test_somebody_elses_edit_at_the_same_moment_is_kept(scene: Scene) -> None:
    scene.aws.race = scene.edited(THEIRS)
    raced = scene.failover(*SHIFT, "--json")
    run = json.loads(raced.stdout)
    assert (raced.returncode, run["state"]) == (6, "paused")
    assert f"the MX of {NAME} is not as expected" in run["because"]
    assert scene.mx == {THEIRS, *USUAL}
    assert scene.failover("runs", "accept", run["run"], "--reason", "raced").returncode == 0

    assert scene.failover(*SHIFT).returncode == 0
    scene.aws.race = scene.edited("40 mx1.lab.test.")
    rolled_back(scene.failover)
    assert scene.mx == {THEIRS, "40 mx1.lab.test.", *USUAL}, "only ours went"
