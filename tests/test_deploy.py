"""The units that are offered are such as systemd takes, and start commands that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from failover.cli import app

UNITS = Path(__file__).parents[1] / "deploy"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in UNITS.glob("failover*.[st]*"):
        text = unit.read_text().replace("/usr/local/bin/failover", "/bin/true")
        (tmp_path / unit.name).write_text(text)
    units = sorted(map(str, tmp_path.iterdir()))
    done = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_no_unit_wants_a_file_that_need_not_be_there() -> None:
    """safety 19: LoadCredential of a TSIG key, where the zone is at Route 53: the unit did not start."""
    lines = [line for f in UNITS.glob("failover*.service") for line in f.read_text().splitlines()]
    assert any(line.startswith("#LoadCredential=") for line in lines), "it is shown"
    assert [x for x in lines if re.match(r"(Load|Import)Credential|EnvironmentFile=[^-]|Condition|Assert", x)] == []


def test_every_command_that_is_started_there_is_one() -> None:
    started = [m for f in UNITS.iterdir() for m in re.findall(r"bin/failover (\w+)", f.read_text())]
    known = get_command(app).commands  # type: ignore[attr-defined]
    assert started
    assert set(started) <= set(known)
