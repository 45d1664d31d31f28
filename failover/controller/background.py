"""What a cycle does while a run of its own waits for an effect: it looks, remembers, and tells; and begins nothing.

A drain may take minutes. Who looked at nothing else meanwhile would see an incident on another host late, judge it over
a window with a gap, and tell nobody. So the wait is used, whenever it has that much to spare: the run's own look is due
at its time, whatever the hosts do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf

from failover.controller import alerts, observe
from failover.controller.leader import Leader
from failover.controller.result import CycleResult
from failover.core.decide.failback import returns
from failover.core.decide.one_run import waiting
from failover.core.decide.verdict import decide
from failover.core.runs.playbook import Playbook
from failover.errors import FailoverError
from failover.fence import fence
from failover.runs.service import Runs

EVERY_S = 15.0
"""From the end of one look to the next; a run that is over by then has lost no time to any."""
LOOK_S = 20.0
"""What a look may take: hosts that hang (8.25 s by their deadlines), anchors (3 s), and one heartbeat (5 s)."""
FLUSH_S = 20.0
"""What sending may take; with less to spare, what is to be said waits for the next look, or the end of the cycle."""


@contextmanager
def looking_meanwhile(
    c: Runs, playbooks: tuple[Playbook, ...], lead: Leader, alive: Callable[[], object]
) -> Iterator[Background]:
    """Whatever this controller's engine waits for is used so, until the block ends."""
    before, c.engine.background = c.engine.background, (meanwhile := Background(c, playbooks, lead, alive))
    try:
        yield meanwhile
    finally:
        c.engine.background = before


@dataclass(slots=True)
class Background:
    """Given to the engine. The lead is renewed here and nowhere else while a run lasts: it is for those who look, so
    one that hangs loses it, and what it has begun stays its own by the run's lease."""

    c: Runs
    playbooks: tuple[Playbook, ...]
    lead: Leader
    alive: Callable[[], object]
    seen: CycleResult | None = None
    """What was seen last, if anything."""
    missed: str = ""
    """Why the last look came to nothing, in words."""
    _ended: float = field(default=-inf)

    def __call__(self, spare_s: float) -> None:
        """Raises nothing: what fails here must not fail the run."""
        clock = self.c.ports.clock
        begun = clock.monotonic()
        if spare_s < LOOK_S or begun - self._ended < max(EVERY_S, self.c.ports.fleet.policy.spacing_s):
            return
        try:
            with fence("the look during a run"):
                self._look(by=begun + spare_s)
            self.missed = ""
        except FailoverError as e:
            self.missed = str(e)
        finally:
            self._ended = clock.monotonic()

    def begins_now(self) -> None:
        """What was seen until now is of no use any more: the cycle itself has just looked."""
        self.seen, self._ended = None, self.c.ports.clock.monotonic()

    def _look(self, by: float) -> None:
        c = self.c
        self.lead.renew()
        c.store.remember(observe.look(c))
        situation = observe.remembered(c, self.playbooks)
        verdict = waiting(decide(situation), situation.past)
        self.seen = CycleResult(situation, verdict, observe.peaks_of(c, situation), returns(situation, verdict))
        alerts.write_down(c, self.seen, self.seen)
        self.alive()
        if by - c.ports.clock.monotonic() > FLUSH_S:
            alerts.send(c)
