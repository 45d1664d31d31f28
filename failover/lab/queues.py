"""The queues of a lab host, counted from outside without a process there, so a look costs nothing.

A file that moves while we count may be missed or counted twice.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from failover.lab.lab import Lab

WAITING = ("incoming", "active", "deferred", "maildrop")
EVERY_S = 0.5
LOOKS = 3


def names(lab: Lab, host: str, *queues: str) -> frozenset[str]:
    """The queue ids of `host` in these queues; of all waiting mail if none is given."""
    spool = Path(f"/proc/{lab.held(host)}/root/var/spool/postfix")
    return frozenset(name for queue in queues or WAITING for _, _, files in os.walk(spool / queue) for name in files)


def empty(lab: Lab, *hosts: str) -> Callable[[], bool]:
    """Nothing waits on these hosts, at several looks: one look may miss a file that moves."""
    looks: list[int] = []

    def look() -> bool:
        looks.append(sum(len(names(lab, host)) for host in hosts))
        return looks[-LOOKS:] == [0] * LOOKS

    return look


@contextmanager
def watched(lab: Lab, host: str) -> Iterator[list[tuple[float, int]]]:
    """Samples (time.monotonic(), waiting messages), two a second while the context is open."""
    samples: list[tuple[float, int]] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(EVERY_S):
            samples.append((time.monotonic(), len(names(lab, host))))

    thread = threading.Thread(target=watch, name=f"queue of {host}", daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join(EVERY_S * 4)
