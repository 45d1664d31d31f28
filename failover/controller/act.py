"""What a cycle does about what it saw: starts a run, asks a person, takes back what may go back."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

from failover.controller.leader import Leader, by
from failover.controller.result import CycleResult
from failover.core.alerting import incident_alerts, run_alerts
from failover.core.alerting.alert import Alert
from failover.core.decide.failback import Return
from failover.core.decide.verdict import Decision
from failover.core.ids import new_key
from failover.core.observe.condition import at_once, judge, predicates
from failover.core.runs.journal import Did, Phase, RunState, RunView
from failover.core.runs.plan import Plan
from failover.core.runs.playbook import Playbook
from failover.errors import FailoverError, Refused
from failover.fence import fence
from failover.ports import Proposal, RunRecord
from failover.runs.service import Runs

OLD_S = 15.0
"""A decision older than this (planning took long, the machine slept) is made again on a new look before it acts."""


def act(c: Runs, playbooks: tuple[Playbook, ...], turn: CycleResult, lead: Leader) -> None:
    """What was decided, domain by domain: one that cannot be helped, or needs no help, keeps none from the others."""
    verdict = turn.verdict
    book = next(p for p in playbooks if p.name == verdict.playbook)
    did = []
    for part in verdict.parts:
        turn.verdict = part
        if _act(c, book, turn, lead):
            did.append(part)
    if not did:  # then it is no cure, and nobody may take the host for cared for
        verdict = replace(verdict, kind=Decision.HOLD, because=(*verdict.because, "but it would change nothing"))
    turn.verdict = did[0] if did else verdict


def _act(c: Runs, book: Playbook, turn: CycleResult, lead: Leader) -> bool:
    """False where it would change nothing."""
    verdict, decided = turn.verdict, turn.situation.now
    try:
        with fence(f"a run of {book.name}"):
            plan = _plan(c, book, turn)
            if not plan.changes:
                return False
            lead.renew()
            if (c.now - decided).total_seconds() <= OLD_S or _still(c, turn):
                turn.runs.append(c.run(plan, reason="; ".join(verdict.because), by=by()))
    except FailoverError as e:
        if not _at_work(c, turn):
            turn.alerts.append(_could_not(turn, e))
    return True


def _plan(c: Runs, book: Playbook, turn: CycleResult) -> Plan:
    """It knows what it was made for, so that people hear of its run under that incident."""
    plan = c.plan(book, dict(turn.verdict.params or {}))
    return replace(plan, incident=incident_alerts.incident(turn.situation, turn.verdict))


def _at_work(c: Runs, turn: CycleResult) -> bool:
    """Has somebody begun there since we looked? Then nothing is the matter: they were quicker."""
    mine = frozenset((turn.verdict.params or {}).values())
    return any(r.busy and r.subjects & mine for r in c.past().ran)


def _still(c: Runs, turn: CycleResult) -> bool:
    """Does a look made just now still show what the decision was made on?"""
    fired = next(x.candidate.bound.trigger for x in turn.verdict.considered if x.fires and x.barrier is None)
    assert fired is not None
    tests = predicates(fired)
    fresh = c.ports.look({t.host for t in tests}, frozenset(t.signal for t in tests))
    return judge(at_once(fired), fresh, now=c.now).holds is True


def ask(c: Runs, playbooks: tuple[Playbook, ...], turn: CycleResult) -> None:
    """Put the plan before a person, unless it lies there already."""
    verdict = turn.verdict
    if any(p.playbook == verdict.playbook and dict(p.params) == verdict.params for p in turn.situation.past.proposed):
        return
    book = next(p for p in playbooks if p.name == verdict.playbook)
    try:
        with fence(f"a plan of {book.name}"):
            plan = _plan(c, book, turn)
    except FailoverError as e:
        turn.alerts.append(_could_not(turn, e))
        return
    until = c.now + timedelta(seconds=c.ports.fleet.policy.ask_s)
    key = new_key(verdict.host or book.name, random.SystemRandom())
    c.store.propose(Proposal(key, plan, verdict.host, c.now, until))
    turn.situation = replace(turn.situation, past=c.past(playbooks))


def _could_not(turn: CycleResult, e: FailoverError) -> Alert:
    v = turn.verdict
    text = "\n".join((*v.because, f"{v.playbook} could not be started: {e}", e.try_))
    title = f"{v.host or v.playbook}: {v.playbook} is needed and could not be started"
    return Alert(incident_alerts.incident(turn.situation, v), "could not", "critical", title, text)


def go_back(c: Runs, turn: CycleResult, lead: Leader) -> None:
    """One return a cycle, and never beside a cure: each is looked at before the next."""
    due = next((r for r in turn.back if r.kind is Decision.RUN), None)
    if due is None or turn.verdict.kind is Decision.RUN:
        return
    lead.renew()
    try:
        with fence(f"run {due.standing.run}"):
            record = c.find(due.standing.run)
            turn.runs.append((record, _put_off(c, record, c.rollback(record, by=by()))))
    except Refused:  # held by somebody who is at work there, or paused since: it stays, and comes up again
        return
    except FailoverError as e:
        turn.alerts.append(_stuck(due, e))


def _put_off(c: Runs, record: RunRecord, view: RunView) -> RunView:
    """A return that a guard stopped at its first step has changed nothing: what stands goes on standing, and the next
    cycle asks again. A person's rollback pauses there instead; theirs is the next word."""
    owed = [s for s in view.steps.values() if s.owed]
    undone = any(s.phase is Phase.UNDONE for s in view.steps.values())
    if view.state is not RunState.PAUSED or undone or not owed or any(s.phase not in _WAITING for s in owed):
        return view
    because = f"its return waits: {view.because}"
    c.store.note(record.id, Did.CLOSED, None, {"state": RunState.SUCCEEDED.value, "because": because}, at=c.now)
    return c.view(record)


_WAITING = {Phase.UNDO_BLOCKED, Phase.VERIFIED, Phase.ACTED}


def _stuck(due: Return, e: FailoverError) -> Alert:
    title = f"{due.standing.playbook} could not be taken back: {e}"
    return Alert(run_alerts.key(due.standing), f"{due.standing.run} could not", "critical", title, e.try_)
