"""The alerts of our own runs: their end, what they left in force, what may go back. Pure.

A run of the controller for an incident has the incident's key, and the incident is not over while the run waits for a
person or its change is in force. Good news (it worked, it may go back, it went back) wakes nobody again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from failover.core.alerting.alert import NEVER, Alert, Shows
from failover.core.decide.failback import Return
from failover.core.decide.past import InForce, Past, Ran
from failover.core.runs.journal import RunState, RunView
from failover.core.runs.plan import Plan


def of_run(ran: Ran, plan: Plan, view: RunView, until: datetime | None) -> Alert:
    """The end of a run of the controller: done, not done, what remains, until when, and the way back."""
    done = [f"{s.id}: {_outcome(s.id, view)} ({s.says})" for s in plan.steps]
    said = [f"{plan.playbook}: {ran.state.value}" + (f", {ran.because}" if ran.because else ""), *done]
    if plan.not_fixed:
        said.append(f"Not fixed by this: {'; '.join(plan.not_fixed)}.")
    if until is not None:
        said.append(f"In force until {until:%Y-%m-%d %H:%M} UTC.")
    said.append(f"Undo: failover rollback {ran.run}   More: failover runs show {ran.run}")
    idle = ran.state is RunState.ABORTED and not ran.acted  # it is tried again; the next cycle pages if that is no use
    worked = idle or ran.state in {RunState.SUCCEEDED, RunState.ROLLED_BACK}
    title = f"{', '.join(sorted(ran.subjects))}: {plan.playbook} {ran.state.value}"
    return Alert(
        key(ran),
        f"{ran.run} {ran.state.value}",
        "warning" if worked else "critical",
        title,
        "\n".join(said),
        shows=Shows.PAST,
        quiet=worked,
    )


def _outcome(step: str, view: RunView) -> str:
    s = view.steps[step]
    return s.phase.value + (f", {s.error}" if s.error else "")


def of_fault(run: str, plan: Plan, said: str) -> Alert:
    """A bug of ours in a run, in the words of `failover.fence`."""
    title = f"{', '.join(sorted(plan.subjects))}: run {run} cannot be gone on with, for a fault of failover's own"
    more = f"Every other host is looked after as ever. More: failover runs show {run}"
    return Alert(_about(run, plan), f"{run} fault", "critical", title, f"{said}\n{more}", shows=Shows.OURS)


def _about(run: str, plan: Plan) -> str:
    return plan.incident or f"{min(plan.subjects, default='controller')}/{run}"


def of_lost(run: str, plan: Plan, said: str) -> Alert:
    """Its change is in force where hosts.yaml no longer leads: nobody looks there, and nobody undoes it."""
    title = f"{', '.join(sorted(plan.subjects))}: what run {run} changed is where hosts.yaml no longer leads"
    return Alert(_about(run, plan), f"{run} elsewhere", "critical", title, said, shows=Shows.OURS)


def of_runs(past: Past) -> tuple[Alert, ...]:
    """Runs that wait for a person, and those in force, which are told to nobody for now."""
    waiting = [r for r in past.ran if r.open and not r.busy]
    known = {r.run for r in waiting}
    return (*map(_waiting, waiting), *(_stands(m) for m in past.standing if m.run not in known))


def _waiting(r: Ran) -> Alert:
    said = (
        f"{r.because or 'it ended half-way'}\nfailover runs show {r.run}, then resume, roll back, resolve or accept it."
    )
    title = f"{', '.join(sorted(r.subjects))}: run {r.run} is {r.state.value} and waits for a person"
    return Alert(key(r), f"{r.run} {r.state.value}", "critical", title, said, shows=Shows.OURS)


def _stands(m: InForce) -> Alert:
    return Alert(key(m), f"{m.run} stands", "info", f"{m.says} (run {m.run})", m.says, NEVER, Shows.OURS)


def of_returns(back: Iterable[Return]) -> tuple[Alert, ...]:
    return tuple(_of_return(r) for r in back if r.stage)


def _of_return(r: Return) -> Alert:
    m = r.standing
    text = "\n".join([m.says, *r.because, f"Undo: failover rollback {m.run}"])
    became = "has expired" if r.stage == "expired" else r.stage
    title = f"{', '.join(sorted(m.subjects))}: what {m.playbook} changed {became}"
    expired = r.stage == "expired"
    severity = "critical" if expired else "warning"
    return Alert(key(m), f"{m.run} {r.stage}", severity, title, text, shows=Shows.OURS, quiet=not expired)


def of_notices(run: str, telling: Iterable[str], view: RunView) -> tuple[Alert, ...]:
    """The messages of these `notify` steps: a service that keeps them open has to be told of the end."""
    told = [s for s in telling if view.steps[s].result]
    return tuple(Alert(f"{run}.{s}", "told", "info", notice(run), "", NEVER, shows=Shows.OURS, said=True) for s in told)


def notice(run: str) -> str:
    """The title of a `notify` step's message."""
    return f"failover run {run}"


def key(of: Ran | InForce) -> str:
    """The key for a run: that of its incident, or its own."""
    return of.incident or f"{min(of.subjects, default='controller')}/{of.run}"
