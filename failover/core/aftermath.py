"""What our own runs deserve of a person's attention: what they came to, what they left, what may go back. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from failover.core.alert import NEVER, Alert
from failover.core.past import Past, Ran, Standing
from failover.core.plan import Plan
from failover.core.returns import Return
from failover.core.run import RunState, View


def of_run(ran: Ran, plan: Plan, view: View, until: datetime | None) -> Alert:
    """What a run of the controller's came to: done, not done, what remains, until when, and the way back."""
    done = [f"{s.id}: {_outcome(s.id, view)} ({s.says})" for s in plan.steps]
    said = [f"{plan.playbook}: {ran.state.value}" + (f", {ran.because}" if ran.because else ""), *done]
    if plan.not_fixed:
        said.append(f"Not fixed by this: {'; '.join(plan.not_fixed)}.")
    if until is not None:
        said.append(f"In force until {until:%Y-%m-%d %H:%M} UTC.")
    said.append(f"Undo: failover rollback {ran.run}   More: failover runs show {ran.run}")
    worked = ran.state in {RunState.SUCCEEDED, RunState.ROLLED_BACK}
    title = f"{', '.join(sorted(ran.subjects))}: {plan.playbook} {ran.state.value}"
    severity = "warning" if worked else "critical"
    return Alert(_key(ran), ran.state.value, severity, title, "\n".join(said))


def _outcome(step: str, view: View) -> str:
    s = view.steps[step]
    return s.phase.value + (f", {s.error}" if s.error else "")


def of_runs(past: Past) -> tuple[Alert, ...]:
    """Runs that wait for a person, and those that stand and are nobody's worry for now."""
    waiting = [_waiting(r) for r in past.ran if r.open and not r.busy]
    known = {a.key for a in waiting}
    standing = [a for m in past.standing if (a := _quiet(m)).key not in known]
    return (*waiting, *standing)


def _waiting(r: Ran) -> Alert:
    said = (
        f"{r.because or 'it ended half-way'}\nfailover runs show {r.run}, then resume, roll back, resolve or accept it."
    )
    title = f"{', '.join(sorted(r.subjects))}: run {r.run} is {r.state.value} and waits for a person"
    return Alert(_key(r), r.state.value, "critical", title, said)


def _quiet(m: Standing) -> Alert:
    return Alert(_key(m), "stands", "info", f"{m.says} (run {m.run})", m.says, NEVER)


def of_returns(back: Iterable[Return]) -> tuple[Alert, ...]:
    return tuple(_of_return(r) for r in back if r.stage)


def _of_return(r: Return) -> Alert:
    m = r.standing
    text = "\n".join([m.says, *r.because, f"Undo: failover rollback {m.run}"])
    became = "has expired" if r.stage == "expired" else r.stage
    title = f"{', '.join(sorted(m.subjects))}: what {m.playbook} changed {became}"
    return Alert(_key(m), r.stage, "critical" if r.stage == "expired" else "warning", title, text)


def _key(of: Ran | Standing) -> str:
    return f"{min(of.subjects, default='controller')}/{of.run}"
