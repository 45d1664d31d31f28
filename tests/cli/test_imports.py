"""What must be quick loads nothing heavy: help, lint, and a refusal before anything was contacted."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("fabric", "paramiko", "boto3", "dns", "sqlalchemy", "httpx", "rich")
SEEN = """
import sys
from failover.cli import main
try:
    main(sys.argv[1:])
except SystemExit as e:
    print("exit", e.code, *sorted(m for m in {heavy!r} if m in sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "words", ["--help", "run --help", "playbooks lint", "playbooks list", "lab --help", "check --help"]
)
def test_loads_nothing_heavy(words: str) -> None:
    code = SEEN.replace("{heavy!r}", repr(HEAVY))
    done = subprocess.run([sys.executable, "-c", code, *words.split()], capture_output=True, text=True, timeout=30)
    assert done.stderr.splitlines()[-1].split() == ["exit", "0"]
