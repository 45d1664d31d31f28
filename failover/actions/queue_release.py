"""`queue.release`: let go what an earlier run's `queue.hold` holds, and nothing else. The planned return; same undo."""

from __future__ import annotations

from failover.actions.base import Action, Attempt, Context, Flags, Mitigation, Ports, Result
from failover.actions.queue_hold import HELD, NOT, Selected, holds, let_go
from failover.actions.setting import diff, read_settings, settle_setting
from failover.actions.steps import owes_no_undo, state_step
from failover.actions.subjects import host_in, host_of
from failover.core.runs.plan import Step
from failover.core.runs.playbook import StepSpec
from failover.errors import Refused


class Release(Selected):
    """Lets go what queue.hold holds, by the same words."""


class QueueRelease:
    name = "queue.release"
    with_ = Release
    read, settle, undo = staticmethod(read_settings), staticmethod(settle_setting), staticmethod(owes_no_undo)
    flags = Flags()

    def plan(self, spec: StepSpec[Release], context: Context) -> Step:
        host, what = host_of(spec, context.ports.fleet), spec.with_.what
        of = _in_force(context.mitigations, host.name, what)
        host_in(of.step, context.ports)
        key = f"hold {what}"
        return state_step(
            spec,
            host,
            says=f"let go what run {of.run} put on hold of {what}",
            how={"what": what, "of_run": of.run, "of_step": of.step.id},
            before={key: HELD},
            want={key: NOT},
            diff=diff(key, HELD, NOT),
            undo="none; mail that was let go is on its way",
            eta_s=5.0,
            limit_s=spec.timeout or 120.0,
            undoable=False,
        )

    def act(self, step: Step, at: Attempt, ports: Ports) -> Result:
        return let_go(step, at, ports, of_run=step.how["of_run"], of_step=step.how["of_step"])


ACTION: Action[Release] = QueueRelease()


def _in_force(mitigations: tuple[Mitigation, ...], host: str, what: str) -> Mitigation:
    ours = [m for m in mitigations if holds(m.step, host, what)]
    if not ours:
        raise Refused(
            f"no hold of ours on mail of {what} is in force on {host}: there is nothing to let go",
            try_="see `failover status`; what somebody else holds, they must release",
        )
    return max(ours, key=lambda m: m.since)
