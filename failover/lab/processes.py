"""The processes of a lab. Each has the lab's run folder in its environment, so there is no stale pid file."""

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
    False also for a process that is gone, or a zombie: its environment is empty. That of a live one is empty, too, for
    the moment of an exec (seen on a busy machine): look more than once before you take False for gone.
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
    """Without this process and its ancestors: `lab down` may be typed inside `lab exec controller bash`."""
    pids = {int(p.name) for p in Path("/proc").iterdir() if p.name.isdecimal()}
    return {pid for pid in pids - _lineage() if is_marked(pid, folder)}


def _late(folder: Path) -> set[int]:
    """Processes that were in an exec just now."""
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
    End every process of the lab. With a host's process 1 the whole host ends, also daemons with an empty environment
    (pid_namespaces(7)); mounts and interfaces go with their last process. Raises NeedsPerson if some are left after
    `within` seconds.
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
