"""The result of one cycle."""

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
    """Standbys that take far more mail than usual: the first sign on 11 August 2020."""
    back: tuple[Return, ...] = ()
    runs: list[tuple[RunRecord, RunView]] = field(default_factory=list)
    """Run, resumed or rolled back in this cycle."""
    alerts: list[Alert] = field(default_factory=list)
    """Only those that the next cycle would not find again."""
    missed: str = ""
    """Why the last look in the background failed; empty when it did not."""
    flushed: outbox.Flushed = field(default_factory=outbox.Flushed)

    @property
    def blocked(self) -> bool:
        """Something is bad and the controller may not, or cannot, help."""
        a_run_waits = any(r.open and not r.busy for r in self.situation.past.ran)
        return self.verdict.kind is Decision.PAGE or a_run_waits or bool(self.alerts)
