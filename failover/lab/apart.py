"""What keeps the lab's scripts off this machine: they are told the namespaces we stand in, and go on only in others."""

from __future__ import annotations

from pathlib import Path

KINDS = ("net", "mnt", "uts", "ipc", "pid")


def outside() -> dict[str, str]:
    """The environment that `apart.sh` asks for."""
    return {"FAILOVER_LAB_OUTSIDE": " ".join(str(Path("/proc/self/ns", kind).readlink()) for kind in KINDS)}
