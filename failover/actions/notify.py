"""`notify`: tell people. It touches no host."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from failover.actions.base import Action, Attempt, Context, Flags, Ports, Result
from failover.actions.fields import Said
from failover.actions.steps import event_step, owes_no_undo, reads_nothing
from failover.core.alerting.run_alerts import notice
from failover.core.runs.plan import Step
from failover.core.runs.playbook import StepSpec
from failover.core.runs.recovery import Reading
from failover.core.words import count
from failover.errors import FailoverError, OutcomeUnknown, Unreachable
from failover.fields import Strict
from failover.ports import Message


class Notify(Strict):
    """Tells people, on every channel of hosts.yaml."""

    text: Said = Field(description="What they read.", examples=['"spam is not scanned on ${sick}"'])
    severity: Literal["info", "warning", "critical"] = "warning"


class NotifyAction:
    """Told when one channel took it; the others' failures are in the journal. Repeating is safe: same key.

    Its end is told by the controller, some minutes after the run's (`core.alerting.run_alerts`).
    """

    name = "notify"
    with_ = Notify
    read, undo = staticmethod(reads_nothing), staticmethod(owes_no_undo)
    flags = Flags(tells=True)

    def plan(self, spec: StepSpec[Notify], context: Context) -> Step:
        channels = context.ports.fleet.channels
        return event_step(
            spec,
            None,
            says=f"tell {', '.join(c.kind for c in channels)}: {spec.with_.text}",
            undo="none; what was said stays said",
            eta_s=1.0,
            limit_s=spec.timeout or 15.0 * len(channels),
        )

    def act(self, step: Step, at: Attempt, ports: Ports) -> Result:
        severity = str(step.args["severity"])
        message = Message(f"{at.run}.{at.step}", severity, notice(at.run), str(step.args["text"]))
        told, failed = 0, []
        for channel in ports.fleet.channels:
            try:
                ports.notifier.send(channel, message)
                told += 1
            except FailoverError as e:
                failed.append(e)
        if not told:
            raise _worst(failed)
        return {"told": str(told), "failed": "; ".join(str(e) for e in failed)}

    def settle(self, step: Step, at: Attempt, ports: Ports) -> Reading:
        return Reading.HALF


ACTION: Action[Notify] = NotifyAction()


def _worst(failed: list[FailoverError]) -> FailoverError:
    """Unknown outranks not told: it may have been heard."""
    said = f"none of {count(len(failed), 'channel')} took it: " + "; ".join(str(e) for e in failed)
    unknown = any(isinstance(e, OutcomeUnknown) for e in failed)
    return (OutcomeUnknown if unknown else Unreachable)(said, try_="check `notify:` in hosts.yaml")
