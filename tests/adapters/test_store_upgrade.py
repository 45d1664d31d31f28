"""Databases that an earlier version wrote, as dumps of what it did write; and one that is still at work on them."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import IntegrityError

from failover.adapters.store import SqlStore
from failover.adapters.store_guest import guest
from failover.core.decide.past import Pause
from failover.core.observe.condition import Predicate
from failover.core.observe.signal import Outcome
from failover.core.runs.journal import Did, RunState
from failover.core.runs.summary import Folded, outline
from failover.errors import ConfigError, Refused
from failover.runs import history
from failover.world.world import World
from tests.adapters.stores import hear, new_url, process
from tests.adapters.test_store_memory import HOUR, NOW, PAGE, TOLD, seen, waiting

OVER, STANDS, WAITS = (
    f"20200811-06{of}" for of in ("02-spam-filter-hung-73c", "13-spam-filter-hung-42c", "18-spam-filter-hung-xsr")
)
HELD_AT = datetime(2020, 8, 11, 6, 20, tzinfo=UTC)


_RUN = "20261124-0312-spam-filter-hung-a3f"


@pytest.fixture
def old_url(url: str) -> str:
    """What failover 0.1.0 with schema 1 wrote: a run that is under way, held from elsewhere, and a pause."""
    return written(url, "schema_1")


@pytest.fixture
def url_3(url: str) -> str:
    """What it wrote with schema 3: a run that is over, one that is over and stands, and one that waits and is held.

    The last release before summaries played a simulated night on each database, which was dumped then.
    """
    return written(url, "schema_3")


def written(url: str, version: str) -> str:
    kind = url.split(":")[0].split("+")[0]
    script = (Path(__file__).parent / version / f"{kind}.sql").read_text()
    if kind == "sqlite":
        with sqlite3.connect(url.removeprefix("sqlite:///")) as file:
            file.executescript(script)
        file.close()
    else:
        import psycopg

        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as conn:
            conn.execute(script.encode())
    return url


def test_a_store_of_schema_1_is_brought_up_with_all_that_is_in_it(old_url: str) -> None:
    store = SqlStore.open_url(old_url)
    (run,) = store.runs()
    assert (run.id, run.by, run.reason, run.key) == (_RUN, "ann", "späm", "incident-1")
    assert run.plan.steps[0].guards == (Predicate("spam.scan", "mx1", is_=Outcome.FAIL, samples=3),)
    assert [(e.seq, e.kind) for e in store.events(_RUN)] == [(1, Did.BEGUN), (2, Did.INTENT)]
    assert store.pauses(NOW) == (Pause("mx2", "ben", "kernel", NOW, NOW + 2 * HOUR),)
    assert store.lease("other", ["mx1"], seconds=60, now=NOW).epoch > 1795489925, "who held it is refused from now on"
    store.remember((seen(NOW),))
    store.tell([TOLD], [], [("pager", PAGE)], at=NOW)
    store.close()
    reopened = SqlStore.open_url(old_url)
    assert (reopened.samples(NOW), reopened.told(), waiting(reopened)) == ((seen(NOW),), (TOLD,), [("pager", PAGE)])
    reopened.close()


def test_a_store_of_schema_2_still_knows_what_it_said(url: str) -> None:
    """Schema 3 added the spells of an incident, and when it was last spoken of."""
    store = SqlStore.open_url(url)
    store.tell([TOLD], [], [], at=NOW)
    whole = _shape(url)
    with store.engine.begin() as conn:
        for column in ("spells", "spoken"):
            conn.exec_driver_sql(f"ALTER TABLE incidents DROP COLUMN {column}")
        conn.exec_driver_sql("DROP TABLE summaries")
        conn.exec_driver_sql("UPDATE meta SET value = '2' WHERE name = 'schema'")
    store.close()
    assert _shape(url) == whole
    store = SqlStore.open_url(url)
    assert store.told() == (replace(TOLD, spells=(), spoken=None),)
    store.tell([TOLD], [], [], at=NOW)
    assert store.told() == (TOLD,)
    store.close()


def test_brought_up_it_has_the_tables_of_a_new_one(
    old_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    kind = old_url.split(":")[0].split("+")[0]
    assert _shape(old_url) == _shape(new_url(kind, request, tmp_path / "new"))


def _shape(url: str) -> dict[str, object]:
    store = SqlStore.open_url(url)
    there = inspect(store.engine)
    found: dict[str, object] = {
        name: [
            [(c["name"], str(c["type"]), c["nullable"]) for c in there.get_columns(name)],
            sorted(str(i["column_names"]) for i in there.get_indexes(name)),
        ]
        for name in there.get_table_names()
    }
    store.close()
    return found


def open_and_remember(pipe: Connection, url: str) -> None:
    pipe.send("ready")
    pipe.recv()
    store = SqlStore.open_url(url)
    store.remember((seen(NOW),))
    pipe.send(len(store.runs()))


def test_two_may_bring_it_up_at_once(old_url: str) -> None:
    with process(open_and_remember, old_url) as (_, a), process(open_and_remember, old_url) as (_, b):
        assert [hear(a), hear(b)] == ["ready", "ready"]
        a.send("go")
        b.send("go")
        assert [hear(a), hear(b)] == [1, 1]
    store = SqlStore.open_url(old_url)
    assert len(store.samples(NOW)) == 2
    store.close()


def test_a_table_that_another_program_has_made_meanwhile_stops_it(old_url: str) -> None:
    engine = create_engine(old_url)
    with engine.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE outbox (a TEXT)")
    with pytest.raises(ConfigError, match="not failover's: outbox"):
        SqlStore.open_url(old_url)
    assert "looks" not in inspect(engine).get_table_names()
    engine.dispose()


# Schema 4: runs in short, found by index ---------------------------------------------


def test_a_store_of_schema_3_still_finds_all_that_is_open_or_in_force(url_3: str) -> None:
    store = SqlStore.open_url(url_3)
    found = {s.run: s for s in store.listed()}
    assert list(found) == [WAITS, STANDS, OVER]
    assert {run: s.progress.state for run, s in found.items()} == {
        OVER: RunState.ROLLED_BACK,
        STANDS: RunState.SUCCEEDED,
        WAITS: RunState.PAUSED,
    }
    assert [s.run for s in store.current()] == [WAITS, STANDS]
    for run, summary in found.items():
        record = store.run(run)
        assert record is not None
        whole = Folded.of(outline(record.plan), record.opened, store.events(run))
        assert (summary.outline, summary.progress) == (outline(record.plan), whole.progress)
    store.close()


def test_what_stood_before_the_upgrade_can_be_taken_back_after_it(url_3: str) -> None:
    store = SqlStore.open_url(url_3)
    stands = history.owing(store, store.current())
    assert [(r.id, history.mitigations(r, v)[0].step.id) for r, v in stands if r.id == STANDS] == [(STANDS, "bypass")]
    fleet = World.august_11(5, rate=2, hang_at=10, until=100).fleet
    past = history.past(store, fleet, (), HELD_AT)
    assert [(m.run, m.host) for m in past.standing] == [(WAITS, "mx2"), (STANDS, "mx1")]
    assert [(r.run, r.open) for r in past.ran] == [(WAITS, True), (STANDS, False)]
    store.close()


def test_an_older_version_that_is_still_at_work_can_record_nothing_more(url_3: str) -> None:
    """Its `watch` keeps the state open for months. What it recorded from now on, no summary would know."""
    engine = create_engine(url_3)
    lease = "SELECT count(*) FROM leases WHERE run = :run"
    with engine.connect() as old:
        assert old.execute(text(lease), {"run": WAITS}).scalar() == 1
    store = SqlStore.open_url(url_3)
    with engine.connect() as old:
        assert old.execute(text(lease), {"run": WAITS}).scalar() == 0, "its next record is refused: it was taken over"
        taken = "INSERT INTO leases (scope, run, epoch, holder, until) VALUES ('host:mx2', 'a', 1, '{}', '2020')"
        with pytest.raises(IntegrityError, match="restart failover: a newer version has upgraded this state"):
            old.execute(text(taken))
    assert store.lease(WAITS, ["host:mx2"], seconds=60, now=HELD_AT).run == WAITS
    store.close()
    engine.dispose()


def test_this_version_can_record_nothing_more_once_a_newer_one_has_upgraded_the_state(store: SqlStore) -> None:
    with store.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE meta SET value = '5' WHERE name = 'schema'")
    with pytest.raises(Refused, match="a newer failover has upgraded this state to schema 5") as e:
        store.lease("cycle", ["controller"], seconds=60, now=NOW)
    assert e.value.try_.startswith("start it again")


def test_a_run_whose_journal_cannot_be_understood_counts_as_open_and_as_owing(url_3: str) -> None:
    engine = create_engine(url_3)
    with engine.begin() as conn:
        conn.execute(text("UPDATE events SET step = 'no-such' WHERE step IS NOT NULL AND run = :run"), {"run": OVER})
    engine.dispose()
    store = SqlStore.open_url(url_3)
    (unknown,) = (s for s in store.current() if s.run == OVER)
    assert (unknown.progress.open, unknown.progress.owes) == (True, True)
    assert "its journal cannot be understood" in unknown.progress.because
    store.close()


def test_a_guest_brings_nothing_up_and_says_what_does(url_3: str) -> None:
    with pytest.raises(ConfigError, match="has schema 3, this failover reads schema 4") as e, guest(url_3):
        pass
    assert "`failover tick`" in e.value.try_


def test_a_guest_of_a_newer_state_is_told_to_use_the_newer_version(url: str, store: SqlStore) -> None:
    with store.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE meta SET value = '7' WHERE name = 'schema'")
        conn.exec_driver_sql("UPDATE meta SET value = '2.3.4' WHERE name = 'by'")
    with pytest.raises(ConfigError, match="has schema 7") as e, guest(url):
        pass
    assert e.value.try_ == "use failover 2.3.4 or newer"
