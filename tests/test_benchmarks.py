"""The benchmarks run, and print figures; what these are is `script/bench`'s matter, on an idle machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from benchmarks.timing import Program, cost
from tests.labs import lab_or_skip


@pytest.mark.lab
def test_the_short_ones_run() -> None:
    lab_or_skip("bench").down()  # the software is there, or it says what is missing
    name = f"pytest-bench-{os.getpid()}"
    command = [sys.executable, "-m", "benchmarks", "--name", name, "--json", "journal", "start"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert [f["beside"] for f in figures] == ["fsynced line", "bare python", "bare python"]
    assert all(f["ours"] > 0 and f["ratio"] > 0 for f in figures)


def test_a_figure_without_its_work_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="exit 7"):
        cost(Program(["sh", "-c", "exit 7"]))
    with pytest.raises(RuntimeError, match="exit -9"):
        cost(Program(["sleep", "60"]), limit_s=0.2)
