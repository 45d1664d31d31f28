"""The alerts of one cycle: what it saw and did. `core.alerting.alert` decides how often people are told."""

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
"""A run of the controller is news for this long after its end: the cycle that ran it may have died before it told. What
`notify` steps told also stays open for this long after their run."""


def tell(runs: Runs, result: CycleResult, seen: CycleResult) -> None:
    """`seen`: what was seen last, by the cycle itself or in the background while a run waited."""
    write_down(runs, result, seen)
    result.flushed = send(runs)
    runs.store.thin(runs.now, kept=looked_back(seen.situation.playbooks))


def send(runs: Runs) -> outbox.Flushed:
    return outbox.flush(runs.store, runs.ports.notifier, runs.ports.fleet, runs.ports.clock)


def write_down(runs: Runs, result: CycleResult, seen: CycleResult) -> None:
    """Store the messages and the state of this cycle, so that neither is lost if the process dies.

    The decision is made, so of the past only open runs, changes in force and proposals are needed.
    """
    situation = replace(seen.situation, past=runs.past(), now=runs.now)
    policy = runs.ports.fleet.policy
    alerts = (
        *result.alerts,
        *_of_runs(runs),
        *incident_alerts.alerts(situation, seen.verdict, seen.back),
        *incident_alerts.of_peaks(situation, seen.peaks),
    )
    announcement = announce(
        alerts,
        runs.store.told(),
        now=runs.now,
        clear_s=policy.clear_s,
        gap_s=policy.gap_s,
        unsure=incident_alerts.unsure(situation),
    )
    outbox.tell(runs.store, runs.ports.fleet, announcement, runs.now)
    runs.store.ended(_summary(result, situation))


def _of_runs(runs: Runs) -> Iterator[Alert]:
    recent = runs.store.current(runs.now - TOLD_FOR)
    known = history.read(runs.store, recent)
    yield from _news(runs, {s.run: s for s in recent}, known)
    yield from _notices(runs, known)
    yield from _lost(runs, known)


def _lost(runs: Runs, known: Iterable[history.Run]) -> Iterator[Alert]:
    for record, view in known:
        found = [e for m in history.mitigations(record, view) if (e := lost(m.step, runs.ports))]
        if found:
            yield run_alerts.of_lost(record.id, record.plan, "\n".join(f"{e}\n{e.try_}" for e in found))


def _news(runs: Runs, recent: Mapping[str, Summary], known: Iterable[history.Run]) -> Iterator[Alert]:
    """How the controller's own runs ended. The journal tells it, also when the cycle that ran them was killed."""
    for record, view in known:
        if record.by.startswith(BY) and view.state is not RunState.RUNNING and _lately(runs, record, view):
            stands = history.standing(
                record, view, runs.ports.fleet, history.latest(runs.store, record, view, runs.now)
            )
            ran = history.ran(recent[record.id], runs.ports.fleet)
            yield run_alerts.of_run(ran, record.plan, view, stands.until if stands else None)


def _notices(runs: Runs, known: Iterable[history.Run]) -> Iterator[Alert]:
    for record, view in known:
        if view.open or _lately(runs, record, view):
            yield from run_alerts.of_notices(record.id, _telling(record.plan), view)


def _telling(plan: Plan) -> Iterator[str]:
    return (s.id for s in plan.steps if (action := ACTIONS.get(s.action)) and action.flags.tells)


def _lately(runs: Runs, record: RunRecord, view: RunView) -> bool:
    """An end that lies ahead of now is not counted: nobody knows when it was, and it would be news until then."""
    return runs.now - TOLD_FOR < _ended(record, view) <= runs.now + AHEAD


def _ended(record: RunRecord, view: RunView) -> datetime:
    return max((s.ended for s in view.steps.values() if s.ended), default=record.opened)


def _summary(result: CycleResult, situation: Situation) -> Cycle:
    v = result.verdict
    return Cycle(
        at=situation.now,
        by=whoami(),
        kind=v.kind.value,
        because=v.because,
        playbook=v.playbook,
        host=v.host,
        blocked=result.blocked,
        seen={name: f"{d.state.value}: {d.summary}" for name, d in situation.diagnoses().items()},
    )
