"""Summaries of runs as rows: written with each event, read by index, made anew from the journal when one is brought up.

A plan is not understood here, only asked for what its run is found by: one that another version wrote is found as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, delete, insert, not_, select, union, update

from failover.adapters.state_schema import events, runs, summaries
from failover.adapters.state_text import text, time
from failover.core.memory import LEAST_RUNS, RUNS_AT_ONCE, RUNS_KEPT, outlived
from failover.core.run import Did, Event, RunState
from failover.core.summary import Folded, Outline, Progress, Summary

BATCH = 500
"""Runs whose events are in memory at a time while all are folded anew."""


def outline_of(plan: str) -> Outline:
    """Of a plan as `journal_json` writes it."""
    found = json.loads(plan)
    steps = found["steps"]
    hosts, domains = (tuple(sorted({s[k] for s in steps if s.get(k)})) for k in ("host", "domain"))
    owable = {s["id"]: bool(s.get("undoable")) for s in steps}
    return Outline(found["playbook"], hosts, domains, found.get("params", {}), found.get("incident"), owable)


def event_of(seq: int, values: Mapping[Any, Any]) -> Event:
    """From the recorded form, also when just appended: what was folded live is what a resume will fold."""
    return Event(seq, time(values["at"]), Did(values["kind"]), values["step"], json.loads(values["data"]))


# Writing ----------------------------------------------------------------------


def begin(conn: Connection, run: str, folded: Folded) -> None:
    conn.execute(insert(summaries).values(row_of(run, folded)))


def go_on(conn: Connection, run: str, event: Event, known: Folded | None) -> Folded:
    """Fold one event more, just recorded, and write down what it comes to. `known`: as it was left before, perhaps."""
    folded = known.after(event) if known and known.seq == event.seq - 1 else _fold(conn, run)
    conn.execute(update(summaries).where(summaries.c.run == run).values(_changing(folded.progress)))
    return folded


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


def _fold(conn: Connection, run: str) -> Folded:
    record = conn.execute(_PLANS.where(runs.c.id == run)).mappings().one()
    rows = conn.execute(select(events).where(events.c.run == run).order_by(events.c.seq)).mappings().all()
    return _folded(record, rows)


def _folded(record: RowMapping, rows: Iterable[RowMapping]) -> Folded:
    return Folded.of(outline_of(record["plan"]), time(record["opened"]), (event_of(e["seq"], e) for e in rows))


def _anew(record: RowMapping, rows: Iterable[RowMapping]) -> dict[str, Any]:
    try:
        return row_of(record["id"], _folded(record, rows))
    except (
        KeyError,
        TypeError,
        ValueError,
    ) as e:  # a person's: it counts as open, and as owing, until somebody can tell
        opened = time(record["opened"])
        because = f"its journal cannot be understood ({type(e).__name__}: {e})"
        unknown = Progress(RunState.PAUSED, because, open=True, owes=True, acted=True, touched=opened)
        return _values(record["id"], opened, Outline("unknown"), unknown)


def row_of(run: str, folded: Folded) -> dict[str, Any]:
    return _values(run, folded.opened, folded.outline, folded.progress)


def _values(run: str, opened: datetime, outline: Outline, progress: Progress) -> dict[str, Any]:
    fixed = {"run": run, "opened": text(opened), "outline": json.dumps(asdict(outline), separators=(",", ":"))}
    return fixed | _changing(progress)


def _changing(progress: Progress) -> dict[str, Any]:
    return asdict(progress) | {"state": progress.state.value, "touched": text(progress.touched)}


# Reading ------------------------------------------------------------------------

SUMMARIES = select(summaries, runs.c.by, runs.c.reason).join_from(summaries, runs)
NEWEST = (summaries.c.opened.desc(), summaries.c.run.desc())


def current(since: datetime | None) -> Select[Any]:
    """Each of three is found by an index of its own, so what all this reads is what it returns."""
    of = select(summaries.c.run)
    wanted = [of.where(summaries.c.open), of.where(summaries.c.owes)]
    if since is not None:
        wanted.append(of.where(summaries.c.touched >= text(since)))
    return SUMMARIES.where(summaries.c.run.in_(union(*wanted))).order_by(*NEWEST)


def summary(row: Sequence[Any]) -> Summary:
    return _summary(*row)


@lru_cache(maxsize=1024)
def _summary(
    run: str, opened: str, outline: str, state: str, because: str, open_: bool, owes: bool, acted: bool, touched: str,
    by: str, reason: str,
) -> Summary:  # fmt: skip
    """One that is over reads the same from cycle to cycle."""
    progress = Progress(RunState(state), because, open_, owes, acted, time(touched))
    return Summary(run, time(opened), by, reason, _outline(outline), progress)


@lru_cache
def _outline(text: str) -> Outline:
    """What is cured again and again has the same one each time."""
    told = json.loads(text)
    return Outline(**told | {"hosts": tuple(told["hosts"]), "domains": tuple(told["domains"])})


# Forgetting ---------------------------------------------------------------------


def old_runs(conn: Connection, now: datetime, kept: timedelta) -> tuple[str, ...]:
    """Some that may be forgotten now, the longest untouched first."""
    over = (not_(summaries.c.open), not_(summaries.c.owes), summaries.c.touched < text(now - max(RUNS_KEPT, kept)))
    old = SUMMARIES.where(*over).order_by(summaries.c.touched).limit(RUNS_AT_ONCE)
    found = [summary(row) for row in conn.execute(old)]
    return outlived(found, _nth_newest(conn), now, kept) if found else ()


def _nth_newest(conn: Connection) -> datetime | None:
    newest = select(summaries.c.opened).order_by(*NEWEST).offset(LEAST_RUNS - 1).limit(1)
    found = conn.execute(newest).scalar_one_or_none()
    return time(found) if found else None


def forget(conn: Connection, gone: tuple[str, ...]) -> None:
    for column in (summaries.c.run, events.c.run, runs.c.id):
        conn.execute(delete(column.table).where(column.in_(gone)))
