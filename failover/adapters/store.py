"""The state store: runs, their append-only events, leases and pauses, in SQL. The rest is in `store_memory`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    RowMapping,
    bindparam,
    delete,
    false,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from failover.adapters.holder import Holder, is_dead, ourselves
from failover.adapters.journal_json import dumps, loads
from failover.adapters.state_db import open_engine, reading, writing
from failover.adapters.state_rows import LONG_AGO, NO_END, each, one, tell
from failover.adapters.state_schema import SCHEMA, epochs, events, leases, meta, pauses, runs, summaries
from failover.adapters.state_summary import NEWEST, SUMMARIES, begin, current, event_of, go_on, summary
from failover.adapters.state_text import clean, number, text, time, words
from failover.adapters.store_memory import SqlMemory
from failover.core.plain import plain
from failover.core.runs.journal import Did, Event
from failover.core.runs.summary import Folded, Summary, outline
from failover.errors import Refused
from failover.fence import UNREADABLE
from failover.ports import Lease, Pause, RunRecord

_EVERY_HOST = ""


@dataclass(frozen=True, slots=True)
class SqlStore(SqlMemory):
    """Implements `ports.Store`. Durability and locking: `state_db`; dead processes: `holder`.

    Every method raises Unreachable (nothing was recorded), OutcomeUnknown
    (the server was lost at the commit) or ConfigError (the file is not right).
    """

    _folded: dict[str, Folded] = field(default_factory=dict, repr=False, compare=False)
    """The folded state of the run written to last, so that it is not folded anew for each event."""

    @classmethod
    def open_url(cls, url: str) -> SqlStore:
        """`sqlite:///file` or `postgresql+psycopg://user@host/database`. Raises ConfigError, Unreachable."""
        return cls(open_engine(url))

    def close(self) -> None:
        self.engine.dispose()

    # Leases

    def lease(self, run: str, scopes: Iterable[str], *, seconds: float, now: datetime) -> Lease:
        # A run that touches nothing has one session at a time too.
        names = tuple(sorted(set(scopes))) or (run,)
        us = ourselves()
        until = now + timedelta(seconds=seconds)
        with writing(self.engine) as conn:
            _check_schema(conn)
            involved = or_(leases.c.scope.in_(names), leases.c.run == run)
            for row in conn.execute(select(leases).where(involved)).mappings():
                with one(f"the lease of {row['scope']}"):
                    if not _is_free(row, run, us, now):
                        raise _held(row, now)
            epoch = _next_epoch(conn, now)
            conn.execute(delete(leases).where(involved))
            common = {"run": run, "epoch": epoch, "holder": json.dumps(asdict(us)), "until": text(until)}
            common |= {"schema": SCHEMA}
            conn.execute(insert(leases), [{"scope": name, **common} for name in names])
        return Lease(names, run, epoch, until, str(us))

    def renew(self, lease: Lease, *, seconds: float, now: datetime) -> Lease:
        """The same epoch for longer. Raises Refused after a take-over."""
        until = now + timedelta(seconds=seconds)
        with writing(self.engine) as conn:
            renewed = conn.execute(update(leases).where(_of(lease)).values(until=text(until)))
            if renewed.rowcount != len(lease.scopes):
                raise _taken_over(conn, lease)
        return replace(lease, until=until)

    def release(self, lease: Lease) -> None:
        with writing(self.engine) as conn:
            conn.execute(delete(leases).where(_of(lease)))

    def holders(self, now: datetime) -> tuple[Lease, ...]:
        """The leases in force: not ended, and their holder not known to be dead."""
        us = ourselves()
        found: dict[tuple[str, int], Lease] = {}
        with reading(self.engine) as conn:
            rows = conn.execute(select(leases).order_by(leases.c.epoch, leases.c.scope)).mappings().all()
        for lease in each("leases", rows, lambda row: _in_force(row, us, now)):
            if lease is not None:
                before = found.get((lease.run, lease.epoch))
                scopes = (*before.scopes, *lease.scopes) if before else lease.scopes
                found[lease.run, lease.epoch] = replace(lease, scopes=scopes)
        return tuple(found.values())

    def epoch(self) -> int:
        with reading(self.engine) as conn, one("the last epoch"):
            return number(conn.execute(select(epochs.c.last)).scalar_one())

    # Runs

    def open(self, record: RunRecord) -> RunRecord:
        with writing(self.engine) as conn:
            if record.key is not None:
                first = conn.execute(select(runs).where(runs.c.key == record.key)).mappings().one_or_none()
                if first is not None:
                    return _record(first)
            try:
                conn.execute(insert(runs).values(_row(record)))
                begin(conn, record.id, Folded.of(outline(record.plan), record.opened))
            except IntegrityError as e:
                raise Refused(f"there is a run {record.id} already", try_="start it again") from e
        return record

    def run(self, run: str) -> RunRecord | None:
        with reading(self.engine) as conn:
            row = conn.execute(select(runs).where(runs.c.id == run)).mappings().one_or_none()
        return _record(row) if row is not None else None

    def runs(self, limit: int = 50) -> tuple[RunRecord, ...]:
        newest = select(runs).order_by(runs.c.opened.desc(), runs.c.id.desc()).limit(limit)
        with reading(self.engine) as conn:
            return tuple(each("runs", conn.execute(newest).mappings(), _record))

    def by_key(self, key: str) -> RunRecord | None:
        with reading(self.engine) as conn:
            row = conn.execute(select(runs).where(runs.c.key == key)).mappings().one_or_none()
        return _record(row) if row is not None else None

    def named(self, beginning: str, limit: int = 10) -> tuple[str, ...]:
        id_ = summaries.c.run
        after, before = id_ >= clean(beginning), id_ < clean(beginning) + chr(0x10FFFF)
        with reading(self.engine) as conn:
            return tuple(conn.execute(select(id_).where(after, before).order_by(id_).limit(limit)).scalars())

    def current(self, since: datetime | None = None, alike: int | None = None) -> tuple[Summary, ...]:
        with reading(self.engine) as conn:
            return tuple(each("runs", conn.execute(current(since, alike)), summary))

    def listed(self, limit: int = 50, before: str | None = None) -> tuple[Summary, ...]:
        place = (summaries.c.opened, summaries.c.run)
        wanted = SUMMARIES.order_by(*NEWEST).limit(limit)
        with reading(self.engine) as conn:
            if before is not None:
                that = conn.execute(select(*place).where(summaries.c.run == before)).one_or_none()
                wanted = wanted.where(tuple_(*place) < tuple_(*that)) if that else wanted.where(false())
            return tuple(each("runs", conn.execute(wanted), summary))

    # Events

    def append(self, lease: Lease, kind: Did, step: str | None, data: Mapping[str, Any], *, at: datetime) -> Event:
        values = {**_event_values(lease.run, kind, step, data, at), "epoch": lease.epoch, "scopes": len(lease.scopes)}
        with writing(self.engine) as conn:
            seq = _insert(conn, _APPEND, values)
            if seq is None:
                raise _taken_over(conn, lease)
            event = _event(seq, values)
            folded = go_on(conn, lease.run, event, self._folded.get(lease.run))
        self._keep(lease.run, folded)
        return event

    def note(self, run: str, kind: Did, step: str | None, data: Mapping[str, Any], *, at: datetime) -> Event:
        values = _event_values(run, kind, step, data, at)
        with writing(self.engine) as conn:
            seq = _insert(conn, _NOTE, values)
            assert seq is not None
            event = _event(seq, values)
            folded = go_on(conn, run, event, self._folded.get(run))
        self._keep(run, folded)
        return event

    def _keep(self, run: str, folded: Folded | None) -> None:
        """Called after the commit."""
        self._folded.clear()
        if folded is not None:
            self._folded[run] = folded

    def events(self, run: str) -> tuple[Event, ...]:
        ordered = select(events).where(events.c.run == run).order_by(events.c.seq)
        with reading(self.engine) as conn, one(f"the journal of {run}"):
            return tuple(event_of(row["seq"], row) for row in conn.execute(ordered).mappings())

    # Pauses

    def pause(self, pause: Pause) -> None:
        """One per host and one for all; a later one replaces it."""
        host = _EVERY_HOST if pause.host is None else pause.host
        span = {"since": text(pause.since), "until": text(pause.until)}
        with writing(self.engine) as conn:
            conn.execute(delete(pauses).where(or_(pauses.c.host == host, pauses.c.until <= span["since"])))
            conn.execute(insert(pauses).values(host=host, by=clean(pause.by), reason=clean(pause.reason), **span))

    def unpause(self, host: str | None) -> int:
        """Lift the pause of one host, or with None every pause. Returns how many."""
        with writing(self.engine) as conn:
            which = delete(pauses) if host is None else delete(pauses).where(pauses.c.host == host)
            return conn.execute(which).rowcount

    def pauses(self, now: datetime) -> tuple[Pause, ...]:
        live = select(pauses).where(pauses.c.until > text(now)).order_by(pauses.c.host)
        with reading(self.engine) as conn:
            rows = conn.execute(live).mappings().all()
        return tuple(each("pauses", rows, _pause))


def _pause(row: RowMapping) -> Pause:
    """A pause that cannot be read holds without an end: a person can lift it."""
    try:
        host, by, reason = words(row["host"]) or None, words(row["by"]), words(row["reason"])
        return Pause(host, by, reason, time(row["since"]), time(row["until"]))
    except UNREADABLE as e:
        tell("pauses", e)
        host = row["host"] if isinstance(row["host"], str) else None
        why = "what the state holds of this pause cannot be read; lift it (`failover unpause`), and set it anew"
        return Pause(host or None, "unknown", why, LONG_AGO, NO_END)


# Leases ---------------------------------------------------------------------


def _of(lease: Lease) -> Any:
    return (leases.c.run == lease.run) & (leases.c.epoch == lease.epoch)


def _is_free(row: RowMapping, run: str, us: Holder, now: datetime) -> bool:
    mine = row["run"] == run and _holder(row) == us
    return mine or _is_over(row, us, now)


def _is_over(row: RowMapping, us: Holder, now: datetime) -> bool:
    return time(row["until"]) <= now or is_dead(_holder(row), seen_by=us)


def _in_force(row: RowMapping, us: Holder, now: datetime) -> Lease | None:
    """A lease that cannot be read is in force: its holder may live."""
    scope, run, epoch = words(row["scope"]), words(row["run"]), number(row["epoch"])
    try:
        if _is_over(row, us, now):
            return None
        return Lease((scope,), run, epoch, time(row["until"]), str(_holder(row)))
    except UNREADABLE as e:
        tell("leases", e)
        return Lease((scope,), run, epoch, NO_END, "a holder that cannot be read")


def _holder(row: RowMapping) -> Holder:
    """Raises TypeError, ValueError."""
    holder = Holder(**json.loads(row["holder"]))
    if any(type(getattr(holder, f.name)) is not (int if f.name in {"pid", "started"} else str) for f in fields(holder)):
        raise TypeError
    return holder


def _check_schema(conn: Connection) -> None:
    """A newer version may have upgraded the state while it was open. Checked with each lease, so before each act."""
    found = conn.execute(select(meta.c.value).where(meta.c.name == "schema")).scalar_one()
    if found != str(SCHEMA):
        raise Refused(
            f"a newer failover has upgraded this state to schema {found} meanwhile; this one knows schema {SCHEMA}",
            try_="start it again, as the version that is installed now",
        )


def _next_epoch(conn: Connection, now: datetime) -> int:
    last = conn.execute(select(epochs.c.last)).scalar_one()
    epoch = max(last + 1, int(now.timestamp()))
    conn.execute(update(epochs).values(last=epoch))
    return int(epoch)


def _held(row: RowMapping, now: datetime) -> Refused:
    until = time(row["until"])
    return Refused(
        f"{row['scope']} is held by run {row['run']} ({_holder(row)}) "
        f"until {until:%H:%M:%S} UTC, {(until - now).total_seconds():.0f} s from now",
        try_="`failover status` shows it; try again when that run has ended",
    )


def _taken_over(conn: Connection, lease: Lease) -> Refused:
    others = select(leases).where(leases.c.scope.in_(lease.scopes) & (leases.c.epoch != lease.epoch))
    row = conn.execute(others).mappings().first()
    by = f"taken over by run {row['run']} ({_holder(row)})" if row else "released, or taken over and released since"
    return Refused(
        f"the lease of run {lease.run} (epoch {lease.epoch}) was {by}; nothing was recorded",
        try_="`failover status` shows who acts now",
    )


# Events ---------------------------------------------------------------------


def _adding(*, only_when: Any = None) -> Any:
    """One statement numbers the event and adds it: no gap, and no second round trip."""
    last = select(func.coalesce(func.max(events.c.seq), 0)).where(events.c.run == bindparam("run")).scalar_subquery()
    columns = ("run", "seq", "at", "kind", "step", "data")
    row = select(*(last + 1 if c == "seq" else bindparam(c, type_=events.c[c].type) for c in columns))
    row = row if only_when is None else row.where(only_when)
    return insert(events).from_select(columns, row).returning(events.c.seq)


_OURS = (
    select(func.count())
    .select_from(leases)
    .where(leases.c.run == bindparam("run"), leases.c.epoch == bindparam("epoch"))
    .scalar_subquery()
)
_NOTE = _adding()
_APPEND = _adding(only_when=bindparam("scopes") == _OURS)


def _insert(conn: Connection, statement: Any, values: Mapping[str, Any]) -> int | None:
    try:
        return conn.execute(statement, values).scalar_one_or_none()
    except IntegrityError as e:
        raise Refused(f"there is no run {values['run']}", try_="`failover runs` lists them") from e


def _event(seq: int, values: Mapping[str, Any]) -> Event:
    """Raises ConfigError if the events before it have no numbers."""
    with one(f"the journal of {values['run']}"):
        return event_of(seq, values)


def _event_values(run: str, kind: Did, step: str | None, data: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    recorded = json.dumps(plain(data), separators=(",", ":"))
    return {"run": run, "at": text(at), "kind": kind.value, "step": step, "data": recorded}


# Rows -----------------------------------------------------------------------


def _row(record: RunRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "opened": text(record.opened),
        "by": clean(record.by),
        "reason": clean(record.reason),
        "plan": dumps(record.plan),
        "key": record.key,
    }


def _record(row: RowMapping) -> RunRecord:
    """Raises ConfigError."""
    with one(f"run {row['id']}"):
        id_, by, reason = words(row["id"]), words(row["by"]), words(row["reason"])
        return RunRecord(
            id_, time(row["opened"]), by, reason, loads(words(row["plan"])), row["key"] and words(row["key"])
        )
