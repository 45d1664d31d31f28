"""What a cycle tells: the alerts of what it saw and did, said to people as often as `core.alert` wants it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from failover import history, telling
from failover.actions import ACTIONS
from failover.controller import Controller, whoami
from failover.core import aftermath, attention
from failover.core.ahead import AHEAD
from failover.core.alert import Alert, announce
from failover.core.candidates import Situation
from failover.core.memory import looked_back
from failover.core.past import Cycle
from failover.core.plan import Plan
from failover.core.run import RunState, View
from failover.core.summary import Summary
from failover.lead import BY
from failover.ports import RunRecord
from failover.standing import lost
from failover.turn import Turn

TOLD_FOR = timedelta(minutes=10)
"""So long after its end the controller's own run is still news, should the cycle that ran it not have told it; and
what steps of any run told is not over yet, should no cycle have come by meanwhile."""


def tell(c: Controller, turn: Turn, seen: Turn) -> None:
    """`seen`: what was seen last, by this turn itself or while it acted."""
    write_down(c, turn, seen)
    turn.flushed = send(c)
    c.store.thin(c.now, kept=looked_back(seen.situation.playbooks))


def send(c: Controller) -> telling.Flushed:
    return telling.flush(c.store, c.hands.notifier, c.hands.fleet, c.hands.clock)


def write_down(c: Controller, turn: Turn, seen: Turn) -> None:
    """What is to be said, and where things stand, so that neither is lost with this process.

    By now everything is decided: of the past, only what is open, what stands and what was asked is told.
    """
    situation = replace(seen.situation, past=c.past(), now=c.now)
    policy = c.hands.fleet.policy
    alerts = (
        *turn.alerts,
        *_of_runs(c),
        *attention.alerts(situation, seen.verdict, seen.back),
        *attention.of_peaks(situation, seen.peaks),
    )
    announcement = announce(
        alerts,
        c.store.told(),
        now=c.now,
        clear_s=policy.clear_s,
        gap_s=policy.gap_s,
        unsure=attention.unsure(situation),
    )
    telling.tell(c.store, c.hands.fleet, announcement, c.now)
    c.store.ended(_summary(turn, situation))


def _of_runs(c: Controller) -> Iterator[Alert]:
    recent = c.store.current(c.now - TOLD_FOR)
    runs = history.read(c.store, recent)
    yield from _news(c, {s.run: s for s in recent}, runs)
    yield from _notices(c, runs)
    yield from _lost(c, runs)


def _lost(c: Controller, runs: Iterable[history.Run]) -> Iterator[Alert]:
    for record, view in runs:
        found = [e for m in history.mitigations(record, view) if (e := lost(m.step, c.hands))]
        if found:
            yield aftermath.of_lost(record.id, record.plan, "\n".join(f"{e}\n{e.try_}" for e in found))


def _news(c: Controller, recent: Mapping[str, Summary], runs: Iterable[history.Run]) -> Iterator[Alert]:
    """What the controller's own runs came to, by the journal: told also when the cycle that ran them was killed."""
    for record, view in runs:
        if record.by.startswith(BY) and view.state is not RunState.RUNNING and _lately(c, record, view):
            stands = history.standing(record, view, c.hands.fleet, history.latest(c.store, record, view, c.now))
            ran = history.ran(recent[record.id], c.hands.fleet)
            yield aftermath.of_run(ran, record.plan, view, stands.until if stands else None)


def _notices(c: Controller, runs: Iterable[history.Run]) -> Iterator[Alert]:
    for record, view in runs:
        if view.open or _lately(c, record, view):
            yield from aftermath.of_notices(record.id, _telling(record.plan), view)


def _telling(plan: Plan) -> Iterator[str]:
    return (s.id for s in plan.steps if (action := ACTIONS.get(s.action)) and action.flags.tells)


def _lately(c: Controller, record: RunRecord, view: View) -> bool:
    """What ended ahead of now ended at a time that nobody knows, and would be news until then."""
    return c.now - TOLD_FOR < _ended(record, view) <= c.now + AHEAD


def _ended(record: RunRecord, view: View) -> datetime:
    return max((s.ended for s in view.steps.values() if s.ended), default=record.opened)


def _summary(turn: Turn, situation: Situation) -> Cycle:
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
