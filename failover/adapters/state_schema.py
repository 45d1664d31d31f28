"""The tables of the state store and their version; `state_upgrade` upgrades an older one."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)

SCHEMA = 4

tables = MetaData()
meta = Table("meta", tables, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))
runs = Table(
    "runs",
    tables,
    Column("id", Text, primary_key=True),
    Column("opened", Text, nullable=False, index=True),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("key", Text, unique=True),
)
events = Table(
    "events",
    tables,
    Column("run", Text, ForeignKey("runs.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("step", Text),
    Column("data", Text, nullable=False),
    sqlite_with_rowid=False,
)
_Id = Text().with_variant(Text(collation="C"), "postgresql")
"""Ordered by bytes in every database, as its index: a run is found by the beginning of its id."""
summaries = Table(
    "summaries",
    tables,
    Column("run", _Id, ForeignKey("runs.id"), primary_key=True),
    Column("opened", Text, nullable=False),
    Column("outline", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("because", Text, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("owes", Boolean, nullable=False),
    Column("acted", Boolean, nullable=False),
    Column("touched", Text, nullable=False, index=True),
    Index("ix_summaries_newest", "opened", "run"),
)
"""The folded state of each run (`core.runs.summary`), written with each event."""
for _few in (summaries.c.open, summaries.c.owes):  # an index of these alone: the many others cost nothing
    Index(f"ix_summaries_{_few.name}", _few, sqlite_where=text(f"{_few.name} = 1"), postgresql_where=_few)
leases = Table(
    "leases",
    tables,
    Column("scope", Text, primary_key=True),
    Column("run", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("until", Text, nullable=False),
    Column("schema", Integer, nullable=False, server_default="3"),
    CheckConstraint("schema > 3", name="restart failover: a newer version has upgraded this state"),
    sqlite_with_rowid=False,
)
"""Versions with schema 3 and older write no schema here, so one that still runs (`watch`) gets this as its error."""
epochs = Table("epochs", tables, Column("id", Integer, primary_key=True), Column("last", BigInteger, nullable=False))
pauses = Table(
    "pauses",
    tables,
    Column("host", Text, primary_key=True),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Text, nullable=False),
    Column("until", Text, nullable=False),
)
looks = Table(
    "looks",
    tables,
    Column("id", Integer, primary_key=True),
    Column("at", Text, nullable=False, index=True),
    Column("signals", Text, nullable=False),
)
incidents = Table(
    "incidents",
    tables,
    Column("key", Text, primary_key=True),
    Column("first", Text, nullable=False),
    Column("seen", Text, nullable=False),
    Column("said", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("spells", Text, nullable=False, server_default="[]"),
    Column("spoken", Text),
)
outbox = Table(
    "outbox",
    tables,
    Column("number", Integer, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("resolves", Boolean, nullable=False),
    Column("since", Text, nullable=False),
    Column("due", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("why", Text, nullable=False),
    sqlite_autoincrement=True,  # else the number of a removed message is reused
)
proposals = Table(
    "proposals",
    tables,
    Column("key", Text, primary_key=True),
    Column("plan", Text, nullable=False),
    Column("host", Text),
    Column("at", Text, nullable=False),
    Column("until", Text, nullable=False, index=True),
)
cycles = Table(
    "cycles",
    tables,
    Column("id", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("data", Text, nullable=False),
)
