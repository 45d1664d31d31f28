"""The controller's clock was years ahead, and is right again: what it dated then neither bars nor lasts till then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from failover.adapters.store import SqlStore
from failover.cli.status import document, lines
from failover.controller.clocks import count_from_now
from failover.controller.cycle import cycle
from failover.core.decide.past import Pause
from failover.core.decide.verdict import Decision
from failover.core.fleet import Mode
from failover.core.runs.journal import Did, Phase, RunState
from failover.doctor.state import records
from failover.ports import RunRecord
from failover.runs import history
from failover.world.postfix import Daemon
from failover.world.world import World
from tests.world.runs import scene
from tests.world.test_modes import BOOKS, Watched

pytestmark = pytest.mark.slow

YEARS = 2 * 365 * 86400.0
HOUR = timedelta(hours=1)


def ahead() -> tuple[Watched, Callable[[], None]]:
    """A filter that hangs, and a controller two years ahead that has bypassed it; and what sets its clock right."""
    w = Watched(Mode.AUTO, World.august_11(5, rate=2, hang_at=10, until=9000))
    right = w.world.clock.ahead.lay(YEARS)
    w.until(200)
    assert [v.state for _, v in w.runs] == [RunState.SUCCEEDED]
    return w, right


def taken_back(w: Watched) -> RunRecord:
    ((record, _),) = w.runs
    assert w.c.rollback(record, although="a test").state is RunState.ROLLED_BACK
    return record


@pytest.mark.parametrize("back_by", ["a person before any cycle", "a person after one", "a person while it was ahead"])
def test_a_run_of_the_future_keeps_automation_off_for_its_cooldown_and_no_longer(back_by: str) -> None:
    """Never twice on one incident because a clock was set; and never silent for years."""
    w, right = ahead()
    if back_by == "a person while it was ahead":
        taken_back(w)
    right()
    if back_by == "a person before any cycle":
        taken_back(w)
    began = w.c.now
    turn = cycle(w.c, BOOKS)
    if back_by == "a person after one":
        first = taken_back(w)
        w.world.advance(10)
    else:
        ((first, _),) = w.runs
    for _ in range(6):
        turn = cycle(w.c, BOOKS)
        w.world.advance(10)
    assert turn.verdict.kind is Decision.PAGE
    assert "ahead of the clock, was made" in turn.verdict.because[-1]
    assert "or earlier (rolled_back), and the problem is back; the next one not before 1 h" in turn.verdict.because[-1]
    w.world.advance((HOUR - (w.c.now - began)).total_seconds() - 60)
    w.until(w.world.now + 50)
    assert len(w.runs) == 1, "within the cooldown"
    w.until(w.world.now + 180)
    again, _ = w.runs[-1] if w.runs[-1][0].id != first.id else w.runs[0]
    assert (again.id != first.id, again.opened - began >= HOUR) == (True, True)
    w.until(w.world.now + 60)
    assert len(w.runs) == 2, "and that one counts by its own time"


def test_runs_of_the_future_take_no_newer_ones_place() -> None:
    """Of those that are alike only a few are read, the newest."""
    w, right = ahead()
    record = taken_back(w)

    def over(run: str) -> None:
        w.c.store.open(replace(record, id=run, opened=w.c.now))
        for kind, data in ((Did.INTENT, {}), (Did.UNDONE, {}), (Did.CLOSED, {"state": "rolled_back"})):
            w.c.store.note(run, kind, None if kind is Did.CLOSED else "bypass", data, at=w.c.now)

    for n in range(5):
        over(f"ahead-{n}")
    right()
    cycle(w.c, BOOKS)
    w.world.advance(3000)
    over("newest")
    w.world.advance(1200)
    assert "newest" in [r.run for r in w.c.past(BOOKS).ran]


def test_what_it_changed_ends_its_span_after_the_clock_was_right() -> None:
    w, right = ahead()
    ((record, _),) = w.runs
    right()
    said = f"run {record.id}: recorded ahead of the clock"
    assert any(line.startswith(said) for line in lines(document(w.c)))
    assert [f.name for f in records(w.c, {}) if f.outcome.value == "warn"] == ["clock"]
    began, span = w.c.now, timedelta(hours=4)
    (standing,), (mitigation,) = w.c.past(BOOKS).standing, w.c.mitigations()
    assert standing.until == mitigation.until == began + span, "before any cycle, from now on"
    cycle(w.c, BOOKS)
    noted = w.c.store.events(record.id)[-1]
    assert (noted.kind, began <= noted.at <= w.c.now) == (Did.NOTE, True)
    assert not any(line.startswith(said) for line in lines(document(w.c)))
    events = w.c.store.events(record.id)
    w.until(w.world.now + 300)
    (standing,), (mitigation,) = w.c.past(BOOKS).standing, w.c.mitigations()
    assert standing.until == mitigation.until == noted.at + span, "and it does not move"
    assert w.c.store.events(record.id) == events, "told once, and what was recorded stays"


def test_the_durable_store_finds_it_and_remembers_when_it_counts_from(tmp_path: Path) -> None:
    w, right = ahead()
    record = taken_back(w)
    right()
    w.c.store = SqlStore.open_url(f"sqlite:///{tmp_path}/state.db")
    w.c.store.open(record)
    assert history.undated(w.c.store, w.c.now) == (record.id,)
    count_from_now(w.c)
    began = w.c.now
    w.world.advance(600)
    assert history.undated(w.c.store, w.c.now) == ()
    count_from_now(w.c)
    assert len(w.c.store.events(record.id)) == 1
    (ran,) = w.c.past(BOOKS).ran
    assert (ran.dated, ran.opened) == (record.opened, began)


def test_the_newest_is_what_was_made_last_whatever_the_clock_said() -> None:
    w, right = ahead()
    right()
    w.world.spamd("mx2", Daemon.HUNG)
    w.world.advance(10)
    record, _ = w.c.run(w.c.plan(BOOKS[0], {"sick": "mx2"}))
    assert w.c.newest_undoable().id == record.id
    assert w.c.past(BOOKS).standing[0].run == record.id


def test_an_order_of_the_future_that_was_never_begun_is_not_carried_out() -> None:
    w, right = ahead()
    record = taken_back(w)
    w.c.store.open(replace(record, id="cut-off", opened=w.c.now))
    right()
    w.world.spamd("mx1", Daemon.OK)
    w.until(w.world.now + 60)
    view = w.c.view(replace(record, id="cut-off"))
    assert (view.open, {s.attempts for s in view.steps.values()}) == (False, {0})
    assert w.world.files() == w.world.pristine


def test_a_person_who_resumes_it_is_told_so() -> None:
    w, right = ahead()
    record = taken_back(w)
    cut_off = replace(record, id="cut-off", opened=w.c.now)
    w.c.store.open(cut_off)
    right()
    view = w.c.resume(cut_off)
    assert (view.state, "ahead of the clock" in view.because) == (RunState.ABORTED, True)


def test_what_ended_in_the_future_is_news_no_more_and_the_incident_ends() -> None:
    w, right = ahead()
    right()
    w.world.spamd("mx1", Daemon.OK)
    w.until(w.world.now + 60)
    taken_back(w)
    w.until(w.world.now + 1800)
    assert [m.title for m in w.told if m.resolves] == ["resolved: mx1: spam-filter-hung succeeded"]


def test_a_pause_of_the_future_pages_and_whoever_lifts_it_lets_it_act() -> None:
    w = Watched(Mode.AUTO)
    right = w.world.clock.ahead.lay(YEARS)
    w.c.store.pause(Pause(None, "kim", "kernel upgrade", w.c.now, w.c.now + HOUR))
    right()
    turn = w.until(300)
    assert (turn.verdict.kind, w.runs) == (Decision.PAGE, ())
    (page,) = w.told
    assert "`failover unpause` ends it" in page.text
    w.c.store.unpause(None)
    w.until(400)
    assert len(w.runs) == 1


def test_a_question_of_the_future_is_asked_anew() -> None:
    w = Watched(Mode.ASK, World.august_11(5, rate=2, hang_at=10, until=3000))
    right = w.world.clock.ahead.lay(YEARS)
    w.until(200)
    assert len(w.c.store.proposals()) == 1
    right()
    w.until(400)
    asked = [p for p in w.c.store.proposals() if p.at <= w.c.now]
    assert len(asked) == 1
    assert f"failover run --key {asked[0].key}" in w.told[-1].text


@pytest.mark.parametrize("step", ["bypass", "drain"])
def test_a_clock_set_right_while_a_step_is_looked_at_keeps_nobody_waiting(step: str) -> None:
    s = scene(always_drains=True)
    whole = scene(always_drains=True)
    whole.start()
    moment = [at for _, at in enumerate(whole.world.moments.seen[whole.first :])].index(f"after acted {step}") + 1
    right = s.world.clock.ahead.lay(YEARS)
    s.record = replace(s.record, opened=s.world.clock.now())
    s.world.moments.hooks[s.first + moment] = right
    began = s.world.clock.monotonic()
    view = s.start()
    assert view.steps[step].phase is Phase.VERIFIED
    assert (view.state, s.world.clock.monotonic() - began < 300) == (RunState.SUCCEEDED, True)
