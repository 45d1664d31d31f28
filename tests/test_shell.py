"""Every shell text of this project is read by shellcheck: the helper as it is sent, and each shell script."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from failover.host import script_text

ROOT = Path(__file__).parents[1]
SHELLCHECK = Path(sys.executable).with_name("shellcheck")
SHEBANG = re.compile(r"#!/bin/(ba)?sh\b|#!/usr/bin/env (ba)?sh\b")


def scripts() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    kept = (name for name in listed.splitlines() if not re.search("/parts/|/releases/", name))
    files = [name for name in kept if (ROOT / name).is_file()]
    return [name for name in files if name.endswith(".sh") or SHEBANG.match(_first_line(ROOT / name))]


def _first_line(path: Path) -> str:
    with path.open("rb") as f:
        return f.readline(200).decode("latin-1")


def said(*args: str, text: str = "") -> str:
    return subprocess.run(
        [SHELLCHECK, "-x", "-f", "gcc", *args], input=text, capture_output=True, text=True, cwd=ROOT
    ).stdout


def test_the_helper_as_it_is_sent() -> None:
    assert said("-s", "sh", "-", text=script_text()) == ""


@pytest.mark.parametrize("name", scripts())
def test_a_script(name: str) -> None:
    assert said(f"--source-path={Path(name).parent}", name) == ""
