"""What must be quick loads nothing heavy: help, lint, and a refusal before anything was contacted."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("fabric", "paramiko", "boto3", "dns", "sqlalchemy", "urllib3", "rich")
NOT_FOR_HELP = (*HEAVY, "yaml", "failover.core.fleet", "failover.core.runs.plan")
PLAN = ("plan", "spam-filter-hung", "--set", "sick=mx1")
SEEN = """
import sys
from pathlib import Path
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
    code = SEEN.replace("{heavy!r}", repr(NOT_FOR_HELP if "--help" in words else HEAVY))
    done = subprocess.run([sys.executable, "-c", code, *words.split()], capture_output=True, text=True, timeout=30)
    assert done.stderr.splitlines()[-1].split() == ["exit", "0"]


def test_a_look_loads_no_more_than_it_needs(tmp_path: Path) -> None:
    """A host behind a port where nobody listens: enough for all that a look, and the beginning of a run, load."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    hosts = tmp_path / "hosts.yaml"
    ssh = f"{{user: root, port: {port}, known_hosts: {tmp_path}/known_hosts}}"
    hosts.write_text(f"version: 1\nhosts: {{mx1: {{role: primary, address: 127.0.0.1, ssh: {ssh}}}}}\n")
    (tmp_path / "known_hosts").touch()
    options = ["--hosts", str(hosts), "--state", f"sqlite:///{tmp_path}/state.db"]
    code = SEEN.replace("{heavy!r}", repr(HEAVY))
    done = subprocess.run(
        [sys.executable, "-c", code, *options, *PLAN], capture_output=True, text=True, timeout=30, cwd=tmp_path
    )
    loaded = done.stderr.splitlines()[-1].split()[2:]
    assert "fabric" in loaded, done.stderr
    assert not {"boto3", "urllib3", "rich"} & set(loaded)


def test_each_library_that_is_declared_is_imported() -> None:
    """safety: `rich` was declared, and imported nowhere."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split("[^a-z0-9-]", line.lower())[0] for line in declared}
    texts = [path.read_text() for path in (ROOT / "failover").rglob("*.py")]
    imported = {m for text in texts for m in re.findall(r"^\s*(?:from|import) (\w+)", text, re.MULTILINE)}
    offered = packages_distributions()
    used = {name.lower() for module in imported for name in offered.get(module, ())}
    assert names - used == set()
