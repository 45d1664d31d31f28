"""What every call pays before it has done anything, beside a bare Python."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks.figure import Figure, against
from benchmarks.ground import Ground
from benchmarks.timing import Program

ROUNDS = 9


def figures(ground: Ground) -> Iterator[Figure]:
    bare = [("bare python", Program([sys.executable, "-c", ""]), 15.0)]
    for words in (["--help"], ["playbooks", "lint"]):
        yield from against(f"failover {' '.join(words)}", ground.failover(*words), ROUNDS, bare)
