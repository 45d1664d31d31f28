"""The scripts that build a lab touch nothing when they stand where whoever started them stands.

Each is run in a sandbox that plays the machine: were the guard gone, only the sandbox would be changed.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from failover.lab import boot
from failover.lab.apart import KINDS
from failover.lab.available import why_not

pytestmark = pytest.mark.lab

SANDBOX = ("unshare", "-m", "-n", "-u", "-i", "-p", "-f", "--kill-child=KILL", "--propagation", "private")
# usage: FOLDER TOLD SCRIPT ARG...; in TOLD, HERE followed by a kind is the namespace of that kind that this runs in.
TRY = """
folder=$1 FAILOVER_LAB_OUTSIDE=
for kind in $2; do
  case $kind in HERE-*) kind=$(readlink "/proc/self/ns/${kind#HERE-}") ;; esac
  FAILOVER_LAB_OUTSIDE="$FAILOVER_LAB_OUTSIDE $kind"
done
export FAILOVER_LAB_OUTSIDE
state() { ip -o link; cat /proc/self/mountinfo; hostname; find "$folder" ! -name before ! -name after ! -name said; }
state >"$folder/before"
timeout 20 bash "${@:3}" >"$folder/said" 2>&1 </dev/null
code=$?
state >"$folder/after"
exit $code
"""
SCRIPTS = sorted(p.name for p in boot.HERE.glob("*.sh") if p.name != "apart.sh")
NOTHING = ""
WHERE_IT_STANDS = " ".join(f"HERE-{kind}" for kind in KINDS)
ELSEWHERE_BUT_FOR_MOUNTS = " ".join("HERE-mnt" if kind == "mnt" else f"{kind}:[1]" for kind in KINDS)


@pytest.mark.parametrize("told", [NOTHING, WHERE_IT_STANDS, ELSEWHERE_BUT_FOR_MOUNTS])
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_on_its_own_refuses_and_changes_nothing(tmp_path: Path, script: str, told: str) -> None:
    if (reason := why_not()) is not None:
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    for name in ("layer", "lan", "root", "files/etc"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("hosts", "resolv.conf"):
        (tmp_path / "files/etc" / name).touch()

    asked = ["bash", "-c", TRY, "try", str(tmp_path), told, str(boot.HERE / script), str(tmp_path), "/nowhere", "name"]
    done = subprocess.run([*SANDBOX, *asked], env=boot.PLAIN, timeout=40, check=False)
    said = (tmp_path / "said").read_text()
    assert (done.returncode, f"{script}: refused, nothing was changed" in said) == (4, True), said
    assert (tmp_path / "after").read_text() == (tmp_path / "before").read_text()
