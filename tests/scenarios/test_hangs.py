"""A real sshd that freezes or drops off the network, before and within a command.

The caller is told while it hangs, and nothing is lost by it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from failover.lab import Lab
from tests.labs import lab, until

__all__ = ["lab"]

pytestmark = pytest.mark.lab
ROOT = Path(__file__).parents[2]
LIMIT_S = 4.0
LOCK = "/var/lib/failover-host/lock"


def start(lab: Lab, *calls: tuple[str, dict[str, str], float], **other: str) -> subprocess.Popen[str]:
    """Calls to mx1 from the controller's place, one after the other over one session."""
    asked = {
        "address": lab.address("mx1"),
        "identity": str(lab.folder / "id_ed25519"),
        "known_hosts": str(lab.folder / "known_hosts"),
        **other,
        "calls": calls,
    }
    argv = [sys.executable, "-m", "tests.scenarios.caller"]
    process: subprocess.Popen[str] = lab.popen(
        "controller", argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    process.stdin.write(json.dumps(asked))
    process.stdin.close()
    return process


def next_answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    out: IO[str] | None = process.stdout
    assert out
    told: dict[str, Any] = json.loads(out.readline())
    return told


def answers(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    with process:
        assert process.stdout
        return [json.loads(line) for line in process.stdout]


@contextmanager
def lock_held(lab: Lab) -> Iterator[None]:
    """Somebody else's act holds mx1: a verb that has arrived waits for it, as long as we like."""
    script = f"mkdir -m 700 -p /var/lib/failover-host; exec flock {LOCK} sh -c 'echo held; read end'"
    with lab.popen("mx1", ["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        yield  # leaving closes its stdin, on which it ends


def test_sshd_frozen_before_the_call(lab: Lab) -> None:
    """The kernel accepts for it, so only we can tell."""
    lab.incident("ssh-hung")
    try:
        told = answers(start(lab, ("hello", {}, LIMIT_S)))[0]
    finally:
        lab.heal("ssh-hung")
    assert told["error"] == "Unreachable"
    assert "accepts connections, but no SSH greeting" in told["said"]


def test_link_down_before_the_call(lab: Lab) -> None:
    lab.incident("mx-unreachable")
    try:
        told = answers(start(lab, ("hello", {}, LIMIT_S)))[0]
    finally:
        lab.heal("mx-unreachable")
    assert told["error"] == "Unreachable"
    assert "cannot connect" in told["said"]


def test_wrong_host_key(lab: Lab, tmp_path: Path) -> None:
    """mx2's key under mx1's address, as if somebody stood in between."""
    swapped = tmp_path / "known_hosts"
    own, other = (lab.address(h) for h in ("mx1", "mx2"))
    lines = (lab.folder / "known_hosts").read_text().splitlines()
    key = next(line.split()[1:3] for line in lines if line.startswith(other))
    swapped.write_text(f"{own} {' '.join(key)}\n")
    told = answers(start(lab, ("hello", {}, LIMIT_S), known_hosts=str(swapped)))[0]
    assert told["error"] == "Unreachable"
    assert "wrong host key" in told["said"]
    assert told["said"].count("SHA256:") == 2


@pytest.mark.parametrize("incident", ["ssh-hung", "mx-unreachable"])
def test_host_lost_within_a_command(lab: Lab, incident: str) -> None:
    """The caller is told "unknown" in time; the command begins only after the loss, ends, and `settle` finds it."""
    key = {"run": f"hang{time.time_ns()}", "step": "flush", "attempt": "1", "epoch": str(int(time.time()))}
    with start(lab, ("hello", {}, LIMIT_S), ("flush", key, LIMIT_S)) as process:
        with lock_held(lab):
            assert next_answer(process)["rc"] == 0
            until(lambda: _runs(lab, "^flock -w"), within=5, what="flush has arrived whole and waits at mx1")
            lab.incident(incident)
        try:
            told = next_answer(process)
        finally:
            lab.heal(incident)
    assert told["error"] == "OutcomeUnknown"
    assert "may or may not have happened" in told["said"]
    settled = answers(start(lab, ("settle", {**key, "epoch": str(int(key["epoch"]) + 1)}, 10.0)))[0]
    assert settled["rc"] == 0, settled
    assert settled["rows"][0] == ["result", "done", "0"]


def _runs(lab: Lab, command: str) -> bool:
    return lab.run("mx1", ["pgrep", "-f", command], timeout=5, check=False).returncode == 0
