"""What a cycle tells: the alerts of what it saw and did, said to people as often as `core.alerting.alert` wants it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from failover.actions import ACTIONS
from failover.controller import outbox
from failover.controller.leader import BY
from failover.controller.result import CycleResult
from failover.core.ahead import AHEAD
from failover.core.alerting import incident_alerts, run_alerts
from failover.core.alerting.alert import Alert, announce
from failover.core.decide.candidates import Situation
from failover.core.decide.past import Cycle
from failover.core.runs.journal import RunState, RunView
from failover.core.runs.plan import Plan
from failover.core.runs.retention import looked_back
from failover.core.runs.summary import Summary
from failover.ports import RunRecord
from failover.runs import history
from failover.runs.in_force import lost
from failover.runs.service import Runs, whoami

TOLD_FOR = timedelta(minutes=10)
"""So long after its end the controller's own run is still news, should the cycle that ran it not have told it; and
what steps of any run told is not over yet, should no cycle have come by meanwhile."""


def tell(c: Runs, turn: CycleResult, seen: CycleResult) -> None:
    """`seen`: what was seen last, by this turn itself or while it acted."""
    write_down(c, turn, seen)
    turn.flushed = send(c)
    c.store.thin(c.now, kept=looked_back(seen.situation.playbooks))


def send(c: Runs) -> outbox.Flushed:
    return outbox.flush(c.store, c.ports.notifier, c.ports.fleet, c.ports.clock)


def write_down(c: Runs, turn: CycleResult, seen: CycleResult) -> None:
    """What is to be said, and where things stand, so that neither is lost with this process.

    By now everything is decided: of the past, only what is open, what stands and what was asked is told.
    """
    situation = replace(seen.situation, past=c.past(), now=c.now)
    policy = c.ports.fleet.policy
    alerts = (
        *turn.alerts,
        *_of_runs(c),
        *incident_alerts.alerts(situation, seen.verdict, seen.back),
        *incident_alerts.of_peaks(situation, seen.peaks),
    )
    announcement = announce(
        alerts,
        c.store.told(),
        now=c.now,
        clear_s=policy.clear_s,
        gap_s=policy.gap_s,
        unsure=incident_alerts.unsure(situation),
    )
    outbox.tell(c.store, c.ports.fleet, announcement, c.now)
    c.store.ended(_summary(turn, situation))


def _of_runs(c: Runs) -> Iterator[Alert]:
    recent = c.store.current(c.now - TOLD_FOR)
    runs = history.read(c.store, recent)
    yield from _news(c, {s.run: s for s in recent}, runs)
    yield from _notices(c, runs)
    yield from _lost(c, runs)


def _lost(c: Runs, runs: Iterable[history.Run]) -> Iterator[Alert]:
    for record, view in runs:
        found = [e for m in history.mitigations(record, view) if (e := lost(m.step, c.ports))]
        if found:
            yield run_alerts.of_lost(record.id, record.plan, "\n".join(f"{e}\n{e.try_}" for e in found))


def _news(c: Runs, recent: Mapping[str, Summary], runs: Iterable[history.Run]) -> Iterator[Alert]:
    """What the controller's own runs came to, by the journal: told also when the cycle that ran them was killed."""
    for record, view in runs:
        if record.by.startswith(BY) and view.state is not RunState.RUNNING and _lately(c, record, view):
            stands = history.standing(record, view, c.ports.fleet, history.latest(c.store, record, view, c.now))
            ran = history.ran(recent[record.id], c.ports.fleet)
            yield run_alerts.of_run(ran, record.plan, view, stands.until if stands else None)


def _notices(c: Runs, runs: Iterable[history.Run]) -> Iterator[Alert]:
    for record, view in runs:
        if view.open or _lately(c, record, view):
            yield from run_alerts.of_notices(record.id, _telling(record.plan), view)


def _telling(plan: Plan) -> Iterator[str]:
    return (s.id for s in plan.steps if (action := ACTIONS.get(s.action)) and action.flags.tells)


def _lately(c: Runs, record: RunRecord, view: RunView) -> bool:
    """What ended ahead of now ended at a time that nobody knows, and would be news until then."""
    return c.now - TOLD_FOR < _ended(record, view) <= c.now + AHEAD


def _ended(record: RunRecord, view: RunView) -> datetime:
    return max((s.ended for s in view.steps.values() if s.ended), default=record.opened)


def _summary(turn: CycleResult, situation: Situation) -> Cycle:
    v = turn.verdict
    return Cycle(
        at=situation.now,
        by=whoami(),
        kind=v.kind.value,
        because=v.because,
        playbook=v.playbook,
        host=v.host,
        blocked=turn.blocked,
        seen={name: f"{d.state.value}: {d.summary}" for name, d in situation.diagnoses().items()},
    )
