"""Bring up all places of a lab, hosts side by side, each step bounded by one deadline.

First the holder of the shared namespaces (`lan`) and the two seats, then the hosts, then a cable to each. Then wait
until each host is ready, that is until its services greet.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

from failover.errors import FailoverError
from failover.lab import files, network, processes
from failover.lab.apart import outside
from failover.lab.places import HOSTS, PLACES, SEATS, Place

if TYPE_CHECKING:
    from failover.lab.lab import Lab

HERE = Path(__file__).parent
PLAIN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
HOST = ("unshare", "-m", "-u", "-i", "-p", "-n", "-f", "--kill-child=KILL", "--propagation", "private", "bash")
OF_THE_LAYER = ("/usr", "/usr/local")  # where the machine's own Python lives: shown, and added to, by the layer
SEAT = ("unshare", "-m", "-n", "--propagation", "slave", "bash")  # slave: what the machine unmounts, we let go of


def start(lab: Lab, layer: Path, deadline: float, extras: Collection[str] = ()) -> None:
    """`deadline` is of time.monotonic(). Raises FailoverError naming the place and the end of its boot log."""
    files.write(lab.folder, extras)
    _spawn(lab, "lan", [*SEAT, str(HERE / "lan.sh"), str(lab.folder), str(layer)])
    for seat in SEATS:
        _spawn(lab, seat.name, [*SEAT, str(HERE / "seat.sh"), str(lab.folder / seat.name)])
    lan = _holder(lab, "lan", deadline)
    for host in HOSTS:
        _spawn(lab, host.name, _host_command(lab, lan, host))
    for each in PLACES.values():
        network.plug(lan, each, _holder(lab, each.name, deadline))
        if each.is_host:
            (lab.folder / each.name / "shared" / "plugged").touch()
    for host in HOSTS:
        _await_ready(lab, host, deadline)


def _host_command(lab: Lab, lan: int, host: Place) -> list[str]:
    """Through `lan`'s mount namespace: the unpacked layer shows only there."""
    script = [str(HERE / "host.sh"), str(lab.folder / host.name), str(lab.folder / "layer"), host.name]
    trees = [tree for tree in files.trees() if tree not in OF_THE_LAYER]
    return ["nsenter", "-t", str(lan), "-m", "--", *HOST, *script, *trees]


def _spawn(lab: Lab, name: str, argv: list[str]) -> None:
    """Through setsid(1): it outlives us and our terminal, and does not become our zombie."""
    with (lab.folder / name / "boot.log").open("w") as log:
        subprocess.run(
            ["setsid", "-f", *argv],
            env=PLAIN | processes.mark(lab.folder) | outside(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            timeout=10,
            check=True,
        )


def _holder(lab: Lab, name: str, deadline: float) -> int:
    _await(lambda: lab.pid(name) is not None, lab, name, deadline)
    return lab.held(name)


def _await_ready(lab: Lab, host: Place, deadline: float) -> None:
    shared = lab.folder / host.name / "shared"

    def ready() -> bool:
        if (shared / "failed").exists():
            raise _error(lab, host.name, (shared / "failed").read_text().strip())
        if lab.pid(host.name) is None:
            raise _error(lab, host.name, "its process 1 died")
        return (shared / "ready").exists()

    _await(ready, lab, host.name, deadline)


def _await(done: Callable[[], bool], lab: Lab, name: str, deadline: float) -> None:
    while not done():
        if time.monotonic() > deadline:
            raise _error(lab, name, "it did not come up in time")
        time.sleep(0.02)


def _error(lab: Lab, name: str, what: str) -> FailoverError:
    log = (lab.folder / name / "boot.log").read_text(errors="replace").strip().splitlines()
    said = "; ".join(log[-4:]) or "its boot log is empty"
    return FailoverError(
        f"lab {lab.name}: {name}: {what}: {said}; all of the lab was removed", try_="`failover lab up` again"
    )
