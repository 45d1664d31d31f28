"""Where runs are recorded: can we write there, is it ours and durable; and what is still in force, open or paused.

Looked at without making anything: a database that is not there yet stays so.
"""

from __future__ import annotations

import os
import pwd
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from failover.core.words import count
from failover.doctor.findings import Finding, fail, ok, warn

if TYPE_CHECKING:
    from failover.controller import Controller

NAME = "state"
ROOM = 100 * 1024 * 1024
"""Ours: thousands of runs; one takes some 50 kB."""
NETWORKED = {"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs"}
"""SQLite's write-ahead log needs memory shared by all who have the file open (sqlite.org/wal.html)."""


def sqlite_file(url: str) -> Path | None:
    """None: the state is a server's."""
    path = url.removeprefix("sqlite:///")
    return Path(path) if path != url else None


def folder(path: Path) -> Iterator[Finding]:
    """The database's place on this machine."""
    subject = str(path)
    place = next(p for p in (path, *path.parents) if p.exists())
    owner, us = place.stat().st_uid, os.geteuid()
    if path.exists() and owner != us != 0:
        said = f"it belongs to {_user(owner)}, and we are {_user(us)}; one system user owns the state"
        yield fail(NAME, subject, said, try_=f"sudo -u {_user(owner)} failover …")
        return
    into = place if place.is_dir() else place.parent
    if not os.access(into, os.W_OK | os.X_OK) or (path.exists() and not os.access(path, os.W_OK)):
        said = f"{_user(us)} may not write in {into}, which belongs to {_user(into.stat().st_uid)}"
        yield fail(NAME, subject, said, try_=f"sudo -u {_user(into.stat().st_uid)} failover …, or another --state")
        return
    if (kind := _file_system(into)) in NETWORKED:
        yield fail(NAME, subject, f"it lies on {kind}, where SQLite is not safe", try_="keep it on a local disk")
    if (free := shutil.disk_usage(into).free) < ROOM:
        yield fail(NAME, subject, f"{free // 1024 // 1024} MiB free at {into}", try_=f"free space at {into}")
    elif not path.exists():
        yield ok(NAME, subject, f"not there yet, {_user(us)} may make it; {free // 1024 // 1024} MiB free")


def database(path: Path) -> Finding:
    """The file itself: its log and what wrote it. It is opened for reading only."""
    subject = str(path)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2)) as there:
            (mode,) = there.execute("PRAGMA journal_mode").fetchone()
            tables = {name for (name,) in there.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.Error as e:
        aside = "move the file aside (with its -wal and -shm), and look at the hosts before anything is run"
        return fail(NAME, subject, f"it cannot be read: {e}", try_=aside)
    if not tables:
        return ok(NAME, subject, "empty, nothing was recorded yet")
    if mode != "wal" or "runs" not in tables:
        said = f"journal mode {mode}" if "runs" in tables else "it is another program's"
        return fail(NAME, subject, said, try_="name another file with --state, on a local disk")
    return ok(NAME, subject, f"ours, with a write-ahead log, {path.stat().st_size // 1024} KiB")


def server(url: str) -> tuple[Finding, bool]:
    """PostgreSQL, looked at and not prepared; True: our tables are there."""
    from sqlalchemy import create_engine, inspect, make_url
    from sqlalchemy.exc import SQLAlchemyError

    subject = make_url(url).set(query={}).render_as_string(hide_password=True)
    try:
        engine = create_engine(url, connect_args={"connect_timeout": 3}, hide_parameters=True)
        with closing(engine.connect()) as conn:
            there = inspect(conn).has_table("runs")
        engine.dispose()
    except ImportError:
        return fail(NAME, subject, "its driver is not installed", try_="pip install failover[postgresql]"), False
    except SQLAlchemyError as e:
        said = f"it does not let us in ({type(e).__name__})"
        return fail(NAME, subject, said, try_="psql with the same URL from here; the password goes to ~/.pgpass"), False
    return ok(NAME, subject, "ours" if there else "it lets us in, nothing was recorded yet"), there


def records(c: Controller, standing: dict[str, tuple[tuple[str, ...], ...]]) -> Iterator[Finding]:
    """`standing`: what the hosts remember of ours in force, by host. What nobody remembers here was forgotten."""
    ours = c.mitigations()
    for m in ours:
        subject = m.step.host or m.step.domain or "fleet"
        if m.until is not None and m.until <= c.now:
            said = f"{m.step.says} should have been put back by {m.until.isoformat(timespec='minutes')}"
            yield warn("in force", subject, said, try_=f"failover rollback {m.run}")
        else:
            yield ok("in force", subject, f"{m.step.says}, by run {m.run}")
    yield from forgotten(standing, {m.run for m in ours})
    for record, view in c.open_runs():
        said = f"run {record.id} is {view.state.value}: no other may start on {', '.join(record.plan.subjects)}"
        yield fail("open run", "fleet", said, try_=f"failover runs show {record.id}, then resume it or roll it back")
    for pause in c.store.pauses(c.now):
        until = pause.until.isoformat(timespec="minutes")
        said = f"paused until {until} by {pause.by}: {pause.reason}"
        yield warn("pause", pause.host or "fleet", said, try_="failover unpause")


def forgotten(standing: dict[str, tuple[tuple[str, ...], ...]], known: set[str]) -> Iterator[Finding]:
    for host, rows in standing.items():
        for run, step, *_ in rows:
            if run not in known:
                said = f"step {step} of run {run} stands there, and this state ({count(len(known), 'mitigation')}) "
                yield warn(
                    "in force",
                    host,
                    f"{said}knows nothing of it",
                    try_=f"failover rollback {run} where it was run; or --state of that controller",
                )


def _file_system(at: Path) -> str:
    """Of the longest mount point above, as proc_pid_mountinfo(5) has it."""
    found = ("", "")
    try:
        for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            before, _, after = line.partition(" - ")
            point = before.split()[4]
            if at.resolve().is_relative_to(point):
                found = max(found, (point, after.split()[0]), key=lambda f: len(f[0]))
    except (OSError, IndexError):
        return ""
    return found[1]


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
