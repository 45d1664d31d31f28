"""The control groups that a lab's dockerds make: cgroups know no namespace that goes away, so `down` removes them."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
ABOVE = "failover-lab"


def name(folder: Path) -> str:
    """The group of all containers of the lab in this run folder, from the hierarchy's root."""
    return f"/{ABOVE}/{folder.name}"


def remove(folder: Path, *, within: float = 5.0) -> None:
    """From every hierarchy, after the lab's processes have ended; a group with a process stays."""
    deadline = time.monotonic() + within
    while left := [group for at in (*ROOT.glob("*/"), ROOT) for group in _deepest_first(at / name(folder)[1:])]:
        for group in left:
            with contextlib.suppress(OSError):  # its last process is still being buried
                group.rmdir()
        if time.monotonic() > deadline:
            return
        time.sleep(0.01)
    for at in (*ROOT.glob("*/"), ROOT):
        with contextlib.suppress(OSError):  # other labs are there, or none ever was
            (at / ABOVE).rmdir()


def _deepest_first(group: Path) -> list[Path]:
    if not group.is_dir():
        return []
    return [*(p for p in sorted(group.rglob("*/"), reverse=True) if p.is_dir()), group]
