"""`wait`: nothing is done for a while. It touches no host."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from failover.actions.base import Action, At, Context, Flags, Hands, Result
from failover.actions.fields import SpanRef
from failover.core.plan import Certainty, Kind, Step
from failover.core.playbook import StepSpec
from failover.core.recovery import World
from failover.core.words import duration
from failover.fields import Strict


class Wait(Strict):
    """Waits."""

    for_: SpanRef = Field(alias="for", description="How long.", examples=["2m"])


class WaitAction:
    name = "wait"
    with_ = Wait
    flags = Flags()

    def plan(self, spec: StepSpec, context: Context) -> Step:
        span = float(str(spec.with_["for"]))
        return Step(
            id=spec.id,
            action=self.name,
            kind=Kind.EVENT,
            certainty=Certainty.OBSERVED,
            says=f"wait {duration(span)}",
            args=dict(spec.with_),
            how={"seconds": f"{span:g}"},
            undo="none is owed",
            repeat_safe=True,
            eta_s=span,
            limit_s=span + 5,
        )

    def read(self, step: Step, hands: Hands) -> Mapping[str, str]:
        return {}

    def act(self, step: Step, at: At, hands: Hands) -> Result:
        hands.clock.sleep(float(step.how["seconds"]))
        return {}

    def settle(self, step: Step, at: At, hands: Hands) -> World:
        return World.HALF

    def undo(self, step: Step, at: At, hands: Hands) -> Result:
        return {}


ACTION: Action = WaitAction()
