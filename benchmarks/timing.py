"""Whole processes, timed from outside by the operating system's own account of them, ours and the peer's in turn."""

from __future__ import annotations

import os
import resource
import select
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Program:
    """`good`: exit codes that mean it did its work. `env`: laid over ours."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    good: frozenset[int] = frozenset({0})


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of wall and of CPU (user and system, with all children that were waited for); MiB of the largest one."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def cost(program: Program, *, limit_s: float = 300.0) -> Cost:
    """Raises RuntimeError, with the end of what it said, when it fails or takes longer than `limit_s`."""
    with tempfile.TemporaryFile() as said:
        began = time.monotonic()
        process = subprocess.Popen(
            program.argv, env=os.environ | program.env, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        code, used = _reaped(process, began + limit_s)
        wall = time.monotonic() - began
        if code not in program.good:
            said.seek(0)
            end = said.read()[-2000:].decode(errors="replace")
            raise RuntimeError(f"{' '.join(map(str, program.argv))}: exit {code} after {wall:.1f} s\n{end}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _reaped(process: subprocess.Popen[bytes], until: float) -> tuple[int, resource.struct_rusage]:
    """`wait4` gives the child's own account, which `Popen.wait` throws away; the pidfd gives the deadline."""
    fd = os.pidfd_open(process.pid)
    try:
        if not select.select([fd], [], [], max(0.0, until - time.monotonic()))[0]:
            process.kill()
    finally:
        os.close(fd)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used


def medians(programs: Sequence[Program], rounds: int) -> tuple[Cost, ...]:
    """One of each that is not counted, then `rounds` of each, in turn: a machine that slows down does so for all."""
    runs = [[cost(p) for p in programs] for _ in range(rounds + 1)][1:]
    return tuple(_median([r[n] for r in runs]) for n in range(len(programs)))


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(
        statistics.median(c.wall_s for c in costs),
        statistics.median(c.cpu_s for c in costs),
        max(c.peak_mib for c in costs),
    )


def tool(name: str) -> str | None:
    """A peer's program, or None where `script/bench` has not made it ready."""
    path = Path(__file__).parent.parent / ".venv-peers/bin" / name
    return str(path) if path.exists() else None
