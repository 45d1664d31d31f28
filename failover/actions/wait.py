"""`wait`: nothing is done for a while. It touches no host."""

from __future__ import annotations

from pydantic import Field

from failover.actions.base import Action, Attempt, Context, Flags, Ports, Result
from failover.actions.fields import SpanRef
from failover.actions.steps import event_step, owes_no_undo, reads_nothing
from failover.core.runs.plan import Step
from failover.core.runs.playbook import StepSpec
from failover.core.runs.recovery import Reading
from failover.core.words import duration
from failover.fields import Strict


class Wait(Strict):
    """Waits."""

    for_: SpanRef = Field(alias="for", description="How long.", examples=["2m"])


class WaitAction:
    name = "wait"
    with_ = Wait
    read, undo = staticmethod(reads_nothing), staticmethod(owes_no_undo)
    flags = Flags()

    def plan(self, spec: StepSpec[Wait], context: Context) -> Step:
        span = spec.with_.for_
        return event_step(
            spec,
            None,
            says=f"wait {duration(span)}",
            how={"seconds": f"{span:g}"},
            undo="none is owed",
            eta_s=span,
            limit_s=span + 5,
        )

    def act(self, step: Step, at: Attempt, ports: Ports) -> Result:
        ports.clock.sleep(float(step.how["seconds"]))
        return {}

    def settle(self, step: Step, at: Attempt, ports: Ports) -> Reading:
        return Reading.HALF


ACTION: Action[Wait] = WaitAction()
