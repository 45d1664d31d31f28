"""The store against real files, a real PostgreSQL server and real processes that are stopped and killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from typing import Any

import pytest

from failover.adapters.holder import is_dead, ourselves
from failover.adapters.state_db import reading, writing
from failover.adapters.store import SqlStore
from failover.core.ids import new_run_id
from failover.core.runs.journal import Did
from failover.core.runs.plan import Certainty, Plan, Step, StepKind
from failover.errors import ConfigError, FailoverError, OutcomeUnknown, Refused, Unreachable
from failover.ports import Lease, Pause, RunRecord, Store
from tests.adapters.stores import PATIENCE_S, hear, process

NOW = datetime(2026, 11, 24, 3, 12, 5, 123456, tzinfo=UTC)
BYPASS = Step("bypass", "spam.bypass", StepKind.STATE, Certainty.EXACT, "take it out", host="mx1", undoable=True)
PLAN = Plan("spam-filter-hung", "take the filter out", (BYPASS,))


# Other processes ------------------------------------------------------------


def kill9(other: BaseProcess, *, reap: bool) -> None:
    """Dead either way; not reaped, its pid still stands in /proc as a zombie."""
    other.kill()
    assert other.pid is not None
    if reap:
        other.join(PATIENCE_S)
    else:
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)


def stop(other: BaseProcess) -> None:
    assert other.pid is not None
    os.kill(other.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, other.pid, os.WSTOPPED)


def hold(pipe: Connection, url: str, run: str, scopes: tuple[str, ...], seconds: float) -> None:
    """Leases, says so, and appends once for each word it hears."""
    store = SqlStore.open_url(url)
    store.open(record(run))
    lease = store.lease(run, scopes, seconds=seconds, now=NOW)
    pipe.send(lease)
    while pipe.recv():
        try:
            pipe.send(store.append(lease, Did.INTENT, "bypass", {}, at=NOW).seq)
        except FailoverError as e:
            pipe.send(e.args[0])


def race_for_leases(pipe: Connection, url: str, run: str, rounds: int) -> None:
    store = SqlStore.open_url(url)
    for i in range(rounds):
        pipe.send("ready")
        pipe.recv()
        try:
            store.lease(f"{run}-{i}", [f"host{i}", "either"], seconds=60, now=NOW + timedelta(hours=i))
            pipe.send("won")
        except Refused:
            pipe.send("lost")
    pipe.recv()  # until we are killed: the lease of a holder that is gone may be taken


def race_for_key(pipe: Connection, url: str, run: str, rounds: int) -> None:
    store = SqlStore.open_url(url)
    for i in range(rounds):
        pipe.send("ready")
        pipe.recv()
        pipe.send(store.open(record(f"{run}-{i}", key=f"incident-{i}")).id)


def open_new(pipe: Connection, url: str) -> None:
    pipe.send("ready")
    pipe.recv()
    try:
        SqlStore.open_url(url).open(record(f"r{os.getpid()}"))
        pipe.send("opened")
    except FailoverError as e:
        pipe.send(e.args[0])


def append_for_ever(pipe: Connection, url: str, run: str) -> None:
    store = SqlStore.open_url(url)
    lease = store.lease(run, ["mx1"], seconds=60, now=NOW)
    while True:
        pipe.send(store.append(lease, Did.NOTE, None, {"by": "run"}, at=NOW).seq)


def open_as_nobody(pipe: Connection, url: str) -> None:
    from failover.adapters import store as _imported_while_we_may_read_it  # noqa: F401  the venv may be root's

    os.setgid(65534)
    os.setuid(65534)
    try:
        SqlStore.open_url(url)
        pipe.send("opened")
    except FailoverError as e:
        pipe.send((type(e).__name__, e.args[0], e.try_))


def record(run: str, **fields: Any) -> RunRecord:
    return RunRecord(**{"id": run, "opened": NOW, "by": "ann", "reason": "drill", "plan": PLAN, **fields})


# Leases ---------------------------------------------------------------------


def test_of_two_processes_exactly_one_gets_the_lease(url: str) -> None:
    rounds = 15
    with process(race_for_leases, url, "a", rounds) as (_, a), process(race_for_leases, url, "b", rounds) as (_, b):
        for _ in range(rounds):
            assert [hear(a), hear(b)] == ["ready", "ready"]
            a.send("go")
            b.send("go")
            assert sorted([hear(a), hear(b)]) == ["lost", "won"]


def test_the_last_epoch_is_told(any_store: Store) -> None:
    assert any_store.epoch() == 0
    given = [any_store.lease(run, [run], seconds=60, now=NOW).epoch for run in ("a", "b")]
    assert any_store.epoch() == given[-1] == int(NOW.timestamp()) + 1


@pytest.mark.parametrize("reap", [True, False], ids=["reaped", "zombie"])
def test_a_holder_killed_here_is_taken_over_at_once(url: str, store: SqlStore, reap: bool) -> None:
    with process(hold, url, "a", ("mx1", "mx2"), 3600, child=True) as (other, pipe):
        first: Lease = hear(pipe)
        with pytest.raises(Refused, match=rf"mx2 is held by run a \(pid {other.pid} on .* until 04:12:05 UTC, 3600 s"):
            store.lease("b", ["mx2", "mx3"], seconds=60, now=NOW)
        assert [(h.run, h.scopes) for h in store.holders(NOW)] == [("a", ("mx1", "mx2"))]
        kill9(other, reap=reap)
        assert store.holders(NOW) == ()
        assert store.lease("b", ["mx2", "mx3"], seconds=60, now=NOW).epoch > first.epoch


def test_a_stopped_holder_keeps_its_lease_to_the_end_and_its_late_append_is_refused(url: str, store: SqlStore) -> None:
    with process(hold, url, "a", ("mx1", "mx2"), 60, child=True) as (other, pipe):
        first: Lease = hear(pipe)
        pipe.send("append")
        assert hear(pipe) == 1
        stop(other)
        assert other.pid is not None
        with pytest.raises(Refused, match="held by run a"):
            store.lease("b", ["mx2"], seconds=60, now=first.until - timedelta(seconds=1))
        store.lease("b", ["mx2"], seconds=60, now=first.until)
        pipe.send("append")
        os.kill(other.pid, signal.SIGCONT)
        assert hear(pipe).startswith(
            f"the lease of run a (epoch {first.epoch}) was taken over by run b (pid {os.getpid()}"
        )
        assert len(store.events("a")) == 1


def test_one_run_has_one_session_wherever_it_acts(url: str, store: SqlStore) -> None:
    with process(hold, url, "a", ("mx1",), 60) as (_, pipe):
        hear(pipe)
        with pytest.raises(Refused, match="mx1 is held by run a"):
            store.lease("a", ["mx2"], seconds=60, now=NOW)


def test_all_scopes_or_none(any_store: Store) -> None:
    any_store.lease("a", ["mx2"], seconds=60, now=NOW)
    with pytest.raises(Refused):
        any_store.lease("b", ["mx1", "mx2"], seconds=60, now=NOW)
    assert any_store.lease("c", ["mx1"], seconds=60, now=NOW).scopes == ("mx1",)


def test_leasing_again_gives_a_new_epoch_and_ends_the_old_lease(any_store: Store) -> None:
    any_store.open(record("a"))
    old = any_store.lease("a", ["mx1", "mx2"], seconds=60, now=NOW)
    new = any_store.lease("a", ["mx1"], seconds=60, now=NOW)
    assert (old.epoch, new.epoch) == (int(NOW.timestamp()), int(NOW.timestamp()) + 1)
    with pytest.raises(Refused, match="taken over by run a"):
        any_store.append(old, Did.NOTE, None, {}, at=NOW)
    with pytest.raises(Refused, match="taken over by run a"):
        any_store.renew(old, seconds=60, now=NOW)
    any_store.release(old)
    assert any_store.holders(NOW) == (new,)


def test_epochs_rise_when_the_clock_goes_back(any_store: Store) -> None:
    first = any_store.lease("a", ["mx1"], seconds=1, now=NOW)
    any_store.release(first)
    assert any_store.lease("a", ["mx1"], seconds=1, now=NOW - timedelta(days=1)).epoch == first.epoch + 1


def test_renewed_it_holds_for_longer_and_released_it_is_free(any_store: Store) -> None:
    lease = any_store.lease("a", ["mx1"], seconds=60, now=NOW)
    later = NOW + timedelta(seconds=50)
    renewed = any_store.renew(lease, seconds=60, now=later)
    assert renewed == replace(lease, until=later + timedelta(seconds=60))
    with pytest.raises(Refused):
        any_store.lease("b", ["mx1"], seconds=60, now=NOW + timedelta(seconds=61))
    any_store.release(renewed)
    any_store.lease("b", ["mx1"], seconds=60, now=NOW)
    with pytest.raises(Refused, match="taken over by run b"):
        any_store.renew(renewed, seconds=60, now=NOW)


def test_a_run_that_touches_nothing_can_be_taken_over_too(any_store: Store) -> None:
    any_store.open(record("a"))
    lease = any_store.lease("a", [], seconds=60, now=NOW)
    assert any_store.append(lease, Did.BEGUN, None, {}, at=NOW).seq == 1
    any_store.release(lease)
    with pytest.raises(Refused, match="released"):
        any_store.append(lease, Did.NOTE, None, {}, at=NOW)


def test_dead_is_only_what_we_can_know_to_be_dead() -> None:
    us = ourselves()
    assert us.machine, "this test needs a machine id"
    assert not is_dead(us, seen_by=us)
    assert is_dead(replace(us, started=us.started - 1), seen_by=us), "the pid was reused"
    assert is_dead(replace(us, boot="earlier"), seen_by=us), "this machine was restarted"
    assert not is_dead(replace(us, boot="other", machine="other"), seen_by=us), "a clone of the same name"
    assert not is_dead(replace(us, boot="other", host="other"), seen_by=us)
    assert not is_dead(replace(us, boot="other", machine=""), seen_by=replace(us, machine=""))
    assert not is_dead(replace(us, namespace="other", started=0), seen_by=us), "another container's pids"


# Runs and events ------------------------------------------------------------


def test_what_was_appended_is_what_a_resume_reads(any_store: Store) -> None:
    any_store.open(record("a"))
    lease = any_store.lease("a", ["mx1"], seconds=60, now=NOW)
    data = {
        "before": {"main.cf content_filter": "=späm → \udcff\0"},
        "steps": ("a", "b"),
        "class": Did.FAILED,
        "at": NOW,
    }
    live = (
        any_store.append(lease, Did.INTENT, "bypass", data, at=NOW),
        any_store.note("a", Did.RESOLVED, None, {}, at=NOW),
    )
    assert any_store.events("a") == live
    assert [(e.seq, e.at) for e in live] == [(1, NOW), (2, NOW)]
    assert live[0].data["steps"] == ["a", "b"]


def test_events_are_there_after_kill_9_and_have_no_gap(url: str, store: SqlStore) -> None:
    store.open(record("a"))
    with process(append_for_ever, url, "a", child=True) as (other, pipe):
        heard = [hear(pipe)]
        for _ in range(50):  # another writer numbers events of the same run meanwhile
            store.note("a", Did.NOTE, None, {"by": "person"}, at=NOW)
        while len(heard) < 100:
            heard.append(hear(pipe))
        kill9(other, reap=True)
        while pipe.poll():
            try:
                heard.append(pipe.recv())
            except EOFError:
                break
    found = store.events("a")
    assert [e.seq for e in found] == list(range(1, len(found) + 1))
    by_run = [e.seq for e in found if e.data["by"] == "run"]
    assert by_run[: len(heard)] == heard
    assert len(by_run) <= len(heard) + 1
    assert len(found) == len(by_run) + 50


def test_every_run_counts_its_own_events(any_store: Store) -> None:
    for run in ("a", "b", "a"):
        if any_store.run(run) is None:
            any_store.open(record(run))
        any_store.note(run, Did.NOTE, None, {}, at=NOW)
    assert [[e.seq for e in any_store.events(run)] for run in ("a", "b", "c")] == [[1, 2], [1], []]


def test_an_event_needs_its_run(any_store: Store) -> None:
    lease = any_store.lease("a", ["mx1"], seconds=60, now=NOW)
    with pytest.raises(Refused, match="there is no run a"):
        any_store.append(lease, Did.NOTE, None, {}, at=NOW)
    with pytest.raises(Refused, match="there is no run a"):
        any_store.note("a", Did.NOTE, None, {}, at=NOW)


def test_a_key_opens_one_run_however_many_ask(url: str) -> None:
    rounds = 15
    with process(race_for_key, url, "a", rounds) as (_, a), process(race_for_key, url, "b", rounds) as (_, b):
        for _ in range(rounds):
            assert [hear(a), hear(b)] == ["ready", "ready"]
            a.send("go")
            b.send("go")
            assert hear(a) == hear(b)


def test_runs_newest_first_as_they_were_opened(any_store: Store) -> None:
    old, new = record("z", key="k"), record("a", opened=NOW + timedelta(microseconds=1), reason="späm")
    for one in (old, new):
        any_store.open(one)
    assert any_store.runs() == (new, old)
    assert any_store.runs(1) == (new,)
    assert (any_store.run("z"), any_store.run("y")) == (old, None)
    with pytest.raises(Refused, match="there is a run z already"):
        any_store.open(record("z"))


def test_a_reason_no_database_takes_is_kept_readable(store: SqlStore) -> None:
    store.open(record("a", reason="späm\udcff\0"))
    assert store.runs()[0].reason == "späm\\udcff"


def test_a_pause_holds_until_its_end_or_until_it_is_lifted(any_store: Store) -> None:
    hour = timedelta(hours=1)
    for_all = Pause(None, "ann", "maintenance", NOW, NOW + hour)
    for_one = Pause("mx1", "ben", "kernel", NOW, NOW + 2 * hour)
    for pause in (replace(for_all, reason="first word"), for_all, for_one):
        any_store.pause(pause)
    assert any_store.pauses(NOW) == (for_all, for_one)
    assert any_store.pauses(NOW + hour) == (for_one,)
    assert (any_store.unpause("mx1"), any_store.pauses(NOW)) == (1, (for_all,))
    any_store.pause(for_one)
    assert (any_store.unpause(None), any_store.pauses(NOW), any_store.unpause(None)) == (2, (), 0)


def test_run_ids_sort_by_time_and_fit_a_command_line() -> None:
    ids = [new_run_id("Spam filter/hung; rm -rf", NOW + timedelta(minutes=i), Random(i)) for i in range(20)]
    assert ids == sorted(ids)
    assert ids[0].startswith("20261124-0312-spam-filter-hung-rm-rf-")
    assert len({new_run_id("p", NOW, r) for r in [Random(1)] for _ in range(50)}) > 45
    assert len(new_run_id("x" * 99, NOW, Random(1))) <= 64


def test_a_server_lost_at_the_commit_leaves_it_unknown_and_earlier_it_does_not(postgresql: str) -> None:
    store, other = (SqlStore.open_url(postgresql.format("postgres")) for _ in range(2))

    def lose_the_connection_of(conn: Any) -> None:
        pid = conn.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        with reading(other.engine) as beside:
            beside.exec_driver_sql("SELECT pg_terminate_backend(%s, 5000)", (pid,))

    with pytest.raises(OutcomeUnknown, match="was lost while it recorded"), writing(store.engine) as conn:
        lose_the_connection_of(conn)

    def lose_it_before_the_commit() -> None:
        with writing(store.engine) as conn:
            lose_the_connection_of(conn)
            conn.exec_driver_sql("SELECT 1")

    with pytest.raises(Unreachable, match="nothing was recorded"):
        lose_it_before_the_commit()
    assert store.open(record("a")) == store.run("a"), "the store connects again by itself"
    for one in (store, other):
        one.close()


# Opening --------------------------------------------------------------------


def test_many_processes_may_open_a_new_store_at_once(url: str) -> None:
    with process(open_new, url) as (_, a), process(open_new, url) as (_, b), process(open_new, url) as (_, c):
        assert [hear(p) for p in (a, b, c)] == ["ready"] * 3
        for p in (a, b, c):
            p.send("go")
        assert [hear(p) for p in (a, b, c)] == ["opened"] * 3
    reopened = SqlStore.open_url(url)
    assert len(reopened.runs()) == 3
    reopened.close()


def test_opening_waits_for_a_writer_that_is_there_before_the_log_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    first.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr("failover.adapters.state_db.time.sleep", lambda _: first.rollback())
    store = SqlStore.open_url(f"sqlite:///{tmp_path}/state.db")
    assert store.runs() == ()
    store.close()
    first.close()


def test_a_store_of_a_newer_version_is_left_alone(url: str, store: SqlStore) -> None:
    with store.engine.connect() as conn:
        conn.exec_driver_sql("UPDATE meta SET value = '7' WHERE name = 'schema'")
        conn.exec_driver_sql("UPDATE meta SET value = '2.3.4' WHERE name = 'by'")
        conn.commit()
    with pytest.raises(ConfigError, match=r"written by failover 2\.3\.4 \(schema 7\)") as e:
        SqlStore.open_url(url)
    assert e.value.try_ == "use failover 2.3.4 or newer"


@pytest.mark.parametrize("theirs", ["DROP TABLE meta", "DELETE FROM meta"])
def test_tables_of_another_program_are_left_alone(url: str, store: SqlStore, theirs: str) -> None:
    with store.engine.connect() as conn:
        conn.exec_driver_sql(theirs)
        conn.commit()
    with pytest.raises(ConfigError, match="tables of that name that are not failover's"):
        SqlStore.open_url(url)


def test_sqlite_is_synced_at_every_commit(tmp_path: Path) -> None:
    store = SqlStore.open_url(f"sqlite:///{tmp_path}/new/state.db")
    with store.engine.connect() as conn:
        assert conn.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL: sqlite.org/pragma.html
        assert conn.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    store.close()
    assert (tmp_path / "new/state.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"version: 1\nhosts: {}\n" * 99, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_file_that_is_no_database_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "state.db"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"state\.db cannot be used: ") as e:
        SqlStore.open_url(f"sqlite:///{file}")
    assert "aside" in e.value.try_
    assert file.read_bytes() == content


def test_a_writer_that_never_ends_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("failover.adapters.state_db.PATIENCE_S", 0.1)
    store = SqlStore.open_url(f"sqlite:///{tmp_path}/state.db")
    stuck = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    stuck.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unreachable, match=r"nothing was recorded in .*locked"):
        store.open(record("a"))
    assert store.runs() == ()  # reading goes on
    stuck.close()
    store.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_users_state_is_not_touched() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        url = f"sqlite:///{folder}/state.db"
        SqlStore.open_url(url).close()
        Path(folder, "state.db").chmod(0o666)
        with process(open_as_nobody, url) as (_, pipe):
            kind, said, try_ = hear(pipe)
        assert (kind, try_.startswith("sudo -u root failover")) == ("ConfigError", True)
        assert f"one system user owns the state folder, {folder}/state.db belongs to root" in said
        Path(folder, "state.db").unlink()
        Path(folder).chmod(0o755)
        with process(open_as_nobody, url) as (_, pipe):
            kind, said, _ = hear(pipe)
        assert kind == "ConfigError"
        assert f"{folder} belongs to root, and we run as nobody" in said


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///:memory:", "mysql://u:s3cret@h/d", "s3cret", "postgresql+psycopg://u:s3cret@h:port/d"],
)
def test_a_url_that_keeps_nothing_is_refused_and_its_password_is_not_shown(url: str) -> None:
    with pytest.raises(ConfigError) as e:
        SqlStore.open_url(url)
    assert "s3cret" not in f"{e.value}{e.value.try_}"


def test_a_server_that_is_not_there_is_said_without_its_password() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(Unreachable) as e:
        SqlStore.open_url("postgresql+psycopg://failover:s3cret@127.0.0.1:1/state?sslpassword=s3cret")
    assert "postgresql+psycopg://failover:***@127.0.0.1:1/state" in str(e.value)
    assert "s3cret" not in f"{e.value}{e.value.__cause__}"
