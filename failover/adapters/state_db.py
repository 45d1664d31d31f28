"""A state URL as an opened database: SQLite in a file, or PostgreSQL when several controllers share it.

There is one writer at a time: SQLite by BEGIN IMMEDIATE, PostgreSQL by an
advisory lock. So whatever a write reads first (a lease, the last sequence
number) still holds at its commit.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from failover.adapters import files
from failover.adapters.state_upgrade import prepare
from failover.errors import ConfigError, FailoverError, OutcomeUnknown, Unreachable

PATIENCE_S = 10.0
"""Seconds that a write waits for another. A write takes less than a millisecond, so more means a stuck process."""

_WRITER_LOCK = 0x6661696C  # "fail"; any number that no other user of the database locks


def open_engine(url_text: str) -> Engine:
    """The database, checked and with our tables in it.

    Raises:
        ConfigError: the URL, the folder, its owner, the file or the schema is not right.
        Unreachable: the PostgreSQL server does not answer.
    """
    url = _parse(url_text)
    engine = _sqlite(url) if url.get_backend_name() == "sqlite" else _postgresql(url)
    try:
        with writing(engine) as conn:
            prepare(conn, shown(url))
    except FailoverError:
        engine.dispose()
        raise
    return engine


def shown(url: URL) -> str:
    """The URL without password and query, which may hold one, too."""
    return url.set(query={}).render_as_string(hide_password=True)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One exclusive, durable transaction: committed when the block ends, rolled back when it raises."""
    asked = False
    try:
        with engine.begin() as conn:
            yield conn
            asked = True
    except DBAPIError as e:
        raise _explain(e, engine.url, maybe_written=asked and e.connection_invalidated) from e


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    try:
        with engine.connect().execution_options(only_reads=True) as conn:
            yield conn
    except DBAPIError as e:
        raise _explain(e, engine.url, maybe_written=False) from e


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ConfigError(
            "the state URL cannot be read (not shown, since it may hold a password)",
            try_="write sqlite:///failover.db, or postgresql+psycopg://user@host/database (the password in ~/.pgpass)",
        ) from None
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    durable_file = url.drivername in {"sqlite", "sqlite+pysqlite"} and url.database not in {None, "", ":memory:"}
    if durable_file or url.drivername == "postgresql+psycopg":
        return url
    raise ConfigError(
        f"no durable state can be kept in {shown(url)}",
        try_="write sqlite:///failover.db, or postgresql+psycopg://user@host/database",
    )


# SQLite ---------------------------------------------------------------------


def _sqlite(url: URL) -> Engine:
    assert url.database
    engine = create_engine(
        url.set(database=str(_own(Path(url.database)))), connect_args={"timeout": PATIENCE_S}, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def _(connection: Any, record: object) -> None:
        connection.text_factory = _text
        connection.isolation_level = None  # or the driver would begin transactions of its own
        # An event fills a fraction of the usual 4096; smaller pages grow the log less (measured: 0.21 → 0.15 ms).
        connection.execute("PRAGMA page_size = 1024")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        _wal(connection, shown(url))

    @event.listens_for(engine, "begin")
    def _(conn: Connection) -> None:
        conn.exec_driver_sql("BEGIN" if conn.get_execution_options().get("only_reads") else "BEGIN IMMEDIATE")

    return engine


def _text(stored: bytes) -> str:
    """Bytes that are not UTF-8 would fail the whole query."""
    return stored.decode("utf-8", "replace")


def _wal(connection: Any, url: str) -> None:
    """Beside a writer, the switch to WAL fails at once instead of waiting (SQLite 3.40), so we wait."""
    patience = time.monotonic() + PATIENCE_S
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            break
        except Exception as e:
            if "locked" not in str(e) or time.monotonic() > patience:
                raise
            time.sleep(0.01)
    if mode != "wal":
        raise ConfigError(
            f"{url} cannot be used safely: its file system has no write-ahead log (journal mode {mode})",
            try_="keep the state on a local disk",
        )


def _own(path: Path) -> Path:
    """The path without links. One system user owns the state: WAL needs write access even to read, and would mix the
    owners of its files. No other user may open it; root neither, since it would follow that user's links.
    """
    path = files.real(path, alone=True)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists() and path.stat().st_uid != os.geteuid():
            raise PermissionError
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        if not os.access(path.parent, os.W_OK):
            raise PermissionError
    except OSError as e:
        raise _not_ours(path, e) from e
    return path


def _not_ours(path: Path, e: OSError) -> ConfigError:
    place = next(p for p in (path, *path.parents) if _exists(p))
    owner = files.user(place.stat().st_uid)
    if not isinstance(e, PermissionError):
        return ConfigError(f"the state file {path} cannot be opened: {e.strerror}", try_=f"look at {place}")
    return ConfigError(
        f"the state file {path} is not ours: one system user owns the state folder, "
        f"{place} belongs to {owner}, and we run as {files.user(os.geteuid())}",
        try_=f"sudo -u {owner} failover …, or name another file with --state",
    )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


# PostgreSQL -----------------------------------------------------------------


def _postgresql(url: URL) -> Engine:
    """Every wait has a limit: to connect, the writer lock, a statement, a dead network, a stopped writer."""
    ms = int(PATIENCE_S * 1000)
    limits = {
        "connect_timeout": 5,
        "tcp_user_timeout": ms,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "application_name": "failover",
        "options": f"-c lock_timeout={ms} -c statement_timeout={ms} "
        f"-c idle_in_transaction_session_timeout={ms} -c synchronous_commit=on",
    }
    try:
        engine = create_engine(url, connect_args=limits, pool_pre_ping=True, hide_parameters=True)
    except ImportError as e:
        raise ConfigError(
            f"{shown(url)} needs the PostgreSQL driver, which is not installed", try_="pip install failover[postgresql]"
        ) from e

    @event.listens_for(engine, "begin")
    def _(conn: Connection) -> None:
        if not conn.get_execution_options().get("only_reads"):
            conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})")

    return engine


# Errors ---------------------------------------------------------------------


def _explain(e: DBAPIError, url: URL, *, maybe_written: bool) -> FailoverError:
    said = " ".join(str(e.orig).split())
    if url.password:
        said = said.replace(str(url.password), "***")
    if maybe_written:
        return OutcomeUnknown(
            f"{shown(url)} was lost while it recorded: {said}", try_="`failover runs show` says what was recorded"
        )
    for sign, try_ in _SIGNS_OF_A_BAD_FILE.items():
        if sign in said:
            return ConfigError(f"{shown(url)} cannot be used: {said}", try_=try_)
    return Unreachable(
        f"nothing was recorded in {shown(url)}: {said}",
        try_="see that its server answers, or that its folder can be written; then repeat the command",
    )


_ASIDE = "move the file aside (with its -wal and -shm), and look at the hosts before anything is run"
_SIGNS_OF_A_BAD_FILE = {
    "not a database": _ASIDE,
    "malformed": _ASIDE,
    "no such table": _ASIDE,
    "no such column": _ASIDE,
    "disk is full": "free space on the disk of the state file",
    "readonly database": "let the user that runs failover write the file and its folder",
    "password": "put the password into ~/.pgpass, or name its file in PGPASSFILE",
    "does not exist": "create the database and the role",
}
