"""The tables of the state store, and the version they carry: a newer one is left alone, an older one is brought up."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    insert,
    inspect,
    select,
)

from failover import __version__
from failover.errors import ConfigError

SCHEMA = 3

_all = MetaData()
meta = Table("meta", _all, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))
runs = Table(
    "runs",
    _all,
    Column("id", Text, primary_key=True),
    Column("opened", Text, nullable=False, index=True),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("key", Text, unique=True),
)
events = Table(
    "events",
    _all,
    Column("run", Text, ForeignKey("runs.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("step", Text),
    Column("data", Text, nullable=False),
    sqlite_with_rowid=False,
)
leases = Table(
    "leases",
    _all,
    Column("scope", Text, primary_key=True),
    Column("run", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("until", Text, nullable=False),
    sqlite_with_rowid=False,
)
epochs = Table("epochs", _all, Column("id", Integer, primary_key=True), Column("last", BigInteger, nullable=False))
pauses = Table(
    "pauses",
    _all,
    Column("host", Text, primary_key=True),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Text, nullable=False),
    Column("until", Text, nullable=False),
)
looks = Table(
    "looks",
    _all,
    Column("id", Integer, primary_key=True),
    Column("at", Text, nullable=False, index=True),
    Column("signals", Text, nullable=False),
)
incidents = Table(
    "incidents",
    _all,
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
    _all,
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
    sqlite_autoincrement=True,  # or the number of a message just taken out is given to the next one
)
proposals = Table(
    "proposals",
    _all,
    Column("key", Text, primary_key=True),
    Column("plan", Text, nullable=False),
    Column("host", Text),
    Column("at", Text, nullable=False),
    Column("until", Text, nullable=False),
)
cycles = Table(
    "cycles",
    _all,
    Column("id", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("data", Text, nullable=False),
)


def prepare(conn: Connection, url: str) -> None:
    """Our tables, made or brought up to this version. Raises ConfigError: they are newer, or another program's."""
    there = set(inspect(conn).get_table_names())
    if meta.name not in there:
        if theirs := there & _all.tables.keys():
            raise _not_ours(url, theirs)
        _all.create_all(conn)
        conn.execute(insert(meta), [{"name": "schema", "value": str(SCHEMA)}, {"name": "by", "value": __version__}])
        conn.execute(insert(epochs).values(id=1, last=0))
        return
    _upgrade(conn, url)


def _upgrade(conn: Connection, url: str) -> None:
    said = {row.name: row.value for row in conn.execute(select(meta))}
    if not said.get("schema", "").isdigit():
        raise _not_ours(url, {meta.name})
    found = int(said["schema"])
    if found > SCHEMA:
        raise ConfigError(
            f"{url} was written by failover {said.get('by')} (schema {found}); this is failover {__version__}, "
            f"which knows schema {SCHEMA}",
            try_=f"use failover {said.get('by')} or newer",
        )
    for version in range(found, SCHEMA):
        _MIGRATIONS[version](conn, url)
    if found < SCHEMA:
        conn.execute(meta.update().where(meta.c.name == "schema").values(value=str(SCHEMA)))
        conn.execute(meta.update().where(meta.c.name == "by").values(value=__version__))


def _add_memory(conn: Connection, url: str) -> None:
    added = [looks, incidents, outbox, proposals, cycles]
    if theirs := set(inspect(conn).get_table_names()) & {t.name for t in added}:
        raise _not_ours(url, theirs)
    _all.create_all(conn, tables=added)


def _add_spells(conn: Connection, url: str) -> None:
    """Of what was said before, nobody knows when: no reminder is due."""
    if "spells" not in {c["name"] for c in inspect(conn).get_columns(incidents.name)}:
        conn.exec_driver_sql("ALTER TABLE incidents ADD COLUMN spells TEXT NOT NULL DEFAULT '[]'")
        conn.exec_driver_sql("ALTER TABLE incidents ADD COLUMN spoken TEXT")


_MIGRATIONS: Mapping[int, Callable[[Connection, str], None]] = {1: _add_memory, 2: _add_spells}
"""From which version → the step to the next one, inside the transaction that opens the store."""


def _not_ours(url: str, tables: set[str]) -> ConfigError:
    return ConfigError(
        f"{url} has tables of that name that are not failover's: {', '.join(sorted(tables))}",
        try_="give failover a database of its own",
    )
