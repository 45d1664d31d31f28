"""Runs found by index: one contract, over both databases and the simulated world's store."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from failover.adapters.journal_json import dumps
from failover.adapters.state_db import writing
from failover.adapters.state_summary import outline_of, rebuild
from failover.adapters.store import SqlStore
from failover.core.runs import retention
from failover.core.runs.journal import Did, RunState
from failover.core.runs.summary import Folded, outline
from failover.ports import RunRecord, Store
from tests.core.test_summary import DATA, PLAN, STEPS
from tests.world.runs import Scene, scene

NOW = datetime(2026, 11, 24, 3, 12, 5, 123456, tzinfo=UTC)
SECOND, HOUR, DAY = (timedelta(seconds=s) for s in (1, 3600, 86400))


def opened(store: Store, run: str, at: datetime = NOW, **fields: Any) -> str:
    store.open(RunRecord(run, at, "ann", "drill", PLAN, **fields))
    return run


def over(store: Store, run: str, at: datetime = NOW, *, owes: bool = False, **fields: Any) -> str:
    """A run that has ended; `owes`: what it changed stands."""
    opened(store, run, at, **fields)
    store.note(run, Did.INTENT, "bypass", {}, at=at)
    if not owes:
        store.note(run, Did.UNDONE, "bypass", {}, at=at)
    store.note(run, Did.CLOSED, None, {"state": RunState.SUCCEEDED.value}, at=at)
    return run


def names(found: Any) -> list[str]:
    return [s.run for s in found]


# Summary and journal ---------------------------------------------------------------


def check(store: Store) -> None:
    for s in store.listed(1000):
        record = store.run(s.run)
        assert record is not None
        whole = Folded.of(outline(record.plan), record.opened, store.events(s.run))
        assert (s.opened, s.by, s.reason) == (record.opened, record.by, record.reason)
        assert (s.outline, s.progress) == (whole.outline, whole.progress)


def record_something(of: random.Random, store: Store, run: str) -> None:
    kind = of.choice(list(Did))
    data = of.choice(_CHOICES.get(kind, [{}]))
    store.note(run, kind, of.choice(STEPS).id, data, at=NOW + of.randrange(-3600, 3600) * SECOND)


_CHOICES: dict[Did, list[dict[str, Any]]] = {
    Did.BEGUN: [{"direction": "forward"}, {"direction": "back"}],
    Did.CLOSED: [{"state": s.value} for s in RunState],
    Did.RESOLVED: [{"choice": c} for c in ("keep", "restore", "skip")],
    Did.FAILED: [{"class": "verify"}, {"nothing_done": True}],
}


def test_whatever_is_recorded_the_summary_is_the_fold(any_store: Store) -> None:
    """safety: history costs. A summary is written with each event, and never says anything else than the journal."""
    assert _CHOICES.keys() <= DATA.keys()
    of = random.Random(8)
    runs = [opened(any_store, f"run-{n}", NOW + n * SECOND) for n in range(12)]
    for _ in range(25 * len(runs)):
        record_something(of, any_store, of.choice(runs[: of.randrange(1, len(runs))]))
    check(any_store)


def test_two_that_write_to_the_same_run_in_turn_never_fold_from_what_only_they_know(url: str, store: SqlStore) -> None:
    other, of = SqlStore.open_url(url), random.Random(9)
    opened(store, "a")
    for _ in range(60):
        record_something(of, of.choice((store, other)), "a")
    check(store)
    other.close()


def test_what_was_not_committed_is_not_folded(url: str, store: SqlStore) -> None:
    """An event whose commit fails was never there, and another writer's has its number."""
    other = SqlStore.open_url(url)
    opened(store, "a")
    store.note("a", Did.INTENT, "bypass", {}, at=NOW)

    @event.listens_for(store.engine, "commit", once=True)
    def _(_: Connection) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.note("a", Did.UNDONE, "bypass", {}, at=NOW)
    other.note("a", Did.VERIFIED, "bypass", {}, at=NOW)
    store.note("a", Did.INTENT, "flush", {}, at=NOW)
    assert [e.kind for e in store.events("a")] == [Did.INTENT, Did.VERIFIED, Did.INTENT]
    check(store)
    assert names(store.current()) == ["a"]
    other.close()


def test_an_event_that_no_fold_could_take_is_not_recorded(any_store: Store) -> None:
    """Else its run could never be looked at again."""
    opened(any_store, "a")
    with pytest.raises(KeyError):
        any_store.note("a", Did.INTENT, "no-such-step", {}, at=NOW)
    assert any_store.events("a") == ()


def test_summaries_can_be_made_anew_from_the_journal(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("failover.adapters.state_summary.BATCH", 2)
    of = random.Random(10)
    runs = [opened(store, f"run-{n}", NOW + n * SECOND) for n in range(5)]
    for _ in range(60):
        record_something(of, store, of.choice(runs))
    before = store.listed()
    with writing(store.engine) as conn:
        rebuild(conn)
    assert store.listed() == before


def test_the_outline_of_a_recorded_plan_is_that_of_the_plan() -> None:
    planned: Scene = scene()
    for plan in (PLAN, replace(PLAN, params={}, incident=None), planned.record.plan):
        assert outline_of(dumps(plan)) == outline(plan)


# Finding ---------------------------------------------------------------------------


def test_what_is_open_or_in_force_is_found_behind_any_number_of_closed_runs(any_store: Store) -> None:
    """safety: history costs. With more than 1,000 runs after it, what nobody put back was forgotten."""
    over(any_store, "in-force", NOW - 1500 * DAY, owes=True)
    opened(any_store, "open", NOW - 1400 * DAY)
    for n in range(20):
        over(any_store, f"closed-{n:02}", NOW - n * HOUR)
    assert names(any_store.current()) == ["open", "in-force"]
    assert names(any_store.current(NOW - HOUR)) == ["closed-00", "closed-01", "open", "in-force"]
    any_store.note("closed-09", Did.NOTE, None, {}, at=NOW)
    assert names(any_store.current(NOW - SECOND)) == ["closed-00", "closed-09", "open", "in-force"]
    any_store.note("in-force", Did.UNDONE, "bypass", {}, at=NOW - 1500 * DAY)
    any_store.note("open", Did.ACCEPTED, None, {}, at=NOW - 1400 * DAY)
    assert any_store.current() == ()


def test_of_many_that_are_alike_only_the_newest_are_read(any_store: Store) -> None:
    """What decides is how the newest went: of 256 a day, two reads a cycle took half as long as the rest of it."""
    over(any_store, "in-force", NOW - 9 * HOUR, owes=True)
    for n in range(5):
        over(any_store, f"acted-{n}", NOW - n * HOUR)
        opened(any_store, f"idle-{n}", NOW - n * HOUR)
        any_store.note(f"idle-{n}", Did.ACCEPTED, None, {}, at=NOW - n * HOUR)
    opened(any_store, "open", NOW - 8 * HOUR)
    assert names(any_store.current(NOW - 3 * HOUR, alike=2)) == [
        "idle-0", "acted-0", "idle-1", "acted-1", "open", "in-force",
    ]  # fmt: skip
    assert names(any_store.current(alike=2)) == ["open", "in-force"]


def test_runs_are_listed_page_by_page_newest_first(any_store: Store) -> None:
    runs = [opened(any_store, f"run-{n}", NOW + (n // 2) * SECOND) for n in range(6)]
    newest = runs[::-1]
    assert names(any_store.listed()) == newest
    pages = [any_store.listed(2)]
    while pages[-1]:
        pages.append(any_store.listed(2, before=pages[-1][-1].run))
    assert [run for page in pages for run in names(page)] == newest
    assert any_store.listed(before="no-such-run") == ()


def test_a_run_is_found_by_its_key_and_by_a_beginning_of_its_id(any_store: Store) -> None:
    for run in ("20261124-0312-b", "20261124-0312-a", "20261124-0313-a", "2026_"):
        opened(any_store, run, key=f"key of {run}")
    assert any_store.named("20261124-0312") == ("20261124-0312-a", "20261124-0312-b")
    assert any_store.named("2026", limit=2) == ("20261124-0312-a", "20261124-0312-b")
    assert any_store.named("2026_") == ("2026_",)
    assert any_store.named("2026%") == any_store.named("x") == ()
    assert any_store.by_key("key of 2026_") == any_store.run("2026_")
    assert any_store.by_key("another") is None


# Forgetting --------------------------------------------------------------------------


def test_thin_forgets_old_runs_that_are_over_and_no_others(any_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("core.runs.retention", "adapters.state_summary", "world.store"):
        monkeypatch.setattr(f"failover.{module}.LEAST_RUNS", 2)
    monkeypatch.setattr("failover.core.runs.retention.RUNS_AT_ONCE", 2)
    monkeypatch.setattr("failover.adapters.state_summary.RUNS_AT_ONCE", 2)
    over(any_store, "stands", NOW - 900 * DAY, owes=True)
    opened(any_store, "open", NOW - 900 * DAY)
    for days in (700, 600, 500, 399, 398):
        over(any_store, f"{days}-days", NOW - days * DAY)
    assert any_store.events("700-days")
    any_store.thin(NOW)
    assert names(any_store.listed()) == ["398-days", "399-days", "500-days", "stands", "open"]
    assert (any_store.run("700-days"), any_store.events("700-days")) == (None, ())
    any_store.thin(NOW, kept=500 * DAY)
    assert any_store.run("500-days") is not None
    any_store.thin(NOW)
    any_store.thin(NOW + 9000 * DAY)
    assert names(any_store.listed()) == ["398-days", "399-days", "stands", "open"], (
        "the newest stay, whatever the clock"
    )
    assert (retention.RUNS_KEPT, retention.LEAST_RUNS) == (400 * DAY, 2)
