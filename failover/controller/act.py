"""What a cycle does about its decision: it starts a run, asks a person, or takes a change back."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

from failover.controller.leader import Leader, by
from failover.controller.observe import holds_now
from failover.controller.result import CycleResult
from failover.core.alerting import incident_alerts, run_alerts
from failover.core.alerting.alert import Alert
from failover.core.alerting.severity import urgency
from failover.core.decide.failback import Return
from failover.core.decide.verdict import Decision
from failover.core.ids import new_key
from failover.core.runs.journal import Did, Phase, RunState, RunView
from failover.core.runs.next import gave_way
from failover.core.runs.plan import Plan
from failover.core.runs.playbook import Playbook
from failover.errors import FailoverError, Refused
from failover.fence import fence
from failover.ports import Proposal, RunRecord
from failover.runs.service import Runs

OLD_S = 15.0
"""A decision may be older than this: planning took long, or the machine slept. Then we look again before we act."""
_UNTOUCHED = {Phase.UNDO_BLOCKED, Phase.VERIFIED, Phase.ACTED}


def act(runs: Runs, playbooks: tuple[Playbook, ...], result: CycleResult, leader: Leader) -> bool:
    """Run what was decided, one domain after another. One that fails, or needs nothing, does not stop the others. True
    if one gave way to another cure."""
    verdict = result.verdict
    book = next(p for p in playbooks if p.name == verdict.playbook)
    did, before = [], len(result.runs)
    for part in verdict.parts:
        result.verdict = part
        if _act(runs, book, result, leader):
            did.append(part)
    if not did:  # nothing helps, so the alert must not say that a run takes care of the host
        verdict = replace(verdict, kind=Decision.HOLD, because=(*verdict.because, "but it would change nothing"))
    result.verdict = did[0] if did else verdict
    return any(gave_way(view) for _, view in result.runs[before:])


def _act(runs: Runs, book: Playbook, result: CycleResult, leader: Leader) -> bool:
    """Plan and run it for one domain. False if the plan would change nothing."""
    verdict, decided = result.verdict, result.situation.now
    try:
        with fence(f"a run of {book.name}"):
            plan = _plan(runs, book, result)
            if not plan.changes:
                return False
            leader.renew()
            if (runs.now - decided).total_seconds() <= OLD_S or _still_holds(runs, result):
                result.runs.append(runs.run(plan, reason="; ".join(verdict.because), by=by()))
    except FailoverError as e:
        if not _somebody_began(runs, result):
            result.alerts.append(_could_not(result, e))
    return True


def _plan(runs: Runs, book: Playbook, result: CycleResult) -> Plan:
    """The plan names the incident, so that its run is told under that incident."""
    plan = runs.plan(book, dict(result.verdict.params or {}))
    return replace(plan, incident=incident_alerts.incident(result.situation, result.verdict))


def _somebody_began(runs: Runs, result: CycleResult) -> bool:
    """Has another run begun on these hosts since we looked? Then our failure to start is no news."""
    mine = frozenset((result.verdict.params or {}).values())
    return any(r.busy and r.subjects & mine for r in runs.past().ran)


def _still_holds(runs: Runs, result: CycleResult) -> bool:
    fired = next(x.candidate.bound.trigger for x in result.verdict.considered if x.fires and x.barrier is None)
    assert fired is not None
    return holds_now(runs, fired)


def ask(runs: Runs, playbooks: tuple[Playbook, ...], result: CycleResult) -> None:
    """Propose the plan to a person, unless it is proposed already."""
    verdict = result.verdict
    if any(p.playbook == verdict.playbook and dict(p.params) == verdict.params for p in result.situation.past.proposed):
        return
    book = next(p for p in playbooks if p.name == verdict.playbook)
    try:
        with fence(f"a plan of {book.name}"):
            plan = _plan(runs, book, result)
    except FailoverError as e:
        result.alerts.append(_could_not(result, e))
        return
    until = runs.now + timedelta(seconds=runs.ports.fleet.policy.ask_s)
    key = new_key(verdict.host or book.name, random.SystemRandom())
    runs.store.propose(Proposal(key, plan, verdict.host, runs.now, until))
    result.situation = replace(result.situation, past=runs.past(playbooks))


def _could_not(result: CycleResult, e: FailoverError) -> Alert:
    v = result.verdict
    text = "\n".join((*v.because, f"{v.playbook} could not be started: {e}", e.try_))
    title = f"{v.host or v.playbook}: {v.playbook} is needed and could not be started"
    how = urgency("could not")
    return Alert(incident_alerts.incident(result.situation, v), "could not", how.severity, title, text, how.patience_s)


def go_back(runs: Runs, result: CycleResult, leader: Leader) -> None:
    """Take one change back. Never two in one cycle, and none beside a new run: the effect of each is seen first."""
    due = next((r for r in result.back if r.kind is Decision.RUN), None)
    if due is None or result.verdict.kind is Decision.RUN or any(gave_way(view) for _, view in result.runs):
        return
    leader.renew()
    try:
        with fence(f"run {due.standing.run}"):
            record = runs.find(due.standing.run)
            result.runs.append((record, _put_off(runs, record, runs.rollback(record, by=by()))))
    except Refused:  # somebody works there, or has paused it since: the next cycle asks again
        return
    except FailoverError as e:
        result.alerts.append(_stuck(due, e))


def _put_off(runs: Runs, record: RunRecord, view: RunView) -> RunView:
    """A guard stopped the return at its first step, so nothing was changed: the run is closed as it was before, and the
    next cycle asks again. A person's rollback stays paused instead, until that person decides."""
    owed = [s for s in view.steps.values() if s.owed]
    undone = any(s.phase is Phase.UNDONE for s in view.steps.values())
    if view.state is not RunState.PAUSED or undone or not owed or any(s.phase not in _UNTOUCHED for s in owed):
        return view
    because = f"its return waits: {view.because}"
    runs.store.note(record.id, Did.CLOSED, None, {"state": RunState.SUCCEEDED.value, "because": because}, at=runs.now)
    return runs.view(record)


def _stuck(due: Return, e: FailoverError) -> Alert:
    title = f"{due.standing.playbook} could not be taken back: {e}"
    return Alert(run_alerts.key(due.standing), f"{due.standing.run} could not", "critical", title, e.try_)
