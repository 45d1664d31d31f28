"""A run in short: whatever was recorded of it, its summary says what the whole fold says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from failover.core.runs.journal import Did, Event, RunState, fold
from failover.core.runs.plan import Certainty, Plan, Step, StepKind
from failover.core.runs.playbook import Limits, Playbook
from failover.core.runs.retention import LEAST_RUNS, RUNS_AT_ONCE, RUNS_KEPT, looked_back, outlived
from failover.core.runs.summary import Folded, Outline, Progress, Summary, outline

NOW = datetime(2026, 11, 24, 3, 12, 5, 123456, tzinfo=UTC)
DAY = timedelta(days=1)
STEPS = (
    Step("bypass", "spam.bypass", StepKind.STATE, Certainty.EXACT, "take it out", host="mx1", undoable=True),
    Step("flush", "queue.flush", StepKind.EVENT, Certainty.OBSERVED, "send on", host="mx1"),
    Step("move", "dns.prefer", StepKind.STATE, Certainty.EXACT, "move it", domain="example.net", undoable=True),
)
PLAN = Plan("spam-filter-hung", "take the filter out", STEPS, {"sick": "mx1"}, incident="mx1/spam-filter-hung")
DATA: dict[Did, st.SearchStrategy[dict[str, Any]]] = {
    Did.BEGUN: st.sampled_from([{"direction": "forward"}, {"direction": "back"}, {}]),
    Did.CLOSED: st.sampled_from([{"state": s.value, "because": "so"} for s in RunState]),
    Did.RESOLVED: st.sampled_from([{"choice": c} for c in ("keep", "restore", "skip")]),
    Did.FAILED: st.sampled_from([{"class": "verify"}, {"nothing_done": True}, {"no_effect": True, "error": "no"}]),
    Did.ACTED: st.sampled_from([{}, {"result": {"ended": "5"}}]),
}


@st.composite
def events(draw: st.DrawFn, seq: int) -> Event:
    kind = draw(st.sampled_from(list(Did)))
    data = draw(DATA.get(kind, st.just({})))
    at = NOW + timedelta(seconds=draw(st.integers(-3600, 3600)))
    return Event(seq, at, kind, draw(st.sampled_from([s.id for s in STEPS])), data)


histories = st.integers(0, 30).flatmap(lambda n: st.tuples(*(events(seq) for seq in range(1, n + 1))))


@given(histories)
def test_the_summary_is_the_fold_at_every_event(history: tuple[Event, ...]) -> None:
    """safety: history costs. What an index finds is what the whole journal says."""
    folded = Folded.of(outline(PLAN), NOW)
    for n in range(len(history) + 1):
        folded = folded.after(history[n - 1]) if n else folded
        view = fold(PLAN, history[:n])
        owed = any(view.steps[s.id].owed and s.undoable for s in STEPS)
        begun = any(s.attempts for s in view.steps.values())
        newest = max((NOW, *(e.at for e in history[:n])))
        assert folded.progress == Progress(view.state, view.because, view.open, owed, begun, newest)
        assert folded == Folded.of(outline(PLAN), NOW, history[:n])


# What is kept --------------------------------------------------------------------


def test_a_run_can_bar_another_for_the_longest_of_its_limits() -> None:
    books = [Playbook("a", "", (), limits=x) for x in (Limits(cooldown=60, per=3600), Limits(cooldown=7200, per=60))]
    assert (looked_back([]), looked_back(books)) == (timedelta(), timedelta(hours=2))


def summary(n: int, **progress: Any) -> Summary:
    """The n-th, one a day, over when it was opened."""
    at = NOW - (n * DAY)
    stands = Progress(RunState.SUCCEEDED, "", open=False, owes=False, acted=True, touched=at)
    return Summary(f"run-{n}", at, "ann", "", Outline("a"), replace(stands, **progress))


def test_old_runs_that_are_over_go_a_hundred_at_a_time_the_longest_untouched_first() -> None:
    old = [summary(n) for n in range(900, 400, -1)]
    nth_newest = NOW - 500 * DAY
    assert outlived(old, nth_newest, NOW, DAY) == tuple(f"run-{n}" for n in range(900, 900 - RUNS_AT_ONCE, -1))
    assert outlived(old[-150:-50], nth_newest, NOW, DAY) == tuple(f"run-{n}" for n in range(550, 500, -1))


def test_what_is_open_or_in_force_is_never_forgotten_however_old() -> None:
    """safety: history costs. Only the last 1,000 runs were looked at, so an older mitigation was forgotten."""
    old = [summary(9000, open=True), summary(9001, owes=True), summary(9002)]
    assert outlived(old, NOW, NOW, DAY) == ("run-9002",)


def test_nothing_is_forgotten_of_the_last_thousand_or_of_more_than_a_year_or_of_what_a_limit_looks_at() -> None:
    assert outlived([summary(9000)], None, NOW, DAY) == (), f"there are no {LEAST_RUNS} yet"
    assert outlived([summary(9000)], NOW - 9000 * DAY, NOW, DAY) == (), "it is one of them"
    assert outlived([summary(400), summary(401)], NOW, NOW, DAY) == ("run-401",)
    assert RUNS_KEPT == 400 * DAY
    assert outlived([summary(500), summary(501)], NOW, NOW, 500 * DAY) == ("run-501",)
    assert outlived([summary(9000, touched=NOW - DAY)], NOW, NOW, DAY) == (), "somebody took it up yesterday"
