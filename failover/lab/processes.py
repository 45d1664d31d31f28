"""Which processes belong to a lab. Each carries the lab's run folder in its environment: no pid file can go stale."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from failover.errors import NeedsPerson

MARK = "FAILOVER_LAB_RUN"


def mark(folder: Path) -> dict[str, str]:
    return {MARK: str(folder)}


def is_marked(pid: int, folder: Path, *, looks: int = 1) -> bool:
    """
    False also for a process that is gone, or a zombie: its environment reads empty. So does that of a live one for
    the moment in which it calls exec (seen on a busy machine), so who takes False for gone looks more than once.
    """
    for look in range(looks):
        if look:
            time.sleep(0.01)
        try:
            environ = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False
        if environ:
            return f"{MARK}={folder}".encode() in environ.split(b"\0")
    return False


def marked(folder: Path) -> set[int]:
    """Never this process or its ancestors: `lab down` may be typed inside `lab exec controller bash`."""
    pids = {int(p.name) for p in Path("/proc").iterdir() if p.name.isdecimal()}
    return {pid for pid in pids - _lineage() if is_marked(pid, folder)}


def _late(folder: Path) -> set[int]:
    """Who was in the middle of an exec just now."""
    time.sleep(0.02)
    return marked(folder)


def _lineage() -> set[int]:
    pid, seen = os.getpid(), set[int]()
    while pid > 0:
        seen.add(pid)
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            break
        pid = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("PPid:"))
    return seen


def end_all(folder: Path, *, within: float = 20.0) -> None:
    """
    End every process of the lab. A host's process 1 takes the whole host with it, daemons that cleared
    their environment too (pid_namespaces(7)); mounts and interfaces go with the last process that holds them.
    Raises NeedsPerson when some outlive `within` seconds.
    """
    deadline = time.monotonic() + within
    while left := marked(folder) or _late(folder):
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if time.monotonic() > deadline:
            raise NeedsPerson(
                f"processes {sorted(left)} of the lab in {folder} do not die",
                try_="look at them with `ps`: stuck in the kernel (state D), they need their disk back or a reboot",
            )
        time.sleep(0.01)
