"""The lab's network: one bridge in a namespace that `lan` holds, and a cable (veth pair) from it to each place."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from failover.errors import FailoverError
from failover.lab.places import Place, place

if TYPE_CHECKING:
    from failover.lab.lab import Lab


def plug(lan: int, each: Place, pid: int) -> None:
    """The near end has the place's name, the far end is its eth0 with its address."""
    _ip(lan, f"link add {each.name} type veth peer name eth0 netns {pid}\nlink set {each.name} master br0 up\n")
    _ip(pid, f"link set lo up\naddr add {each.address}/24 dev eth0\nlink set eth0 up\n")


def pull(lab: Lab, host: str) -> None:
    """Out of the bridge, not down: a link that was down has no carrier for up to a second after the heal."""
    _ip(lab.held("lan"), f"link set {place(host).name} nomaster\n")


def plug_back(lab: Lab, host: str) -> None:
    _ip(lab.held("lan"), f"link set {place(host).name} master br0\n")


def _ip(pid: int, batch: str) -> None:
    done = subprocess.run(
        ["nsenter", "-t", str(pid), "-n", "ip", "-batch", "-"],
        input=batch,
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    if done.returncode != 0:
        raise FailoverError(f"ip refused {batch.splitlines()}: {done.stderr.strip()}", try_="`failover lab up` again")
