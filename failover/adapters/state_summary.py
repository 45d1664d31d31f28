"""Summaries of runs as rows: written with each event, read by index, rebuilt from the journal at an upgrade.

Only a few fields of a plan are read here, so the run of another version is found as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, delete, func, insert, not_, select, union, update

from failover.adapters.state_rows import LONG_AGO, tell
from failover.adapters.state_schema import events, runs, summaries
from failover.adapters.state_text import number, text, time, words
from failover.core.clean import clean
from failover.core.runs.journal import Did, Event, RunState
from failover.core.runs.retention import LEAST_RUNS, RUNS_AT_ONCE, RUNS_KEPT, outlived
from failover.core.runs.summary import UNKNOWN, Folded, Outline, Progress, Summary
from failover.fence import UNREADABLE

BATCH = 500
"""Runs in memory at a time during a rebuild."""


def outline_of(plan: str) -> Outline:
    """The outline of a plan as `journal_json` writes it."""
    found = json.loads(plan)
    steps = found["steps"]
    hosts, domains = (tuple(sorted({s[k] for s in steps if s.get(k)})) for k in ("host", "domain"))
    owable = {s["id"]: bool(s.get("undoable")) for s in steps}
    return Outline(found["playbook"], hosts, domains, found.get("params", {}), found.get("incident"), owable)


def event_of(seq: int, values: Mapping[Any, Any]) -> Event:
    """From the recorded form, also when just appended: so a resume folds the same.

    Raises ValueError, TypeError."""
    step, data = values["step"], json.loads(values["data"])
    if not isinstance(data, dict):
        raise TypeError(f"{type(data).__name__} where an event's data belong")
    return Event(number(seq), time(values["at"]), Did(values["kind"]), step and words(step), data)


# Writing ----------------------------------------------------------------------


def begin(conn: Connection, run: str, folded: Folded) -> None:
    conn.execute(insert(summaries).values(row_of(run, folded)))


def go_on(conn: Connection, run: str, event: Event, known: Folded | None) -> Folded | None:
    """Fold one more event and write the summary. `known`: the state before it, if it is in memory.

    None if the events before it cannot be read; the event is recorded all the same. Raises what `fold` raises: an event
    that cannot be folded must not be recorded.
    """
    try:
        before = known if known and known.seq == event.seq - 1 else _fold(conn, run, event.seq)
    except UNREADABLE as e:
        folded, progress = None, _unknown(event.at, e)
    else:
        folded = before.after(event)
        progress = folded.progress
    conn.execute(_GO_ON, {"of": run} | _changing(progress))
    return folded


_GO_ON = update(summaries).where(summaries.c.run == bindparam("of"))
"""Made once: to make it took as long as to record an event."""


def rebuild(conn: Connection) -> None:
    """Every summary, from the journal alone."""
    conn.execute(summaries.delete())
    last = ""
    while found := conn.execute(_PLANS.where(runs.c.id > last).order_by(runs.c.id).limit(BATCH)).mappings().all():
        last = found[-1]["id"]
        ordered = select(events).where(events.c.run.in_([r["id"] for r in found])).order_by(events.c.run, events.c.seq)
        recorded = groupby(conn.execute(ordered).mappings(), key=lambda e: e["run"])
        of = {run: list(rows) for run, rows in recorded}
        conn.execute(insert(summaries), [_anew(r, of.get(r["id"], ())) for r in found])


_PLANS = select(runs.c.id, runs.c.opened, runs.c.plan)


def _fold(conn: Connection, run: str, before: int) -> Folded:
    record = conn.execute(_PLANS.where(runs.c.id == run)).mappings().one()
    earlier = select(events).where(events.c.run == run, events.c.seq < before).order_by(events.c.seq)
    rows = conn.execute(earlier).mappings().all()
    return _folded(record, rows)


def _folded(record: RowMapping, rows: Iterable[RowMapping]) -> Folded:
    return Folded.of(outline_of(record["plan"]), time(record["opened"]), (event_of(e["seq"], e) for e in rows))


def _anew(record: RowMapping, rows: Iterable[RowMapping]) -> dict[str, Any]:
    try:
        return row_of(record["id"], _folded(record, rows))
    except UNREADABLE as e:
        opened = _time_or(record["opened"], LONG_AGO)
        return _values(record["id"], opened, Outline(UNKNOWN), _unknown(opened, e))


def _unknown(touched: datetime, e: Exception) -> Progress:
    """It counts as open and as owing an undo, until a person decides."""
    because = f"its journal cannot be understood ({type(e).__name__}: {e})"
    return Progress(RunState.PAUSED, clean(because), open=True, owes=True, acted=True, touched=touched)


def _time_or(text: object, otherwise: datetime) -> datetime:
    try:
        return time(words(text))
    except UNREADABLE:
        return otherwise


def row_of(run: str, folded: Folded) -> dict[str, Any]:
    return _values(run, folded.opened, folded.outline, folded.progress)


def _values(run: str, opened: datetime, outline: Outline, progress: Progress) -> dict[str, Any]:
    fixed = {"run": run, "opened": text(opened), "outline": json.dumps(asdict(outline), separators=(",", ":"))}
    return fixed | _changing(progress)


def _changing(progress: Progress) -> dict[str, Any]:
    same = {name: getattr(progress, name) for name in ("because", "open", "owes", "acted")}
    return same | {"state": progress.state.value, "touched": text(progress.touched)}


# Reading ------------------------------------------------------------------------

SUMMARIES = select(summaries, runs.c.by, runs.c.reason).join_from(summaries, runs)
NEWEST = (summaries.c.opened.desc(), summaries.c.run.desc())


def current(since: datetime | None, alike: int | None) -> Select[Any]:
    """Three queries, each by its own index; of many runs that are alike only a few are read."""
    of = select(summaries.c.run)
    wanted = [of.where(summaries.c.open), of.where(summaries.c.owes)]
    if since is not None:
        recent = of.where(summaries.c.touched >= text(since))
        wanted.append(recent if alike is None else _newest_alike(recent, alike))
    return SUMMARIES.where(summaries.c.run.in_(union(*wanted))).order_by(*NEWEST)


def _newest_alike(recent: Select[Any], most: int) -> Select[Any]:
    """As `core.runs.retention.newest_alike` has it."""
    kind = (summaries.c.outline, summaries.c.acted)
    ranked = recent.add_columns(func.row_number().over(partition_by=kind, order_by=NEWEST).label("place")).subquery()
    return select(ranked.c.run).where(ranked.c.place <= most)


def summary(row: Sequence[Any]) -> Summary:
    try:
        return _summary(*row)
    except UNREADABLE as e:
        tell("runs", e)
        opened = _time_or(row[1], LONG_AGO)
        return Summary(words(row[0]), opened, "", "", _outline_or_unknown(row[2]), _unknown(opened, e))


@lru_cache(maxsize=1024)
def _summary(
    run: str, opened: str, outline: str, state: str, because: str, open_: bool, owes: bool, acted: bool, touched: str,
    by: str, reason: str,
) -> Summary:  # fmt: skip
    """Cached: a run that is over does not change."""
    progress = Progress(RunState(state), words(because), open_, owes, acted, time(touched))
    return Summary(words(run), time(opened), words(by), words(reason), _outline(outline), progress)


def _outline_or_unknown(text: str) -> Outline:
    try:
        return _outline(text)
    except UNREADABLE:
        return Outline(UNKNOWN)


@lru_cache
def _outline(text: str) -> Outline:
    """Cached: the same playbook has the same outline each time."""
    told = json.loads(text)
    hosts, domains = (tuple(map(words, told[k])) for k in ("hosts", "domains"))
    words(told["playbook"]), dict(told["params"]), words(told["incident"] or ""), dict(told["steps"])
    return Outline(**told | {"hosts": hosts, "domains": domains})


# Forgetting ---------------------------------------------------------------------


def old_runs(conn: Connection, now: datetime, kept: timedelta) -> tuple[str, ...]:
    """Some runs that may be forgotten now, the longest untouched first."""
    over = (not_(summaries.c.open), not_(summaries.c.owes), summaries.c.touched < text(now - max(RUNS_KEPT, kept)))
    old = SUMMARIES.where(*over).order_by(summaries.c.touched).limit(RUNS_AT_ONCE)
    found = [s for s in map(summary, conn.execute(old)) if s.outline.playbook != UNKNOWN]
    return outlived(found, _nth_newest(conn), now, kept) if found else ()


def _nth_newest(conn: Connection) -> datetime | None:
    newest = select(summaries.c.opened).order_by(*NEWEST).offset(LEAST_RUNS - 1).limit(1)
    found = conn.execute(newest).scalar_one_or_none()
    return _time_or(found, LONG_AGO) if found else None


def forget(conn: Connection, gone: tuple[str, ...]) -> None:
    for column in (summaries.c.run, events.c.run, runs.c.id):
        conn.execute(delete(column.table).where(column.in_(gone)))
