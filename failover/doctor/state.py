"""The store: can we write there, is it ours and durable; and the changes in force, open runs and pauses in it.

Nothing is made here: a database that does not exist is not created.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from failover.adapters.files import user
from failover.doctor.findings import Finding, fail, ok, warn
from failover.runs import history
from failover.signals.debts import Debt

if TYPE_CHECKING:
    from failover.runs.service import Runs

NAME = "state"
Standing = Mapping[str, tuple[Debt, ...]]
"""Our debts on each host, by its own word."""
ROOM = 100 * 1024 * 1024
"""Our choice: room for thousands of runs of some 50 kB."""
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
        said = f"it belongs to {user(owner)}, and we are {user(us)}; one system user owns the state"
        yield fail(NAME, subject, said, try_=f"sudo -u {user(owner)} failover …")
        return
    into = place if place.is_dir() else place.parent
    if not os.access(into, os.W_OK | os.X_OK) or (path.exists() and not os.access(path, os.W_OK)):
        said = f"{user(us)} may not write in {into}, which belongs to {user(into.stat().st_uid)}"
        yield fail(NAME, subject, said, try_=f"sudo -u {user(into.stat().st_uid)} failover …, or another --state")
        return
    if (kind := _file_system(into)) in NETWORKED:
        yield fail(NAME, subject, f"it lies on {kind}, where SQLite is not safe", try_="keep it on a local disk")
    if (free := shutil.disk_usage(into).free) < ROOM:
        yield fail(NAME, subject, f"{free // 1024 // 1024} MiB free at {into}", try_=f"free space at {into}")
    elif not path.exists():
        yield ok(NAME, subject, f"not there yet, {user(us)} may make it; {free // 1024 // 1024} MiB free")


def database(path: Path) -> Finding:
    """The header says whether it keeps a write-ahead log (sqlite.org/fileformat2.html, offset 18)."""
    with path.open("rb") as file:
        head = file.read(20)
    size = f"{path.stat().st_size // 1024} KiB"
    if not head:
        return ok(NAME, str(path), "empty, nothing was recorded yet")
    if head.startswith(b"SQLite format 3") and head[18:20] == b"\x02\x02":
        return ok(NAME, str(path), f"ours to write, with a write-ahead log, {size}")
    said = "it has no write-ahead log" if head.startswith(b"SQLite format 3") else "it is no SQLite database"
    return fail(NAME, str(path), said, try_="name another file with --state, on a local disk; look at the hosts first")


def records(c: Runs, standing: Standing) -> Iterator[Finding]:
    """Also changes that a host has, and our records do not."""
    for m in c.mitigations():
        subject = m.step.host or m.step.domain or "fleet"
        if m.until is not None and m.until <= c.now:
            said = f"{m.step.says} should have been put back by {m.until.isoformat(timespec='minutes')}"
            yield warn("in force", subject, said, try_=f"failover rollback {m.run}")
        else:
            yield ok("in force", subject, f"{m.step.says}, by run {m.run}")
    yield from forgotten(standing, partial(history.amiss, c.store))
    for record, view in c.open_runs():
        said = f"run {record.id} is {view.state.value}: no other may start on {', '.join(record.plan.subjects)}"
        yield fail("open run", "fleet", said, try_=f"failover runs show {record.id}, then resume it or roll it back")
    for s in history.unreadable(c.store):
        said = f"run {s.run} is open or in force, and what the state holds of it cannot be read"
        yield fail("open run", "fleet", said, try_="`failover status` shows what is in force on the hosts")
    if undated := history.undated(c.store, c.now):
        said = f"run {undated[0]} was recorded ahead of this clock, which was set back since, or is wrong now"
        yield warn("clock", "fleet", said, try_="date -u; where it is right, failover tick: runs count from then")
    for pause in c.store.pauses(c.now):
        until = pause.until.isoformat(timespec="minutes")
        said = f"paused until {until} by {pause.by}: {pause.reason}"
        yield warn("pause", pause.host or "fleet", said, try_="failover unpause")


def forgotten(standing: Standing, amiss: Callable[[str, str], str]) -> Iterator[Finding]:
    """`amiss`: how our records are wrong about a change in force there; empty where they are right."""
    for debt in (d for debts in standing.values() for d in debts):
        if debt.kind == "held" and not debt.busy:
            yield fail("on hold", debt.host, debt.says, try_=debt.discharge)
        elif debt.kind == "unloaded" and not debt.busy:
            yield fail("not loaded", debt.host, debt.says, try_=debt.discharge)
        elif debt.kind == "force" and (wrong := amiss(debt.run, debt.step)):
            yield warn("in force", debt.host, f"{debt.says}, and {wrong}", try_=debt.discharge)


def _file_system(at: Path) -> str:
    """The file system of the longest mount point above (proc_pid_mountinfo(5))."""
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
