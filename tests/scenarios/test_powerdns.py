"""A domain at a real PowerDNS moved and put back by the command line, through its HTTP API."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from failover.lab import Lab
from tests.adapters.lab_net import Line, inside
from tests.adapters.pdns import ADDRESS, API_KEY, SHOP, USUAL, Pdns, api_line
from tests.labs import lab_or_skip, rolled_back

pytestmark = pytest.mark.lab
MORE, THEIRS = "9 mx2.lab.test.", "30 mx1.lab.test."
SHIFT = ("run", "shift-mx", "--set", f"domain={SHOP}", "--set", "to=mx2", "--yes")


class Scene:
    def __init__(self, pdns: Pdns, line: Line, folder: Path) -> None:
        self.pdns, self.line, self.said = pdns, line, ""
        self.hosts, key = folder / "hosts.yaml", folder / "api-key"
        key.write_text(f"{API_KEY}\n")
        key.chmod(0o600)
        dns = f'{{kind: powerdns, url: "http://127.0.0.1:{line.port}", key: "file:api-key"}}'
        text = pdns.lab.hosts_yaml.read_text()
        self.hosts.write_text(f"{text}  {SHOP}: {{dns: {dns}, servers: [{ADDRESS}]}}\n")

    def failover(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = ["failover", "--hosts", str(self.hosts), *words]
        done = self.pdns.lab.run("controller", argv, timeout=150, check=False)
        self.said += done.stdout + done.stderr
        return done


@pytest.fixture(scope="module")
def powerdns_lab() -> Iterator[Lab]:
    ours = lab_or_skip("powerdns", ("powerdns",))
    yield ours
    ours.down()


@pytest.fixture
def scene(powerdns_lab: Lab, tmp_path: Path) -> Iterator[Scene]:
    pdns = Pdns(powerdns_lab)
    line = inside(powerdns_lab, "controller", api_line)
    here = Scene(pdns, line, tmp_path)
    yield here
    for run in json.loads(here.failover("runs", "list", "--json").stdout)["runs"]:
        if run["state"] not in {"rolled_back", "aborted"}:
            here.failover("runs", "accept", run["run"], "--reason", "test over")
    line.close()
    pdns.close()


def test_moved_and_put_back_and_the_key_is_nowhere(scene: Scene) -> None:
    assert "prefer: this API compares nothing" in scene.failover("plan", *SHIFT[1:-1]).stdout
    done = scene.failover(*SHIFT, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [s["state"] for s in json.loads(done.stdout)["steps"]] == ["verified"]
    assert scene.pdns.mx == {MORE, *USUAL}
    assert f"in force on {SHOP}" in scene.failover("status").stdout

    checked = json.loads(scene.failover("check", "--json").stdout)
    assert checked["domains"][SHOP]["dns"] == "powerdns"
    found = json.loads(scene.failover("doctor", "--json").stdout)["checks"]
    (right,) = (f for f in found if f["name"] == "dns rights" and f["subject"] == SHOP)
    assert (right["outcome"], "compares nothing" in right["says"]) == ("warn", True)

    rolled_back(scene.failover)
    assert scene.pdns.mx == set(USUAL)
    kept = b"".join(p.read_bytes() for p in scene.pdns.lab.folder.glob("failover.db*"))
    assert API_KEY.encode() not in kept
    assert API_KEY not in scene.said


@pytest.mark.parametrize(("lost", "requests"), [("answer", 1), ("500", 1), ("request", 2), ("503", 2)])
def test_cut_off_after_the_request_left_the_run_finds_out(scene: Scene, lost: str, requests: int) -> None:
    """Carried out, or not: nobody tells, so it reads, and asks again only if need be."""
    scene.line.lose = [lost]
    ran = scene.failover(*SHIFT, "--json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (scene.pdns.mx, scene.line.changes) == ({MORE, *USUAL}, requests)
    scene.line.lose = [lost]
    rolled_back(scene.failover)
    assert (scene.pdns.mx, scene.line.changes) == (set(USUAL), 2 * requests)


def test_somebody_elses_record_is_kept_by_the_undo(scene: Scene) -> None:
    assert scene.failover(*SHIFT).returncode == 0
    scene.pdns.put([MORE, THEIRS, *USUAL])
    rolled_back(scene.failover)
    assert scene.pdns.mx == {THEIRS, *USUAL}, "only ours went"
