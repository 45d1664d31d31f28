"""The lab for a drill: one drill at a time; a drill that was killed leaves nothing for the next."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from failover.errors import Refused
from failover.lab.lab import Lab
from failover.lab.layer import cached

OURS = b"brought up by a drill, to be taken down by it\n"


@contextmanager
def ground(name: str, line: Callable[[str], None], *, keep: bool, extras: Collection[str] = ()) -> Iterator[Lab]:
    """
    The lab of that name; brought up, and its software fetched, if necessary. A lab that was up is used as it is, and
    stays up; but one that a killed drill left is made anew. Raises Refused if another drill is played on it, and as
    `Lab.up`.
    """
    lab = Lab(name)
    _clear_what_a_killed_drill_left(lab)
    if not lab.is_up():
        missing = "" if cached(extras).exists() else ", after its software is fetched once, into a layer of its own"
        line(f"lab {name} comes up: Postfix, spamd, sshd and BIND on four hosts of their own{missing}")
    brought = lab.up(install=True, extras=extras)
    lock = _lock(lab)
    try:
        os.ftruncate(lock, 0)
        os.write(lock, OURS if brought and not keep else b"")
        yield lab
    finally:
        if brought and not keep:
            lab.down()
        else:
            line(f"lab {name} stays up: {lab.folder} (failover lab down --name {name})")
        os.close(lock)


def _lock(lab: Lab) -> int:
    """Held while the drill runs; the kernel drops it if the process is killed."""
    lock = os.open(lab.folder / "drill.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as e:
        os.close(lock)
        raise Refused(
            f"another drill is being played on lab {lab.name}; nothing was done",
            try_="wait for it, or play on another lab: --name NAME",
        ) from e
    return lock


def _clear_what_a_killed_drill_left(lab: Lab) -> None:
    if not (lab.folder / "drill.lock").exists():
        return
    lock = _lock(lab)
    left = os.read(lock, len(OURS)) == OURS
    os.close(lock)
    if left:
        lab.down()
