"""`queue.requeue`: frozen mail forgets the filter it was fixed to. An event: seen by its effect, never undone."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema

from failover.actions import remote
from failover.actions.base import Action, Attempt, Context, Flags, Ports, Result
from failover.actions.fields import OnHost, whole
from failover.actions.queued import AT_LEAST_S, PER_SECOND, counts, messages
from failover.actions.spam_bypass import bypasses
from failover.actions.steps import event_step, owes_no_undo, reads_nothing
from failover.actions.subjects import host_in, host_of
from failover.core.fleet import Host
from failover.core.runs.plan import Certainty, Step
from failover.core.runs.playbook import StepSpec
from failover.core.runs.recovery import Reading
from failover.core.words import found
from failover.errors import Refused
from failover.fields import Wrong


def _batch(value: Any, info: ValidationInfo) -> int | str:
    if reference := whole(value, info, "number"):
        return reference
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 10_000:
        return value
    raise Wrong(f"{found(value)} is no batch; write a whole number from 1 to 10000")


_Batch = Annotated[
    int, PlainValidator(_batch), WithJsonSchema({"type": ["integer", "string"], "minimum": 1, "maximum": 10_000})
]


class Requeue(OnHost):
    """Submits queued mail anew, so that it forgets the filter it was fixed to."""

    only: Literal["frozen"] = Field(description="frozen: only mail that is fixed to a filter.", examples=["frozen"])
    batch: _Batch = Field(default=200, description="So many at a time.")


class QueueRequeue:
    """Frozen mail goes through cleanup again without its filter: only that mail, never what is on hold."""

    name = "queue.requeue"
    with_ = Requeue
    read, undo = staticmethod(reads_nothing), staticmethod(owes_no_undo)
    flags = Flags(reads=("queue.frozen",))

    def plan(self, spec: StepSpec[Requeue], context: Context) -> Step:
        host = host_of(spec, context.ports.fleet)
        filter_, lever = _filter(context, host)
        frozen = messages(context, host, "queue.frozen")
        if lever == "pass":
            return event_step(
                spec,
                host,
                says=f"not needed: what waits for {filter_} goes through the pass-through as it is",
                undo="none is owed",
                eta_s=0.0,
                limit_s=1.0,
                certainty=Certainty.UNCHANGED,
            )
        words = "nobody knows how many" if frozen is None else f"{frozen:g}"
        return event_step(
            spec,
            host,
            says=f"re-queue what still waits for {filter_} ({words} now); hold is left alone",
            undo="none; re-queued mail cannot be un-queued, and repeating is safe",
            eta_s=AT_LEAST_S + (frozen or 0.0) / PER_SECOND,
            observed={"frozen": f"{frozen or 0.0:g}"},
            how={"filter": filter_, "batch": str(spec.with_.batch)},
            limit_s=spec.timeout or 600.0,
        )

    def act(self, step: Step, at: Attempt, ports: Ports) -> Result:
        reply = remote.act(step, at, ports, "requeue", step.how)
        return counts(reply, "requeued", "left", "passes", "held", "sessions")

    def settle(self, step: Step, at: Attempt, ports: Ports) -> Reading:
        return remote.settle(step, at, ports, limit_s=step.limit_s)


ACTION: Action[Requeue] = QueueRequeue()


def _filter(context: Context, host: Host) -> tuple[str, str]:
    """The filter that is out of the path here, or will be by an earlier step, and by which lever."""
    standing = [*context.earlier, *(m.step for m in context.mitigations)]
    out = bypasses(standing, host.name)
    if out:
        host_in(out[0], context.ports)
        return out[0].how["filter"], out[0].how["lever"]
    raise Refused(
        f"no filter is out of the path on {host.name}: re-queued mail would meet it again",
        try_="a step spam.bypass before it takes the filter out",
    )
