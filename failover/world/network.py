"""The controller's own network and clock, and their faults."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from failover.core.fleet import Endpoint
from failover.errors import Unreachable
from failover.world.layers import Layers
from failover.world.timeline import Timeline

PATIENCE = 3.0
"""Seconds until a dropped packet is given up."""


@dataclass
class Network:
    """`up`: its link. `noticed`: the kernel knows that it is down, and says so at once. `loss`: of connections."""

    timeline: Timeline
    rng: random.Random
    up: bool = True
    noticed: bool = False
    loss: float = 0.0
    link: Layers[bool] = field(init=False)
    losing: Layers[float] = field(init=False)

    def __post_init__(self) -> None:
        self.link = Layers(True, all, partial(setattr, self, "up"))
        self.losing = Layers(0.0, max, partial(setattr, self, "loss"))

    def lost(self) -> bool:
        """Does this connection fail? Random only if some are lost."""
        return not self.up or (self.loss > 0 and self.rng.random() < self.loss)

    def try_(self, what: str, patience: float = PATIENCE) -> None:
        """Raises Unreachable, after as long as it takes to find out."""
        if not self.lost():
            return
        if not self.up and self.noticed:
            raise Unreachable(f"{what}: network is unreachable", try_="check the controller's own network")
        self.timeline.run_until(self.timeline.now + patience)
        raise Unreachable(f"cannot connect to {what}: no answer in {patience:g} s", try_="check its network")

    def dial(self, anchors: Iterable[Endpoint]) -> dict[Endpoint, str | None]:
        """All at once: one patience for all that do not answer."""
        answers = {a: "no answer" if self.lost() else None for a in anchors}
        if None not in answers.values() and not self.noticed:
            self.timeline.run_until(self.timeline.now + PATIENCE)
        return answers
