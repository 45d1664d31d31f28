"""The playbook `august-11` on a lab whose handlers are containers: what its tests share."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from failover.config.catalogue import find
from failover.lab import Lab

GIVEN = ("--set", "sick=mx1", "--set", "to=mx2", "--set", "domain=lab.test")
BROKEN = ("handler-down", "spamd-hung")
SHIFTED, FILTER_OUT = "9 mx2.lab.test.", "argv=/usr/sbin/sendmail"


def failover(lab: Lab, *words: str, within: float = 150) -> subprocess.CompletedProcess[str]:
    return lab.run("controller", ["failover", *words], timeout=within, check=False)


def states(run: dict[str, Any]) -> dict[str, str]:
    return {s["id"]: s["state"] for s in run["steps"]}


def hot(folder: Path) -> tuple[str, str]:
    """The options by which the playbook moves traffic at any load: a lab shares its machine's with everybody."""
    pressed = re.compile(r"all:\s+- {signal: cpu.load, .*\n\s+- {signal: queue.pending, .*")
    text, n = pressed.subn('{signal: cpu.load, host: "${sick}", above: 0}', find("august-11", None).read_text())
    assert n == 1
    (folder / "august-11.yaml").write_text(text)
    return "--playbooks", str(folder)
