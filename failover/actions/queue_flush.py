"""`queue.flush`: let waiting mail go on. An event: seen by its effect, never undone."""

from __future__ import annotations

from failover.actions import remote
from failover.actions.base import Action, Attempt, Context, Flags, Ports, Result
from failover.actions.fields import OnHost
from failover.actions.queued import AT_LEAST_S, PER_SECOND, counts, messages
from failover.actions.spam_bypass import bypasses
from failover.actions.steps import event_step, owes_no_undo, reads_nothing
from failover.actions.subjects import host_of
from failover.core.fleet import Host
from failover.core.runs.plan import Step
from failover.core.runs.playbook import StepSpec
from failover.core.words import count

READS = ("queue.pending", "queue.deferred", "queue.frozen")


class Flush(OnHost):
    """Tries the delivery of all queued mail at once."""


class QueueFlush:
    name = "queue.flush"
    with_ = Flush
    read, undo = staticmethod(reads_nothing), staticmethod(owes_no_undo)
    settle = staticmethod(remote.settle)
    flags = Flags(reads=READS)

    def plan(self, spec: StepSpec[Flush], context: Context) -> Step:
        host = host_of(spec, context.ports.fleet)
        waiting = _waiting(context, host)
        goes_to = str(host.handler.address) if host.handler else "their destinations"
        unscanned = ", unscanned" if bypasses(context.earlier, host.name) else ""
        return event_step(
            spec,
            host,
            says=f"{count(waiting, 'message')} {'goes' if waiting == 1 else 'go'} on to {goes_to}{unscanned}",
            undo="none; mail already delivered stays delivered",
            eta_s=AT_LEAST_S + waiting / PER_SECOND,
            observed={"waiting": f"{waiting:g}"},
            limit_s=spec.timeout or 30.0,
        )

    def act(self, step: Step, at: Attempt, ports: Ports) -> Result:
        return counts(remote.act(step, at, ports, "flush", {}), "flushed")


ACTION: Action[Flush] = QueueFlush()


def _waiting(context: Context, host: Host) -> float:
    """A flush tries what was put off, too; what is frozen may be in any of these queues."""
    pending, deferred, frozen = (messages(context, host, name) or 0.0 for name in READS)
    return max(frozen, pending + deferred)
