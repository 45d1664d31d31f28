"""Looks while a run of this cycle waits for its effect: the controller observes and tells people, and begins nothing.
Where it finds another cure due, a run that only waits for mail to leave ends its wait, and the cycle goes on with that.

A drain can take minutes. Without this, an incident on another host would be noticed late, and its samples would have a
gap. So the engine calls us while it waits, and we look when at least LOOK_S remain: the run's own look is never late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf

from failover.controller import alerts, observe
from failover.controller.leader import Leader
from failover.controller.result import CycleResult
from failover.core.decide.candidates import Situation
from failover.core.decide.failback import returns
from failover.core.decide.one_run import more_urgent, waiting
from failover.core.decide.verdict import decide
from failover.core.runs.playbook import Playbook
from failover.errors import FailoverError
from failover.fence import fence
from failover.runs.service import Runs

EVERY_S = 15.0
"""From the end of one look to the next. A shorter run is not delayed by any."""
LOOK_S = 20.0
"""The longest that a look takes: hosts that hang (8.25 s by their deadlines), anchors (3 s), one heartbeat (5 s)."""
FLUSH_S = 20.0
"""The longest that sending takes. With less time left, messages wait for the next look or the end of the cycle."""


@contextmanager
def looking_in_background(
    runs: Runs, playbooks: tuple[Playbook, ...], leader: Leader, alive: Callable[[], object]
) -> Iterator[Background]:
    """The engine calls the Background while it waits, until the block ends."""
    engine, background = runs.engine, Background(runs, playbooks, leader, alive)
    before = engine.background, engine.due
    engine.background, engine.due = background, background.due
    try:
        yield background
    finally:
        engine.background, engine.due = before


@dataclass(slots=True)
class Background:
    """Called by the engine. While a run lasts, the leader's lease is renewed here and nowhere else: a controller that
    hangs stops looking, so another one takes over; its run stays its own by the run's lease."""

    runs: Runs
    playbooks: tuple[Playbook, ...]
    leader: Leader
    alive: Callable[[], object]
    seen: CycleResult | None = None
    """The last look, if there was one."""
    missed: str = ""
    """Why the last look failed, in words."""
    _ended: float = field(default=-inf)
    _unasked: Situation | None = None

    def __call__(self, spare_s: float) -> None:
        """Look, if `spare_s` seconds are enough and the last look is long enough ago. Raises nothing: a look that fails
        must not fail the run."""
        clock = self.runs.ports.clock
        begun = clock.monotonic()
        if spare_s < LOOK_S or begun - self._ended < max(EVERY_S, self.runs.ports.fleet.policy.spacing_s):
            return
        try:
            with fence("the look during a run"):
                self._look(by=begun + spare_s)
            self.missed = ""
        except FailoverError as e:
            self.missed = str(e)
        finally:
            self._ended = clock.monotonic()

    def due(self, run: str) -> str:
        """The cure for which this run is to end its wait, in words; empty if none. Each look is asked once. Raises
        nothing."""
        situation, self._unasked = self._unasked, None
        try:
            with fence("the look during a run"):
                return more_urgent(situation, run) if situation else ""
        except FailoverError as e:
            self.missed = str(e)
            return ""

    def forget(self) -> None:
        """The cycle itself has just looked: the next look is due EVERY_S from now."""
        self.seen, self._unasked, self._ended = None, None, self.runs.ports.clock.monotonic()

    def _look(self, by: float) -> None:
        runs = self.runs
        self.leader.renew()
        runs.store.remember(observe.look(runs))
        situation = observe.remembered(runs, self.playbooks)
        verdict = waiting(decide(situation), situation.past)
        self._unasked = situation
        self.seen = CycleResult(situation, verdict, observe.peaks_of(runs, situation), returns(situation, verdict))
        alerts.write_down(runs, self.seen, self.seen)
        self.alive()
        if by - runs.ports.clock.monotonic() > FLUSH_S:
            alerts.send(runs)
