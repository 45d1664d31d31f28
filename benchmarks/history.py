"""What a long past costs: the same work on states with 10, 1,000 and 100,000 runs that are over, in turn.

Whole processes, as a person and cron start them; and cycles alone, over a simulated night whose looks cost next to
nothing: there the state store is most of what there is to see.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figure import Figure
from benchmarks.ground import Ground
from benchmarks.past_runs import fill
from benchmarks.timing import medians
from failover.adapters.store import SqlStore
from failover.config.catalogue import list_all
from failover.config.playbooks import load_playbook
from failover.controller.cycle import cycle
from failover.runs.service import Runs
from failover.world.ports import ports
from failover.world.world import World

SIZES = (10, 1_000, 100_000)
ROUNDS, CYCLES = 5, 40
MOST = 1.2
COMMANDS = (("tick",), ("status",), ("why",), ("runs", "list", "--limit", "10"))


def figures(ground: Ground) -> Iterator[Figure]:
    with TemporaryDirectory(dir="/var/tmp") as disk:  # 1.5 GB for the largest
        yield from cycles(Path(disk))
        states = {n: _filled(Path(disk, f"{n}.db"), n, datetime.now(UTC)) for n in SIZES}
        for words in COMMANDS:
            programs = [ground.at_controller(["failover", "--state", states[n], *words]) for n in SIZES]
            costs = dict(zip(SIZES, medians(programs, ROUNDS), strict=True))
            name = f"failover {' '.join(words)}"
            yield from _beside_few(name, {n: c.wall_s for n, c in costs.items()}, "s")
            yield from _beside_few(f"{name}, peak memory", {n: c.peak_mib for n, c in costs.items()}, "MiB")


def cycles(disk: Path) -> Iterator[Figure]:
    """CPU of one cycle, in this process, of a night in which nothing is the matter."""
    nights = {n: _night(disk, n) for n in SIZES}
    books = tuple(load_playbook(path) for path in list_all(None).values())
    took: dict[int, list[float]] = {n: [] for n in SIZES}
    for _ in range(CYCLES):
        for n, (world, c) in nights.items():
            began = time.process_time()
            cycle(c, books)
            took[n].append((time.process_time() - began) * 1000)
            world.advance(60)
    yield from _beside_few("a cycle, simulated, CPU", {n: statistics.median(t[1:]) for n, t in took.items()}, "ms")


def _night(disk: Path, count: int) -> tuple[World, Runs]:
    world = World.august_11(5, rate=2, hang_at=1e9, until=1e5)
    state = _filled(disk / f"night-{count}.db", count, world.clock.now())
    return world, Runs(ports(world), SqlStore.open_url(state))


def _filled(file: Path, count: int, until: datetime) -> str:
    store = SqlStore.open_url(f"sqlite:///{file}")
    fill(store, count, until)
    store.close()
    return f"sqlite:///{file}"


def _beside_few(what: str, of: Mapping[int, float], unit: str) -> Iterator[Figure]:
    few, *more = SIZES
    yield from (Figure(f"{what}, {n:,} runs over", f"with {few}", of[n], of[few], MOST, unit) for n in more)
