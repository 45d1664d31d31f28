"""A state store opened only to read: it is never made, upgraded or written.

In WAL mode SQLite makes a -wal and a -shm even for a reader, owned by the reader, who cannot remove them (measured,
3.40). So a file without a -wal, which nobody has open, is opened as immutable.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Engine, NullPool, create_engine, inspect, make_url, select
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from failover.adapters import files
from failover.adapters.state_db import reading, shown
from failover.adapters.state_schema import SCHEMA, meta
from failover.adapters.store import SqlStore
from failover.errors import ConfigError, Unreachable

PATIENCE_S = 3


@contextmanager
def guest(url_text: str) -> Iterator[SqlStore | None]:
    """None if there is no store. The database refuses every write.

    Raises ConfigError (not ours, another version's, may not be read), Unreachable.
    """
    try:
        url = make_url(url_text)
    except (ArgumentError, ValueError):
        raise ConfigError(
            "the state URL cannot be read (not shown: it may hold a password)", try_="see `state`"
        ) from None
    engine = _sqlite(url) if url.get_backend_name() == "sqlite" else _postgresql(url)
    if engine is None:
        yield None
        return
    try:
        yield SqlStore(engine) if _is_ours(engine, url) else None
    except (SQLAlchemyError, ValueError) as e:
        raise Unreachable(f"{shown(url)} cannot be read: {e}", try_="`failover status` says more") from e
    finally:
        engine.dispose()


def _is_ours(engine: Engine, url: URL) -> bool:
    with reading(engine) as conn:
        if not inspect(conn).has_table(meta.name):
            return False
        said = {row.name: row.value for row in conn.execute(select(meta))}
    found = said.get("schema", "")
    if found != str(SCHEMA):
        newer = found.isdigit() and int(found) > SCHEMA
        raise ConfigError(
            f"{shown(url)} has schema {found or 'unknown'}, this failover reads schema {SCHEMA}",
            try_=f"use failover {said.get('by')} or newer"
            if newer
            else "the next `failover tick` or `status` of this version brings it up",
        )
    return True


def _sqlite(url: URL) -> Engine | None:
    if not url.database or not (path := files.real(Path(url.database))).is_file():
        return None
    alone = not path.with_name(f"{path.name}-wal").exists()
    where = f"file:{quote(str(path.absolute()))}?mode=ro" + ("&immutable=1" if alone else "")
    return create_engine(
        "sqlite://", poolclass=NullPool, creator=lambda: sqlite3.connect(where, uri=True, timeout=PATIENCE_S)
    )


def _postgresql(url: URL) -> Engine:
    try:
        return create_engine(
            url.set(drivername="postgresql+psycopg"),
            poolclass=NullPool,
            hide_parameters=True,
            connect_args={
                "connect_timeout": PATIENCE_S,
                "options": f"-c default_transaction_read_only=on -c statement_timeout={PATIENCE_S * 1000}",
            },
        )
    except ImportError as e:
        raise ConfigError(f"{shown(url)} needs the PostgreSQL driver", try_="pip install failover[postgresql]") from e
