"""A durable record in the state store, beside a line that is written and fsynced: milliseconds for each, in turn."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figure import Figure
from benchmarks.ground import Ground
from failover.adapters.store import SqlStore
from failover.core.runs.journal import Did
from failover.core.runs.plan import Certainty, Plan, Step, StepKind
from failover.ports import RunRecord

RECORDS = 500
STEP = Step("bypass", "spam.bypass", StepKind.STATE, Certainty.EXACT, "", host="mx1", undoable=True)
WHAT = {"step": "bypass", "observed": {"filter": "spamassassin"}, "says": "ended 5, left 0"}


def figures(_: Ground) -> Iterator[Figure]:
    with TemporaryDirectory(dir="/var/tmp") as disk:  # a disk: in memory, fsync is free
        now, line = datetime.now(UTC), os.open(Path(disk, "line"), os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        store = SqlStore.open_url(f"sqlite:///{disk}/state.db")
        store.open(RunRecord("bench", now, "bench", "", Plan("bench", "", (STEP,))))
        lease = store.lease("bench", ("bench",), seconds=600, now=now)

        def ours() -> None:
            store.append(lease, Did.ACTED, "bypass", WHAT, at=now)

        def peer() -> None:
            os.write(line, f"{now} {WHAT}\n".encode())
            os.fsync(line)

        mine, theirs = _medians_ms(ours, peer)
        store.close()
        os.close(line)
    yield Figure("a record in the state store", "fsynced line", mine, theirs, 2.0, "ms")


def _medians_ms(*appends: Callable[[], None]) -> list[float]:
    took: list[list[float]] = [[] for _ in appends]
    for _ in range(RECORDS):
        for append, mine in zip(appends, took, strict=True):
            began = time.perf_counter()
            append()
            mine.append(time.perf_counter() - began)
    return [statistics.median(t) * 1000 for t in took]
