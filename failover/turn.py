"""What one cycle of the controller saw, decided and did."""

from __future__ import annotations

from dataclasses import dataclass, field

from failover import telling
from failover.core.alert import Alert
from failover.core.candidates import Situation
from failover.core.returns import Return
from failover.core.run import View
from failover.core.usual import Peak
from failover.core.verdict import Kind, Verdict
from failover.ports import RunRecord


@dataclass(slots=True)
class Turn:
    """What one cycle saw, decided and did."""

    situation: Situation
    verdict: Verdict
    peaks: tuple[Peak, ...] = ()
    """Standbys that take far more mail than they usually do: the first that was seen on 11 August 2020."""
    back: tuple[Return, ...] = ()
    runs: list[tuple[RunRecord, View]] = field(default_factory=list)
    """Run, resumed or rolled back in this cycle."""
    alerts: list[Alert] = field(default_factory=list)
    """Besides those that any cycle would find again."""
    missed: str = ""
    """Why the last look that was to be made while a run waited came to nothing; empty when it came to something."""
    flushed: telling.Flushed = field(default_factory=telling.Flushed)

    @property
    def blocked(self) -> bool:
        """Something is bad and the controller may not, or cannot, help."""
        waiting = any(r.open and not r.busy for r in self.situation.past.ran)
        return self.verdict.kind is Kind.PAGE or waiting or bool(self.alerts)
