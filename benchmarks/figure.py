"""One figure: ours, the peer's, their ratio, and what we aim at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.timing import Program, medians


@dataclass(frozen=True, slots=True)
class Figure:
    """`ours` and `peer` in `unit`; `most`: the ratio aimed at, or, without a peer, the value itself."""

    what: str
    beside: str
    ours: float
    peer: float | None
    most: float
    unit: str = "s"

    @property
    def ratio(self) -> float | None:
        return self.ours / self.peer if self.peer else None

    @property
    def met(self) -> bool:
        return (self.ours if self.ratio is None else self.ratio) <= self.most

    def document(self) -> dict[str, Any]:
        return asdict(self) | {"ratio": self.ratio, "met": self.met}


def against(what: str, ours: Program, rounds: int, peers: Sequence[tuple[str, Program, float]]) -> Iterator[Figure]:
    """Wall seconds beside each peer's: `(name, program, ratio aimed at)`, all in turn."""
    mine, *theirs = medians([ours, *(p for _, p, _ in peers)], rounds)
    for (name, _, most), one in zip(peers, theirs, strict=True):
        yield Figure(what, name, mine.wall_s, one.wall_s, most)
