"""`spam.restore`: put the filter back that an earlier run took out. The planned return; same undo, same guard."""

from __future__ import annotations

from failover.actions import remote
from failover.actions.base import Action, Attempt, Context, Flags, Mitigation, Ports, Result
from failover.actions.fields import OnHost
from failover.actions.setting import diff, expected, filter_answers, read_settings, settle_setting, summary
from failover.actions.spam_bypass import bypasses
from failover.actions.steps import state_step
from failover.actions.subjects import host_in, host_of
from failover.core.runs.plan import Step
from failover.core.runs.playbook import StepSpec
from failover.core.words import count
from failover.errors import Refused


class Restore(OnHost):
    """Puts the spam filter back."""


class SpamRestore:
    name = "spam.restore"
    with_ = Restore
    read, settle = staticmethod(read_settings), staticmethod(settle_setting)
    flags = Flags()

    def plan(self, spec: StepSpec[Restore], context: Context) -> Step:
        host = host_of(spec, context.ports.fleet)
        of = _in_force(context.mitigations, host.name)
        host_in(of.step, context.ports)
        before, want = of.step.want, of.step.before
        return state_step(
            spec,
            host,
            says=f"put {of.step.how['filter']} back into the path, as it was before run {of.run}",
            how={
                "filter": of.step.how["filter"],
                "lever": of.step.how["lever"],
                "of_run": of.run,
                "of_step": of.step.id,
                "expect": of.step.how["expect"],
            },
            before=before,
            want=want,
            diff=tuple(d for key in before for d in diff(key, before[key], want[key])),
            undo=f"take it out again ({count(len(before), 'line')})",
            requires=filter_answers(host),
            eta_s=4.0,
            limit_s=spec.timeout or 60.0,
        )

    def act(self, step: Step, at: Attempt, ports: Ports) -> Result:
        args = {k: step.how[k] for k in ("of_run", "of_step")}
        return summary(remote.act(step, at, ports, "restore", args), "restored")

    def undo(self, step: Step, at: Attempt, ports: Ports) -> Result:
        rows = [(*key.split(" ", 1), value) for key, value in step.want.items()]
        expect = step.how.get("expect") or expected(rows)  # a plan of an earlier release has the settings in full
        args = {"filter": step.how["filter"], "lever": step.how["lever"], "expect": expect}
        return summary(remote.act(step, at, ports, "bypass", args), "ended", "left")


ACTION: Action[Restore] = SpamRestore()


def _in_force(mitigations: tuple[Mitigation, ...], host: str) -> Mitigation:
    ours = [m for m in mitigations if bypasses([m.step], host)]
    if not ours:
        raise Refused(
            f"no bypass of ours is in force on {host}: there is nothing to put back",
            try_="see `failover status`; what somebody else took out, they must put back",
        )
    return max(ours, key=lambda m: m.since)
