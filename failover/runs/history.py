"""The journal as a decision takes it: from runs and their views to what was tried and what of it stands. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from failover.actions import ACTIONS
from failover.actions.base import Away, Mitigation
from failover.core.ahead import AHEAD, done_by, is_ahead
from failover.core.decide.guards import counted
from failover.core.decide.past import InForce, Past, Proposed, Ran
from failover.core.fleet import Fleet
from failover.core.runs.journal import RunView, fold
from failover.core.runs.plan import Certainty, Plan, Step, StepKind
from failover.core.runs.playbook import Playbook, Risk
from failover.core.runs.retention import RUNS_AT_ONCE, looked_back
from failover.core.runs.summary import Outline, Summary
from failover.errors import ConfigError
from failover.fence import UNREADABLE
from failover.ports import Proposal, RunRecord, Store

Run = tuple[RunRecord, RunView]


def past(store: Store, fleet: Fleet, playbooks: Iterable[Playbook], now: datetime) -> Past:
    """What bears on a decision about these playbooks: runs that are open or recent enough to count, and what stands."""
    books = tuple(playbooks)
    runs = _recent(store, books, now)
    busy = {lease.run: lease.holder for lease in store.holders(now)}
    return Past(
        ran=tuple(_dated(ran(s, fleet, busy.get(s.run, "")), store, now) for s in runs),
        standing=tuple(
            m for r, v in owing(store, runs) if (m := standing(r, v, fleet, latest(store, r, v, now))) is not None
        ),
        pauses=store.pauses(now),
        proposed=tuple(proposed(p) for p in store.proposals(now) if not is_ahead(p.at, now)),
    )


def _recent(store: Store, books: tuple[Playbook, ...], now: datetime) -> tuple[Summary, ...]:
    """Of those that are alike a few of the newest; but those dated ahead take no newer one's place."""
    since = now - looked_back(books)
    few = store.current(since, alike=counted(books))
    return store.current(since) if any(is_ahead(s.opened, now) for s in few) else few


def _dated(r: Ran, store: Store, now: datetime) -> Ran:
    if not is_ahead(r.opened, now):
        return r
    return replace(r, opened=done_by(_times(store, r.run, r.opened), now) or r.opened, dated=r.opened)


def _times(store: Store, run: str, opened: datetime) -> tuple[datetime, ...]:
    """Of all that is recorded of it, in order; of none where its journal cannot be read."""
    try:
        return (opened, *(e.at for e in store.events(run)))
    except (*UNREADABLE, ConfigError):
        return ()


def latest(store: Store, record: RunRecord, view: RunView, now: datetime) -> datetime | None:
    """By when a run's changes were made, where a clock that was ahead dated them: now, where nothing tells; else None.
    What they last counts from then."""
    started = (s.started or record.opened for s in view.steps.values() if s.owed)
    if not any(is_ahead(at, now) for at in started):
        return None
    return done_by(_times(store, record.id, record.opened), now) or now


def undated(store: Store, now: datetime) -> tuple[str, ...]:
    """Runs that are recorded ahead of now, and nothing since. The newest: a clock years behind finds all so."""
    ahead = (s for s in store.current(now + AHEAD) if is_ahead(s.progress.touched, now))
    found = (s.run for s in ahead if (t := _times(store, s.run, s.opened)) and done_by(t, now) is None)
    return tuple(islice(found, RUNS_AT_ONCE))


def read(store: Store, runs: Iterable[Summary]) -> tuple[Run, ...]:
    """Their plans, and their events folded: for a few. One that cannot be read is left out: its summary is there."""
    return tuple(r for s in runs if (r := _read(store, s.run)) is not None)


def _read(store: Store, run: str) -> Run | None:
    try:
        record = store.run(run)
        return None if record is None else (record, fold(record.plan, store.events(run)))
    except (*UNREADABLE, ConfigError):
        return None


def unreadable(store: Store) -> tuple[Summary, ...]:
    """Runs that are open or have a change in force, and whose plan or journal cannot be read."""
    left = (s for s in store.current() if s.progress.open or s.progress.owes)
    return tuple(s for s in left if _read(store, s.run) is None)


def owing(store: Store, runs: Iterable[Summary]) -> tuple[Run, ...]:
    """Newest first, by their epochs: a clock may have been wrong. An epoch is a Unix time, or above."""
    found = read(store, (s for s in runs if s.progress.owes))
    return tuple(sorted(found, key=lambda r: r[1].epoch or r[0].opened.timestamp(), reverse=True))


def ran(s: Summary, fleet: Fleet, busy: str = "") -> Ran:
    return Ran(
        run=s.run,
        playbook=s.outline.playbook,
        host=patient(s.outline, fleet),
        subjects=subjects(s.outline, fleet),
        opened=s.opened,
        state=s.progress.state,
        open=s.progress.open,
        because=s.progress.because,
        busy=busy,
        acted=s.progress.acted,
        incident=s.outline.incident,
    )


def standing(record: RunRecord, view: RunView, fleet: Fleet, by: datetime | None = None) -> InForce | None:
    """The changes of one run that are in force; undone as one, so they end with the first of them to end. `by`: their
    `latest` time."""
    found = mitigations(record, view, by)
    if not found:
        return None
    steps = [m.step for m in found]
    return InForce(
        run=record.id,
        playbook=record.plan.playbook,
        subjects=subjects(record.plan, fleet),
        says="; ".join(s.says for s in steps),
        since=min(m.since for m in found),
        until=min((m.until for m in found if m.until), default=None),
        risk=max((s.risk for s in steps), key=list(Risk).index),
        host=patient(record.plan, fleet),
        away_from=frozenset(h for s in steps for h in _left(s, fleet)),
        back_when=record.plan.failback_when,
        back_mode=record.plan.failback,
        guards=tuple(g for s in steps for g in s.guards),
        incident=record.plan.incident,
    )


def proposed(p: Proposal) -> Proposed:
    says = tuple(f"{s.id}: {s.says} (undo: {s.undo})" for s in p.plan.steps)
    return Proposed(p.key, p.plan.playbook, p.plan.params, p.at, p.until, says)


def mitigations(record: RunRecord, view: RunView, by: datetime | None = None) -> tuple[Mitigation, ...]:
    """`by`: the `latest` time that they can have been made."""
    found = []
    for step in record.plan.steps:
        state = view.steps[step.id]
        if step.kind is StepKind.STATE and step.undoable and state.owed and step.certainty is not Certainty.UNCHANGED:
            since = min(t for t in (state.started or record.opened, by) if t)
            until = since + timedelta(seconds=step.expires_s) if step.expires_s else None
            found.append(Mitigation(record.id, step, since, until))
    return tuple(found)


def amiss(store: Store, run: str, step: str) -> str:
    """What our records wrongly say of a change that a host has in force; empty where they are right, or unfinished."""
    found = _read(store, run)
    if found is None:
        known = any(s.run == run for s in store.current())
        return "our records of it cannot be read" if known else "our records know nothing of it"
    _, view = found
    right = view.open or (step in view.steps and view.steps[step].owed)
    return "" if right else "our records say that it is not"


def subjects(plan: Plan | Outline, fleet: Fleet) -> frozenset[str]:
    """The hosts and domains a plan works on or was made for."""
    named = (str(v) for v in plan.params.values())
    return frozenset((*plan.subjects, *(v for v in named if v in fleet.hosts or v in fleet.domains)))


def patient(plan: Plan | Outline, fleet: Fleet) -> str | None:
    """The host that a run was for: the parameter `sick`, or the first that is a host, or the only host it works on."""
    named = [str(plan.params["sick"])] if "sick" in plan.params else list(map(str, plan.params.values()))
    return next((v for v in named if v in fleet.hosts), plan.hosts[0] if len(plan.hosts) == 1 else None)


def _left(step: Step, fleet: Fleet) -> tuple[str, ...]:
    """The hosts that a step moved mail away from."""
    action = ACTIONS.get(step.action)
    return action.away_from(step, fleet) if isinstance(action, Away) else ()
