"""`queue.flush` and `queue.requeue`: let waiting mail go on. Events: seen by their effect, never undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from failover.actions import remote
from failover.actions.base import At, Context, Hands, Result, host_in, host_of
from failover.core import place, signal
from failover.core.fleet import Host
from failover.core.plan import Certainty, Kind, Step
from failover.core.playbook import StepSpec
from failover.core.recovery import World
from failover.core.words import count
from failover.errors import Refused
from failover.ports import Reply

PER_SECOND = 300.0
"""Messages a second that one pickup and one handler take on a small host; for the estimate only (measured 650-850)."""
AT_LEAST_S = 6.0


@dataclass(frozen=True, slots=True)
class QueueFlush:
    name: str = "queue.flush"

    def plan(self, spec: StepSpec, context: Context) -> Step:
        host = host_of(spec, context.hands.fleet)
        waiting = _waiting(context, host)
        goes_to = str(host.handler.address) if host.handler else "their destinations"
        unscanned = ", unscanned" if any(s.action == "spam.bypass" for s in context.earlier) else ""
        return _event(
            spec,
            host,
            self.name,
            says=f"{count(waiting, 'message')} {'goes' if waiting == 1 else 'go'} on to {goes_to}{unscanned}",
            undo="none; mail already delivered stays delivered",
            eta_s=AT_LEAST_S + waiting / PER_SECOND,
            observed={"waiting": f"{waiting:g}"},
            limit_s=spec.timeout or 30.0,
        )

    def read(self, step: Step, hands: Hands) -> Mapping[str, str]:
        return {}

    def act(self, step: Step, at: At, hands: Hands) -> Result:
        host = host_in(step, hands)
        return _counts(remote.act(hands, host, "flush", at, {}, limit_s=step.limit_s), "flushed")

    def settle(self, step: Step, at: At, hands: Hands) -> World:
        return remote.settle(hands, host_in(step, hands), at)

    def undo(self, step: Step, at: At, hands: Hands) -> Result:
        return {}


@dataclass(frozen=True, slots=True)
class QueueRequeue:
    """Frozen mail goes through cleanup again without its filter: only that mail, never what is on hold."""

    name: str = "queue.requeue"

    def plan(self, spec: StepSpec, context: Context) -> Step:
        host = host_of(spec, context.hands.fleet)
        filter_, lever = _filter(context, host)
        frozen = _value(context, host, "queue.frozen")
        if lever == "pass":
            return _event(
                spec,
                host,
                self.name,
                says=f"not needed: what waits for {filter_} goes through the pass-through as it is",
                undo="none is owed",
                eta_s=0.0,
                observed={},
                limit_s=1.0,
                certainty=Certainty.UNCHANGED,
            )
        return _event(
            spec,
            host,
            self.name,
            says=f"re-queue what still waits for {filter_} ({_frozen(context, host)} now); hold is left alone",
            undo="none; re-queued mail cannot be un-queued, and repeating is safe",
            eta_s=AT_LEAST_S + frozen / PER_SECOND,
            observed={"frozen": f"{frozen:g}"},
            how={"filter": filter_, "batch": str(spec.with_.get("batch", 200))},
            limit_s=spec.timeout or 600.0,
        )

    def read(self, step: Step, hands: Hands) -> Mapping[str, str]:
        return {}

    def act(self, step: Step, at: At, hands: Hands) -> Result:
        host = host_in(step, hands)
        reply = remote.act(hands, host, "requeue", at, dict(step.how), limit_s=step.limit_s)
        return _counts(reply, "requeued", "left", "passes", "held", "sessions")

    def settle(self, step: Step, at: At, hands: Hands) -> World:
        return remote.settle(hands, host_in(step, hands), at, limit_s=step.limit_s)

    def undo(self, step: Step, at: At, hands: Hands) -> Result:
        return {}


def _event(
    spec: StepSpec,
    host: Host,
    action: str,
    *,
    says: str,
    undo: str,
    eta_s: float,
    observed: Mapping[str, str],
    limit_s: float,
    how: Mapping[str, str] | None = None,
    certainty: Certainty = Certainty.OBSERVED,
) -> Step:
    return Step(
        id=spec.id,
        action=action,
        kind=Kind.EVENT,
        certainty=certainty,
        says=says,
        host=host.name,
        where=place.of_host(host),
        args=dict(spec.with_),
        how=how or {},
        observed=observed,
        undo=undo,
        repeat_safe=True,
        eta_s=eta_s,
        limit_s=limit_s,
    )


def _filter(context: Context, host: Host) -> tuple[str, str]:
    """The filter that is out of the path here, or will be by an earlier step, and by which lever."""
    standing = [*context.earlier, *(m.step for m in context.mitigations)]
    out = [s for s in standing if s.action == "spam.bypass" and s.host == host.name]
    if out:
        host_in(out[0], context.hands)
        return out[0].how["filter"], out[0].how["lever"]
    raise Refused(
        f"no filter is out of the path on {host.name}: re-queued mail would meet it again",
        try_="a step spam.bypass before it takes the filter out",
    )


def _waiting(context: Context, host: Host) -> float:
    """A flush tries what was put off, too; what is frozen may be in any of these queues."""
    queued = _value(context, host, "queue.pending") + _value(context, host, "queue.deferred")
    return max(_value(context, host, "queue.frozen"), queued)


def _value(context: Context, host: Host, name: str) -> float:
    seen = signal.worst(signal.latest(context.samples, host.name, name))
    return float(seen.value) if seen and isinstance(seen.value, int | float) else 0.0


def _frozen(context: Context, host: Host) -> str:
    seen = signal.worst(signal.latest(context.samples, host.name, "queue.frozen"))
    return f"{seen.value:g}" if seen and isinstance(seen.value, int | float) else "nobody knows how many"


def _counts(reply: Reply, *keys: str) -> Result:
    return {key: row[0] for key in keys if (row := reply.one(key))}
