"""From a playbook to a plan: every step reads live, in order, and says what it would change and what undoes it."""

from __future__ import annotations

from dataclasses import replace

from failover.actions import ACTIONS
from failover.actions.arguments import parsed
from failover.actions.base import Context, Mitigation, Ports
from failover.core.observe.condition import Condition, Judgement, judge, predicates
from failover.core.observe.signal import Samples
from failover.core.runs.plan import Certainty, Plan, Step, StepKind
from failover.core.runs.playbook import OnFailure, Playbook, Risk, StepSpec, Values, named
from failover.core.runs.verify import signals
from failover.core.words import duration
from failover.errors import Refused

LOOKS = 2


def signals_of(playbook: Playbook) -> tuple[tuple[str, ...], frozenset[str]]:
    """Which hosts and which signals a bound playbook needs to see before it can be planned."""
    conditions: list[Condition] = list(playbook.preconditions)
    conditions += [s.when for s in playbook.steps if s.when]
    seen = [t for c in conditions for t in predicates(c)]
    watched = [w for s in playbook.steps for w in s.verify]
    reading = [(s, reads) for s in playbook.steps if (reads := ACTIONS[s.action].flags.reads)]
    hosts = {t.host for t in seen} | {w.host for w in watched} | {h for s, _ in reading for h in named(s, "host")}
    names = {t.signal for t in seen} | signals(watched) | {name for _, reads in reading for name in reads}
    return tuple(sorted(hosts)), frozenset(names)


def make_plan(playbook: Playbook, params: dict[str, str], ports: Ports, mitigations: tuple[Mitigation, ...]) -> Plan:
    """Raises Refused (a precondition does not hold, or a step cannot be done here), Unreachable, OutcomeUnknown."""
    samples = _looked(playbook, ports)
    steps: list[Step] = []
    for spec in playbook.steps:
        taken = tuple(s for s in steps if not s.left_out)
        context = Context(ports, playbook, samples, taken, mitigations)
        steps.append(_finish(_planned(spec, context), spec, playbook, context))
    return Plan(
        playbook=playbook.name,
        summary=playbook.summary,
        steps=tuple(steps),
        params=params,
        preconditions=playbook.preconditions,
        limits=playbook.limits,
        warnings=_warnings(steps, mitigations),
        not_fixed=playbook.not_fixed,
        not_changed=_not_changed(steps, ports),
        failback=playbook.failback.mode if playbook.failback else "never",
        failback_when=playbook.failback.when if playbook.failback else (),
    )


def _looked(playbook: Playbook, ports: Ports) -> Samples:
    """One look may meet a bad moment of ours or of the network, so what forbids a run is looked at twice."""
    hosts, names = signals_of(playbook)
    for _ in range(LOOKS):
        samples = ports.look(hosts, names)
        failing = _failing(playbook, samples, ports)
        if not failing:
            return samples
    raise Refused(
        f"{playbook.name} may not start: {'; '.join(failing)}",
        try_="nothing was changed; `failover check` shows what is wrong",
    )


def _failing(playbook: Playbook, samples: Samples, ports: Ports) -> list[str]:
    judged = [judge(c, samples, now=ports.clock.now()) for c in playbook.preconditions]
    return [b for j in judged if not j.holds for b in j.because]


def _planned(spec: StepSpec[Values], context: Context) -> Step:
    """A step that cannot be done here is left out, and said to be, where it is not needed now or the rest goes on
    without it; else the plan is refused."""
    action = ACTIONS[spec.action]
    try:
        return action.plan(parsed(spec, action.with_), context)
    except Refused as e:
        if spec.on_failure is not OnFailure.CONTINUE and _needed(spec, context).holds is not False:
            raise
        return Step(
            id=spec.id,
            action=spec.action,
            kind=StepKind.EVENT,
            certainty=Certainty.UNCHANGED,
            says=f"left out: {e}",
            host=next(iter(named(spec, "host")), None),
            args=dict(spec.with_),
            undo="none is owed",
            notes=(f"left out: {e}",),
            left_out=True,
            eta_s=0.0,
        )


def _needed(spec: StepSpec[Values], context: Context) -> Judgement:
    now = context.ports.clock.now()
    return judge(spec.when, context.samples, now=now) if spec.when else Judgement(True, ())


def _finish(step: Step, spec: StepSpec[Values], playbook: Playbook, context: Context) -> Step:
    """What every step has from the playbook, whatever its action."""
    conditional = not _needed(spec, context).holds or (spec.when is not None and bool(context.earlier))
    return replace(
        step,
        certainty=Certainty.CONDITIONAL
        if conditional and step.certainty is not Certainty.UNCHANGED
        else step.certainty,
        when=spec.when,
        verify=() if step.no_verify else spec.verify,
        no_verify=step.no_verify or spec.no_verify,
        undo=f"none; {spec.no_rollback}" if spec.no_rollback else step.undo,
        undoable=step.undoable and spec.no_rollback is None,
        on_failure=spec.on_failure or playbook.on_failure,
        risk=_higher(step.risk, spec.risk),
    )


_RISKS = (Risk.NONE, Risk.TRAFFIC, Risk.DOWNTIME)


def _higher(own: Risk, told: Risk | None) -> Risk:
    return max(own, told or own, key=_RISKS.index)


def _warnings(steps: list[Step], mitigations: tuple[Mitigation, ...]) -> tuple[str, ...]:
    subjects = {s.host or s.domain for s in steps} - {None}
    standing = [m for m in mitigations if (m.step.host or m.step.domain) in subjects]
    found = [f"already in force on {m.step.host or m.step.domain}: {m.step.says} (run {m.run})" for m in standing]
    found += [
        f"{s.id} has no expiry: it stays until somebody rolls it back"
        for s in steps
        if s.undoable and s.expires_s is None and s.certainty is not Certainty.UNCHANGED
    ]
    found += [f"{s.id} is not verified: {s.no_verify}" for s in steps if s.no_verify]
    found += [f"{s.id}: {note}" for s in steps for note in s.notes]
    return tuple(found)


def _not_changed(steps: list[Step], ports: Ports) -> tuple[str, ...]:
    """What a person fears might also move, and does not."""
    touched = {s.host for s in steps if s.host}
    records = () if any(ACTIONS[s.action].flags.changes_mx for s in steps) else ("MX records",)
    return (*records, *(h for h in ports.fleet.hosts if h not in touched))


def time_words(plan: Plan) -> str:
    """`about 25 s`, rounded up so that it is kept."""
    secs = plan.eta_s
    return f"about {duration(-(-secs // 5) * 5)}"
