"""Make a state store of this version, or upgrade an older one; a newer one is left alone.

An upgrade ends every lease: a process of the older version is refused its next event, as after a take-over, and the
newer one goes on with its run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, delete, insert, inspect, select

from failover import __version__
from failover.adapters.state_schema import (
    SCHEMA,
    cycles,
    epochs,
    incidents,
    leases,
    looks,
    meta,
    outbox,
    proposals,
    summaries,
    tables,
)
from failover.adapters.state_summary import rebuild
from failover.errors import ConfigError


def prepare(conn: Connection, url: str) -> None:
    """Make or upgrade our tables. Raises ConfigError: they are newer, or another program's."""
    there = set(inspect(conn).get_table_names())
    if meta.name not in there:
        if theirs := there & tables.tables.keys():
            raise _not_ours(url, theirs)
        tables.create_all(conn)
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
        conn.execute(delete(leases))
        conn.execute(meta.update().where(meta.c.name == "schema").values(value=str(SCHEMA)))
        conn.execute(meta.update().where(meta.c.name == "by").values(value=__version__))


def _add_memory(conn: Connection, url: str) -> None:
    added = [looks, incidents, outbox, proposals, cycles]
    if theirs := set(inspect(conn).get_table_names()) & {t.name for t in added}:
        raise _not_ours(url, theirs)
    tables.create_all(conn, tables=added)


def _add_spells(conn: Connection, url: str) -> None:
    """The times of earlier messages are unknown, so no reminder is due."""
    if "spells" not in {c["name"] for c in inspect(conn).get_columns(incidents.name)}:
        conn.exec_driver_sql("ALTER TABLE incidents ADD COLUMN spells TEXT NOT NULL DEFAULT '[]'")
        conn.exec_driver_sql("ALTER TABLE incidents ADD COLUMN spoken TEXT")


def _add_summaries(conn: Connection, url: str) -> None:
    if inspect(conn).has_table(summaries.name):
        raise _not_ours(url, {summaries.name})
    summaries.create(conn)
    rebuild(conn)
    leases.drop(conn)
    leases.create(conn)
    for index in proposals.indexes:
        index.create(conn, checkfirst=True)


_MIGRATIONS: Mapping[int, Callable[[Connection, str], None]] = {1: _add_memory, 2: _add_spells, 3: _add_summaries}
"""Version → the upgrade to the next one, in the transaction that opens the store."""


def _not_ours(url: str, tables: set[str]) -> ConfigError:
    return ConfigError(
        f"{url} has tables of that name that are not failover's: {', '.join(sorted(tables))}",
        try_="give failover a database of its own",
    )
