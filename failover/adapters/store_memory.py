"""The controller's memory from one cycle to the next, in SQL: looks, incidents, messages to send, proposals."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, bindparam, delete, insert, select, update

from failover.adapters import look_json
from failover.adapters.journal_json import dumps, loads
from failover.adapters.state_db import reading, writing
from failover.adapters.state_rows import each, one
from failover.adapters.state_schema import cycles, incidents, looks, outbox, proposals
from failover.adapters.state_summary import forget, old_runs
from failover.adapters.state_text import clean, number, text, time, words
from failover.core.alerting.alert import Message, Told
from failover.core.alerting.flapping import Spell
from failover.core.decide.past import Cycle
from failover.core.observe.signal import Samples, Signal
from failover.core.runs.retention import OLDEST_PROPOSAL, forgotten
from failover.ports import Proposal, Unsent


@dataclass(frozen=True, slots=True)
class SqlMemory:
    """The second half of `ports.Store`. Writes are small and one transaction each, so nothing is half remembered."""

    engine: Engine

    # Looks

    def remember(self, look: Samples) -> None:
        """One row, with the time of its newest signal, so that `samples(since)` misses none."""
        if not look:
            return
        at = max(s.at for s in look)
        with writing(self.engine) as conn:
            conn.execute(insert(looks).values(at=text(at), signals=look_json.dumps(look, at)))

    def samples(self, since: datetime) -> Samples:
        wanted = select(looks.c.at, looks.c.signals).where(looks.c.at >= text(since)).order_by(looks.c.at, looks.c.id)
        with reading(self.engine) as conn:
            rows = conn.execute(wanted).all()
        seen = [s for look in each("looks", rows, _look) for s in look]
        return tuple(sorted(seen, key=attrgetter("at")))  # looks of two controllers may overlap

    def thin(self, now: datetime, *, kept: timedelta = timedelta()) -> int:
        """Also forgets proposals a week after their end, and some very old runs."""
        ended = proposals.c.until < text(now - OLDEST_PROPOSAL)
        with reading(self.engine) as conn:
            known = conn.execute(select(looks.c.at).distinct().order_by(looks.c.at)).scalars().all()
            old = conn.execute(select(proposals.c.key).where(ended)).first()
            runs = old_runs(conn, now, kept)
        going = forgotten(tuple(each("looks", known, time)), now)
        if not (going or runs or old):
            return 0
        with writing(self.engine) as conn:
            conn.execute(delete(proposals).where(ended))
            if runs:
                forget(
                    conn, old_runs(conn, now, kept)
                )  # asked again in this transaction: somebody may have resumed one
            return _delete_looks(conn, going)

    # Incidents and what is said of them

    def told(self) -> tuple[Told, ...]:
        with reading(self.engine) as conn:
            rows = conn.execute(select(incidents).order_by(incidents.c.first, incidents.c.key)).mappings().all()
        return tuple(each("incidents", rows, _told))

    def tell(
        self, rows: Iterable[Told], gone: Iterable[str], out: Iterable[tuple[str, Message]], *, at: datetime
    ) -> None:
        """An incident in both `gone` and `rows` is new."""
        known = {clean(row.key): row for row in rows}
        over = {clean(key) for key in gone} | known.keys()
        messages = tuple(out)
        if not over and not messages:
            return
        with writing(self.engine) as conn:
            conn.execute(delete(incidents).where(incidents.c.key.in_(over)))
            if known:
                conn.execute(insert(incidents), [_incident(row) for row in known.values()])
            for channel, message in messages:
                _put_out(conn, channel, message, at)

    def unsent(self) -> tuple[Unsent, ...]:
        with reading(self.engine) as conn:
            return tuple(each("outbox", conn.execute(select(outbox).order_by(outbox.c.number)).mappings(), _unsent))

    def sent(self, number: int) -> None:
        with writing(self.engine) as conn:
            conn.execute(delete(outbox).where(outbox.c.number == number))

    def put_off(self, number: int, *, due: datetime, why: str) -> None:
        later = {"due": text(due), "why": clean(why), "tries": outbox.c.tries + 1}
        with writing(self.engine) as conn:
            conn.execute(update(outbox).where(outbox.c.number == number).values(later))

    def drop(self, number: int) -> None:
        self.sent(number)

    # Proposals

    def propose(self, proposal: Proposal) -> None:
        """A later proposal replaces an earlier one of the same key."""
        row = {
            "key": clean(proposal.key),
            "plan": dumps(proposal.plan),
            "host": proposal.host,
            "at": text(proposal.at),
            "until": text(proposal.until),
        }
        with writing(self.engine) as conn:
            conn.execute(delete(proposals).where(proposals.c.key == row["key"]))
            conn.execute(insert(proposals).values(row))

    def proposal(self, key: str) -> Proposal | None:
        with reading(self.engine) as conn:
            row = conn.execute(select(proposals).where(proposals.c.key == clean(key))).mappings().one_or_none()
        with one(f"the proposal {key}"):
            return _proposal(row) if row is not None else None

    def proposals(self, now: datetime | None = None) -> tuple[Proposal, ...]:
        newest = select(proposals).order_by(proposals.c.at.desc(), proposals.c.key.desc())
        newest = newest if now is None else newest.where(proposals.c.until > text(now))
        with reading(self.engine) as conn:
            return tuple(each("proposals", conn.execute(newest).mappings(), _proposal))

    # Cycles

    def ended(self, cycle: Cycle) -> None:
        with writing(self.engine) as conn:
            conn.execute(delete(cycles))
            conn.execute(insert(cycles).values(id=1, at=text(cycle.at), data=_cycle_data(cycle)))

    def cycle(self) -> Cycle | None:
        with reading(self.engine) as conn:
            rows = conn.execute(select(cycles).order_by(cycles.c.id)).mappings().all()
        return next(each("cycles", rows, _cycle), None)


def _look(row: Sequence[Any]) -> Iterable[Signal]:
    at, signals = row
    return look_json.loads(signals, time(at))


# Looks ----------------------------------------------------------------------

_DELETE_LOOKS = delete(looks).where(looks.c.at == bindparam("at_"))


def _delete_looks(conn: Connection, going: Iterable[datetime]) -> int:
    """In one statement with many rows: there is no limit of parameters to meet."""
    each = [{"at_": text(at)} for at in going]
    return conn.execute(_DELETE_LOOKS, each).rowcount if each else 0


# Incidents and messages -----------------------------------------------------


def _incident(told: Told) -> dict[str, Any]:
    return {
        "key": clean(told.key),
        "first": text(told.first),
        "seen": text(told.seen),
        "said": json.dumps(told.said),
        "severity": clean(told.severity),
        "title": clean(told.title),
        "spells": json.dumps([[text(s.begins), text(s.ends), s.over] for s in told.spells], separators=(",", ":")),
        "spoken": told.spoken and text(told.spoken),
    }


def _told(row: RowMapping) -> Told:
    said = tuple(map(words, json.loads(row["said"])))
    spells = tuple(Spell(time(begins), time(ends), over) for begins, ends, over in json.loads(row["spells"]))
    spoken = time(row["spoken"]) if row["spoken"] else None
    key, severity, title = words(row["key"]), words(row["severity"]), words(row["title"])
    return Told(key, time(row["first"]), time(row["seen"]), said, severity, title, spells, spoken)


def _put_out(conn: Connection, channel: str, message: Message, at: datetime) -> None:
    """At the end of its channel's queue, under a new number: so the newest word is sent last, and `sent` of an older
    message, which may be on its way now, does not remove this one.
    """
    words = {k: clean(v) if isinstance(v, str) else v for k, v in asdict(message).items()}
    same = {"channel": clean(channel), "key": words["key"], "resolves": words["resolves"]}
    conn.execute(delete(outbox).filter_by(**same))
    line = {"channel": same["channel"], "since": text(at), "due": text(at), "tries": 0, "why": ""}
    conn.execute(insert(outbox).values(words | line))


def _unsent(row: RowMapping) -> Unsent:
    said = {f.name: words(row[f.name]) for f in fields(Message) if f.name != "resolves"}
    message = Message(**said, resolves=bool(row["resolves"]))
    since, due = time(row["since"]), time(row["due"])
    return Unsent(row["number"], words(row["channel"]), message, since, due, number(row["tries"]), words(row["why"]))


# Proposals and cycles -------------------------------------------------------


def _proposal(row: RowMapping) -> Proposal:
    plan, host = loads(words(row["plan"])), row["host"]
    return Proposal(words(row["key"]), plan, host and words(host), time(row["at"]), time(row["until"]))


def _cycle_data(cycle: Cycle) -> str:
    told = {f.name: getattr(cycle, f.name) for f in fields(cycle) if f.name != "at"}
    return json.dumps(told | {"seen": dict(cycle.seen)}, separators=(",", ":"))


def _cycle(row: RowMapping) -> Cycle:
    told = json.loads(row["data"])
    because, seen = tuple(map(words, told["because"])), {words(k): words(v) for k, v in told["seen"].items()}
    for name in ("by", "kind", "playbook", "host"):
        words(told[name] or "")
    return Cycle(**told | {"at": time(row["at"]), "because": because, "seen": seen})
