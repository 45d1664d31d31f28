"""The folder of this machine's labs, and the lock for `up` and `down`."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from failover.errors import FailoverError


def base() -> Path:
    """$XDG_RUNTIME_DIR or /run, else the folder for temporary files."""
    preferred = Path(os.environ.get("XDG_RUNTIME_DIR") or "/run")
    usable = preferred.is_dir() and os.access(preferred, os.W_OK)
    return (preferred if usable else Path(tempfile.gettempdir())) / "failover-lab"


@contextlib.contextmanager
def locked(folder: Path, *, within: float = 300.0) -> Iterator[None]:
    """
    One `up` or `down` of a lab at a time; the lock dies with its holder, and its file goes with the lab.
    Raises FailoverError if another process still has it after `within` seconds.
    """
    path, deadline = folder.with_name(f".{folder.name}.lock"), time.monotonic() + within
    while (fd := _lock(path)) is None:
        if time.monotonic() > deadline:
            raise FailoverError(f"lab {folder.name} is being brought up or down by someone else", try_="wait for it")
        time.sleep(0.05)
    try:
        yield
    finally:
        if not folder.exists():
            path.unlink(missing_ok=True)
        os.close(fd)
        with contextlib.suppress(OSError):  # other labs live there
            path.parent.rmdir()


def _lock(path: Path) -> int | None:
    """None if it is held, or if its last holder has just removed the file: a lock on that file would be useless."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:  # the last lab on this machine went, and its parent folder with it
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(fd).st_ino == path.stat().st_ino:
            return fd
    except OSError:
        pass
    os.close(fd)
    return None
