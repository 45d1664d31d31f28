"""What a cycle reads of the state does not grow with what is over: counted in the database's own steps, not in time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from benchmarks.past_runs import SPAN, fill
from failover.adapters.store import SqlStore
from failover.cli import why_text
from failover.cli.status import document
from failover.cli.why import situation
from failover.config.catalogue import list_all
from failover.config.playbooks import load_playbook
from failover.controller.cycle import cycle
from failover.controller.observe import peaks_of
from failover.core.runs.journal import Did
from failover.runs.service import Runs
from failover.world.ports import ports
from failover.world.world import World

BOOKS = tuple(load_playbook(path) for path in list_all(None).values())
FEW = "open|owes|newest"
"""Indexes that may be gone through: what is open, what owes an undo, and the newest up to a limit."""
WHOLE = re.compile(rf"SCAN (runs|events|summaries|proposals)\b(?! USING (COVERING )?INDEX ix_summaries_({FEW}))")
"""Not `looks`, which are thinned to a fixed number."""
READS = {"SELECT", "INSERT", "UPDATE", "DELETE"}


def a_cycle(c: Runs) -> None:
    cycle(c, BOOKS)


def why(c: Runs) -> None:
    seen = situation(c, BOOKS)
    why_text.document(seen, c.store.cycle(), None, peaks_of(c, seen))


def runs_list(c: Runs) -> None:
    c.store.listed(before=c.find("2020").id if len(c.store.listed(1)) > 1 else None)


def over(folder: Path, count: int, span: timedelta = SPAN, ago: timedelta = timedelta()) -> Runs:
    """A calm night, after so many runs that are over, the newest of them so long `ago`."""
    world = World.august_11(5, rate=2, hang_at=1e9, until=1000)
    store = SqlStore.open_url(f"sqlite:///{folder}/{count}.db")
    c = Runs(ports(world), store)
    fill(store, count, c.now - ago, span)
    cycle(c, BOOKS)  # the first finds nothing remembered
    world.advance(10)
    return c


@dataclass
class Counted:
    """The steps of SQLite's machine in tens (sqlite3_progress_handler), the texts that were read, each statement."""

    steps: int = 0
    texts: int = 0
    said: list[tuple[str, Any]] = field(default_factory=list)


@contextmanager
def counted(c: Runs) -> Iterator[Counted]:
    assert isinstance(c.store, SqlStore)
    of = Counted()

    def step() -> int:
        of.steps += 1
        return 0

    def text(stored: bytes) -> str:
        of.texts += 1
        return stored.decode()

    @event.listens_for(c.store.engine, "checkout")
    def _(connection: Any, *_: object) -> None:
        connection.set_progress_handler(step, 10)
        connection.text_factory = text

    @event.listens_for(c.store.engine, "before_cursor_execute")
    def _(_: object, __: object, statement: str, given: Any, ___: object, many: bool) -> None:
        of.said.append((statement, given[0] if many else given))

    c.store.engine.dispose()  # a connection that was open already
    yield of


def test_what_stands_is_found_behind_more_than_a_thousand_later_runs() -> None:
    """safety: history costs. Only the last 1,000 runs were looked at: it was in force, and nobody knew."""
    world = World.august_11(5, rate=2, hang_at=10, until=1000)
    c = Runs(ports(world), world.store)
    world.advance(75)
    record, _ = c.run(c.plan(next(b for b in BOOKS if b.name == "spam-filter-hung"), {"sick": "mx1"}))
    for n in range(1, 1002):
        later = record.opened + timedelta(minutes=n)
        world.store.open(replace(record, id=f"later-{n}", opened=later, key=None))
        world.store.note(f"later-{n}", Did.CLOSED, None, {"state": "succeeded"}, at=later)
    assert [m.run for m in c.mitigations()] == [record.id]
    assert c.newest_undoable() == record
    assert [m.run for m in c.past(BOOKS).standing] == [record.id]


@pytest.mark.parametrize("looks", [a_cycle, document, why, runs_list])
def test_what_is_over_costs_nothing(tmp_path: Path, looks: Callable[[Runs], object]) -> None:
    """safety: history costs. With 300 closed runs a cycle took 9.0 s instead of 2.4."""
    took = {}
    for count in (100, 1000):
        c = over(tmp_path, count)
        with counted(c) as of:
            looks(c)
        took[count] = of
    few, many = took[100], took[1000]
    assert len(many.said) <= len(few.said) + 2
    assert many.steps <= few.steps * 1.2 + 20


@pytest.mark.parametrize("looks", [a_cycle, document, why])
def test_what_was_done_again_and_again_today_costs_nothing(tmp_path: Path, looks: Callable[[Runs], object]) -> None:
    """safety: history costs. After 256 runs a day, each was read twice a cycle, which took 1.4 times as long."""
    took = {}
    for count in (10, 400):
        c = over(tmp_path, count, span=timedelta(hours=20), ago=timedelta(hours=1))
        with counted(c) as of:
            looks(c)
        took[count] = of.texts
    assert took[400] <= took[10] * 1.2


def test_no_statement_of_a_cycle_goes_through_a_whole_table_that_grows(tmp_path: Path) -> None:
    c = over(tmp_path, 10)
    assert isinstance(c.store, SqlStore)
    with counted(c) as of:
        for looks in (a_cycle, document, why, runs_list):
            looks(c)
    asked = {statement: given for statement, given in of.said if statement.split()[0] in READS}
    assert len(asked) > 20
    with c.store.engine.connect() as conn:
        for statement, given in asked.items():
            plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).all()
            assert not [row for row in plan if WHOLE.search(row[3])], (statement, plan)
