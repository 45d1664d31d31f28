"""A lab for tests: one a test process, or a skip that says why not. Under CI=true a missing lab is a failure."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from failover.lab import Lab, layer
from failover.lab.available import why_not
from failover.lab.folder import base
from failover.lab.lab import SLACK as ENVIRONMENT

SEND = """
import smtplib, sys
with smtplib.SMTP(sys.argv[1], 25, timeout=90) as smtp:
    smtp.sendmail("sender@example.org", ["someone@lab.test"], sys.stdin.read())
"""


SLACK = 6.0
"""How much slower than the machine of its author a test may run: what is awaited is late then, not wrong."""
os.environ[ENVIRONMENT] = str(SLACK)  # for the drills, which are processes of their own


def lab_or_skip(what: str = "shared", extras: tuple[str, ...] = ()) -> Lab:
    """A lab that is up, of this process's own name, with these extras; the caller takes it down."""
    _clear_dead_runs()
    ci = os.environ.get("CI") == "true"
    if (reason := why_not()) is not None:
        pytest.fail(reason) if ci else pytest.skip(reason)
    if not ci and not layer.cached(extras).exists():
        options = "".join(f" --with {extra}" for extra in extras)
        pytest.skip(f"the lab's software is not there: `failover lab up --install{options}` once")
    lab = Lab(f"pytest-{what}-{os.getpid()}")
    lab.up(install=ci, extras=extras)  # from here on, not coming up is a failure
    return lab


def _clear_dead_runs() -> None:
    """A test run that was killed leaves its labs: the name says whose they were."""
    for folder in base().glob("pytest-*") if base().is_dir() else ():
        owner = re.search(r"-(\d+)(-|$)", folder.name)
        if owner and not Path("/proc", owner[1]).exists():
            Lab(folder.name).down()


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Shared by the tests of one process: each leaves it healed, and with the default wiring."""
    ours = lab_or_skip()
    yield ours
    ours.down()


def until(done: Callable[[], bool], *, within: float, what: str) -> None:
    """Await a condition of the world; fails the test, naming `what`, after `within` seconds times SLACK."""
    deadline = time.monotonic() + within * SLACK
    while not done():
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {within * SLACK:g} s")
        time.sleep(0.02)


def rolled_back(
    failover: Callable[..., subprocess.CompletedProcess[str]], *words: str, conflicts: bool = False
) -> None:
    """
    `failover rollback WORDS` by this caller of the command, to its end, or to where it left somebody's edit alone.

    It is refused as long as a service that a change stands in for is not seen to be well, and on a busy machine a
    healed one answers late.
    """

    def done() -> bool:
        back = failover("rollback", *words, "--yes")
        said = back.stdout + back.stderr
        waits = back.returncode == 6 and "must wait" in said
        assert waits or back.returncode == (6 if conflicts else 0), said
        return not waits

    until(done, within=300, what="rolled back")


def ledger(lab: Lab, host: str = "mx1") -> list[dict[str, Any]]:
    path = lab.ledger(host)
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def send(lab: Lab, seq: str, host: str = "mx1") -> None:
    """One message from `sender` to port 25 of `host`; raises StepFailed when it is not accepted."""
    head = f"From: sender@example.org\nTo: someone@lab.test\nMessage-ID: <{seq}@example.org>\nX-Failover-Seq: {seq}\n"
    text = f"{head}X-Failover-Sent: {time.time()}\nSubject: {seq}\n\nHello {seq}\n"
    lab.run("sender", [sys.executable, "-c", SEND, lab.address(host)], input=text, timeout=25)


def arrived(lab: Lab, seq: str, host: str = "mx1") -> list[dict[str, Any]]:
    return [line for line in ledger(lab, host) if line["x_seq"] == seq]
