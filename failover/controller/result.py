"""What one cycle of the controller saw, decided and did."""

from __future__ import annotations

from dataclasses import dataclass, field

from failover.controller import outbox
from failover.core.alerting.alert import Alert
from failover.core.decide.candidates import Situation
from failover.core.decide.failback import Return
from failover.core.decide.verdict import Decision, Verdict
from failover.core.observe.baseline import Anomaly
from failover.core.runs.journal import RunView
from failover.ports import RunRecord


@dataclass(slots=True)
class CycleResult:
    """What one cycle saw, decided and did."""

    situation: Situation
    verdict: Verdict
    peaks: tuple[Anomaly, ...] = ()
    """Standbys that take far more mail than they usually do: the first that was seen on 11 August 2020."""
    back: tuple[Return, ...] = ()
    runs: list[tuple[RunRecord, RunView]] = field(default_factory=list)
    """Run, resumed or rolled back in this cycle."""
    alerts: list[Alert] = field(default_factory=list)
    """Besides those that any cycle would find again."""
    missed: str = ""
    """Why the last look that was to be made while a run waited came to nothing; empty when it came to something."""
    flushed: outbox.Flushed = field(default_factory=outbox.Flushed)

    @property
    def blocked(self) -> bool:
        """Something is bad and the controller may not, or cannot, help."""
        waiting = any(r.open and not r.busy for r in self.situation.past.ran)
        return self.verdict.kind is Decision.PAGE or waiting or bool(self.alerts)
