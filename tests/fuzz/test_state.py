"""Rows of the state that a bad disk, another program or a person has written: one of them hides no other."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failover.adapters.state_schema import tables
from failover.adapters.store import SqlStore
from failover.cli.status import document, lines
from failover.core.alerting.alert import Message, Told
from failover.core.decide.past import Cycle
from failover.core.runs.journal import Did
from failover.core.runs.plan import Plan
from failover.errors import FailoverError, Fault, Refused
from failover.ports import Pause, Proposal
from failover.runs import history
from failover.runs.service import Runs
from failover.world.ports import ports
from failover.world.world import World
from tests.adapters.test_store_memory import SPELLS, seen
from tests.adapters.test_store_runs import NOW, opened, over
from tests.core.test_summary import PLAN
from tests.fuzz.made_up import NASTY, NUMBERS, TEXT, fuzz, no_fault

TWICE = (1, 2)
NOT_READ = {("meta", "name"), ("meta", "value"), ("epochs", "id"), ("epochs", "last")}
COLUMNS = [(t.name, c.name) for t in tables.sorted_tables for c in t.columns if (t.name, c.name) not in NOT_READ]
JSON = ["[]", "{}", "null", "7", "[[1]]", '{"a": NaN}', '[{"h":7,"n":"x","v":"","o":"ok"}]', "[" * 5000]
VALUE = (
    TEXT
    | st.sampled_from(JSON)
    | st.sampled_from([None, 0, -1, 2**62, 1.5, b"", b"\xff\xfe", "2026-11-24", "2026-11-24T03:12:05"])
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two of everything."""
    path = tmp_path_factory.mktemp("state") / "state.db"
    store = SqlStore.open_url(f"sqlite:///{path}")
    for n in TWICE:
        lease = store.lease(opened(store, f"open-{n}"), (f"mx{n}",), seconds=60, now=NOW)
        store.append(lease, Did.INTENT, "bypass", {}, at=NOW)
        over(store, f"over-{n}", owes=True)
        store.pause(Pause(f"mx{n}", "ann", "drill", NOW, NOW + timedelta(hours=1)))
        store.remember((seen(NOW - n * timedelta(seconds=9)),))
        page = Message(f"mx{n}/x", "critical", "x", "x")
        told = Told(page.key, NOW, NOW, ("seen",), "critical", "x", SPELLS, NOW)
        store.tell((told,), (), [("webhook", page)], at=NOW)
        store.propose(Proposal(f"key-{n}", PLAN, f"mx{n}", NOW, NOW + timedelta(hours=1)))
    store.ended(Cycle(NOW, "ann", "nothing", ("all is well",), seen={"mx1": "well"}))
    store.close()
    return path


LISTS: dict[str, tuple[str, Callable[[SqlStore], tuple[object, ...]]]] = {
    "holders": ("leases", lambda s: s.holders(NOW)),
    "runs": ("runs", lambda s: s.runs()),
    "current": ("summaries", lambda s: s.current(NOW - timedelta(days=1))),
    "listed": ("summaries", lambda s: s.listed()),
    "pauses": ("pauses", lambda s: s.pauses(NOW)),
    "samples": ("looks", lambda s: s.samples(NOW - timedelta(days=1))),
    "told": ("incidents", lambda s: s.told()),
    "unsent": ("outbox", lambda s: s.unsent()),
    "proposals": ("proposals", lambda s: s.proposals(NOW)),
    "read": ("events", lambda s: history.read(s, s.current())),
}
MANY = {"runs": 4, "current": 4, "listed": 4, "read": 4}


def spoil(path: Path, table: str, column: str, value: object) -> bool:
    """The first row. False where the database does not take it."""
    with closing(sqlite3.connect(path)) as there:
        there.execute("PRAGMA ignore_check_constraints = ON")
        first = f"SELECT min({_key(table)}) FROM {table}"  # noqa: S608  (names of ours)
        try:
            changed = f'UPDATE {table} SET "{column}" = CAST(? AS TEXT) WHERE {_key(table)} = ({first})'  # noqa: S608
            if not isinstance(value, bytes):
                changed = changed.replace("CAST(? AS TEXT)", "?")
            there.execute(changed, (value,))
            there.commit()
        except (sqlite3.Error, UnicodeError, OverflowError):
            return False
    return True


def _key(table: str) -> str:
    return next(iter(tables.tables[table].primary_key.columns)).name


@pytest.fixture(scope="module")
def spoilt(whole: Path) -> Path:
    return whole.with_name("spoilt.db")


@fuzz(60)
@given(st.sampled_from(COLUMNS), VALUE)
def test_a_row_that_cannot_be_read_hides_no_other(
    whole: Path, spoilt: Path, place: tuple[str, str], value: object
) -> None:
    shutil.copy(whole, spoilt)
    if not spoil(spoilt, *place, value):
        return
    store = SqlStore.open_url(f"sqlite:///{spoilt}")
    try:
        for name, (_, read) in LISTS.items():
            assert len(read(store)) >= MANY.get(name, 2) - 1, name
        store.cycle()
        for ask in asked(store):
            on_purpose(ask)
        store.thin(NOW)
    finally:
        store.close()
    no_fault()


def asked(store: SqlStore) -> list[Callable[[], object]]:
    """What reads or writes one row that may be the bad one."""
    names = ("open-1", "open-2", "over-1", "over-2")
    reads = [lambda n=n: (store.run(n), store.events(n)) for n in names]
    return [
        *reads,
        lambda: store.lease("next", ("mx1", "mx2"), seconds=60, now=NOW),
        lambda: store.note("open-1", Did.NOTE, None, {}, at=NOW),
        lambda: store.proposal("key-1"),
        lambda: store.by_key("x"),
    ]


def on_purpose(ask: Callable[[], object]) -> None:
    said: FailoverError | None = None
    try:
        ask()
    except FailoverError as e:
        said = e
    assert not isinstance(said, Fault)


# What is safest ---------------------------------------------------------------------------


@pytest.fixture
def store(whole: Path, spoilt: Path) -> Iterator[Callable[[str, str, object], SqlStore]]:
    made: list[SqlStore] = []

    def with_one(table: str, column: str, value: object) -> SqlStore:
        shutil.copy(whole, spoilt)
        assert spoil(spoilt, table, column, value)
        made.append(SqlStore.open_url(f"sqlite:///{spoilt}"))
        return made[-1]

    yield with_one
    for s in made:
        s.close()


Spoilt = Callable[[str, str, object], SqlStore]
BAD = [NASTY[0], NUMBERS[0], "{}", b"\xff"]


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("column", ["holder", "until"])
def test_a_lease_that_cannot_be_read_is_in_force(store: Spoilt, column: str, value: object) -> None:
    found = store("leases", column, value)
    assert {s for lease in found.holders(NOW) for s in lease.scopes} == {"mx1", "mx2"}
    with pytest.raises(FailoverError, match="mx1"):
        found.lease("next", ("mx1",), seconds=60, now=NOW)


def test_a_pause_that_cannot_be_read_holds_until_it_is_lifted(store: Spoilt) -> None:
    found = store("pauses", "until", "never")
    assert {p.host for p in found.pauses(NOW + timedelta(days=900))} == {"mx1"}
    found.unpause("mx1")
    assert not found.pauses(NOW + timedelta(days=900))


def test_a_run_that_cannot_be_read_stays_open_and_is_not_forgotten(store: Spoilt) -> None:
    found = store("summaries", "state", "who knows")
    (bad,) = (s for s in found.current() if s.run == "open-1")
    assert bad.progress.open
    assert bad.progress.owes
    found.thin(NOW + timedelta(days=4000))
    assert found.run("open-1") is not None


def test_what_was_done_is_recorded_behind_an_event_that_cannot_be_read(store: Spoilt) -> None:
    found = store("events", "data", "[")
    found.note("open-1", Did.NOTE, None, {}, at=NOW)
    (bad,) = (s for s in found.current() if s.run == "open-1")
    assert (bad.progress.open, bad.progress.owes) == (True, True)
    assert "cannot be understood" in bad.progress.because


def test_a_message_of_another_incident_is_sent_all_the_same(store: Spoilt) -> None:
    found = store("outbox", "due", "soon")
    assert [u.message.key for u in found.unsent()] == ["mx2/x"]
    assert replace(found.told()[0], key="") == replace(found.told()[1], key="")


def test_a_run_that_cannot_be_read_is_never_nothing_in_force(store: Spoilt) -> None:
    """safety 2: neither `status` nor a look at its host takes it for undone, and no look ends at it."""
    found = store("runs", "plan", "[")
    assert history.amiss(found, "open-1", "bypass") == "our records of it cannot be read"
    assert history.amiss(found, "nobody's", "bypass") == "our records know nothing of it"
    with closing(sqlite3.connect(found.engine.url.database or "")) as there:
        there.execute("UPDATE runs SET plan = '['")  # the others are of no server in this world
        there.commit()
    said = lines(document(Runs(ports(World()), found)))
    assert "run open-1 is open or in force, and what the state holds of it cannot be read" in said


def test_nothing_new_begins_where_an_open_run_cannot_be_read(store: Spoilt) -> None:
    """Elsewhere it does; where nobody can tell what it works on, nowhere."""
    elsewhere = replace(PLAN, steps=tuple(replace(s, host="mx9", domain=None) for s in PLAN.steps))

    def refused(found: SqlStore, plan: Plan) -> bool:
        for run in ("open-2", "over-1", "over-2"):
            found.note(run, Did.ACCEPTED, None, {}, at=NOW)
        try:
            Runs(ports(World()), found)._no_open_run(plan)
        except Refused as e:
            return "open-1 is open" in str(e)
        return False

    damaged = store("runs", "plan", "[")
    assert [refused(damaged, plan) for plan in (PLAN, elsewhere)] == [True, False]
    with closing(sqlite3.connect(damaged.engine.url.database or "")) as there:
        there.execute("UPDATE summaries SET outline = '[' WHERE run = 'open-1'")
        there.commit()
    assert refused(damaged, elsewhere)
