"""The process that holds a lease, and whether it is certainly dead, as far as this machine can know.

A pid alone is not enough. Pids are reused: the start time (proc(5), field 22 of
/proc/PID/stat) tells. Containers count their own: the pid namespace tells. The
boot id tells whether the machine was restarted.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Holder:
    host: str
    machine: str
    boot: str
    namespace: str
    pid: int
    started: int

    def __str__(self) -> str:
        return f"pid {self.pid} on {self.host}"


def ourselves() -> Holder:
    pid = os.getpid()
    return Holder(
        host=socket.gethostname(),
        machine=_line("/etc/machine-id"),
        boot=_line("/proc/sys/kernel/random/boot_id"),
        namespace=_pid_namespace(),
        pid=pid,
        started=_started(pid) or 0,
    )


def is_dead(holder: Holder, *, seen_by: Holder) -> bool:
    """True only if we know it: False for another machine or pid namespace."""
    if holder.boot == seen_by.boot:
        return holder.namespace == seen_by.namespace and not _runs(holder)
    # Cloned machines share a host name, so the name alone does not mean this machine.
    same_machine = bool(holder.machine) and holder.machine == seen_by.machine
    return same_machine and holder.host == seen_by.host


def _runs(holder: Holder) -> bool:
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    started = _started(holder.pid)
    return started is None or started == holder.started


def _started(pid: int) -> int | None:
    """Clock ticks since boot; 0 for a zombie; None when it cannot be read."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return 0 if state in {"Z", "X"} else int(rest[18])


def _pid_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
