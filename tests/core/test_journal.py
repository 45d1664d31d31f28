"""Folding a journal and what comes next: order, pivot, dependence of undos, end states and their exit codes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failover.core.observe.condition import Predicate
from failover.core.observe.signal import Outcome
from failover.core.runs.journal import NEEDS_PERSON, Did, Event, Phase, RunState, RunView, exit_code, fold
from failover.core.runs.next import Begin, Close, Next, Settle, Turn, Undo, Verify, depends, next_
from failover.core.runs.plan import Certainty, Plan, Step, StepKind
from failover.core.runs.playbook import OnFailure, Risk

AT = datetime(2020, 8, 11, tzinfo=UTC)


def step(name: str, host: str = "mx1", **more: Any) -> Step:
    kind, undoable = more.pop("kind", StepKind.STATE), more.pop("undoable", True)
    return Step(name, "x", kind, Certainty.EXACT, "", host=host, undoable=undoable, **more)


def plan(*steps: Step) -> Plan:
    return Plan("p", "", steps)


def view(p: Plan, *happened: str | tuple[str, dict[str, Any]]) -> RunView:
    """`acted a`, or (`failed a`, data)."""
    events = [Event(1, AT, Did.BEGUN, None, {"direction": "forward"})]
    for what in happened:
        words, data = (what, {}) if isinstance(what, str) else what
        kind, _, name = words.partition(" ")
        if kind == "back":
            kind, data = "begun", {"direction": "back"}
        elif kind == "again":
            kind, data = "begun", {"direction": "forward"}
        elif kind == "closed":
            data = {"state": name, "because": "said"}
        events.append(Event(len(events) + 1, AT, Did(kind), name if kind not in {"begun", "closed"} else None, data))
    return fold(p, events)


def comes(p: Plan, *happened: str | tuple[str, dict[str, Any]]) -> Next:
    return next_(p, view(p, *happened))


DONE_A = ("intent a", "acted a", "verified a")
DONE_B = ("intent b", "acted b", "verified b")
FAILED_B = ("failed b", {"error": "no", "class": "verify"})
AB = plan(step("a"), step("b"))


@pytest.mark.parametrize(
    ("happened", "kind"),
    [
        ((), Begin),
        (("intent a",), Settle),
        (("intent a", "note a"), Settle),
        (("intent a", "acted a"), Verify),
    ],
)
def test_a_step_goes_through_its_phases(happened: tuple[str, ...], kind: type[Begin]) -> None:
    found = comes(AB, *happened)
    assert isinstance(found, kind)
    assert found.step.id == "a"


@pytest.mark.parametrize("a", [DONE_A, ("skipped a",), ("unchanged a",)])
def test_the_next_step_begins_after_the_last(a: tuple[str, ...]) -> None:
    assert comes(AB, *a) == Begin(AB.steps[1])


def test_all_done_succeeds() -> None:
    assert comes(AB, *DONE_A, *DONE_B) == Close(RunState.SUCCEEDED, "")


@pytest.mark.parametrize(
    ("reaction", "wanted"),
    [
        (OnFailure.PAUSE, Close(RunState.PAUSED, "b: no")),
        (OnFailure.CONTINUE, Close(RunState.SUCCEEDED, "went on without b (no)")),
    ],
)
def test_a_failure_goes_by_the_steps_own_rule(reaction: OnFailure, wanted: Close) -> None:
    assert comes(plan(step("a"), step("b", on_failure=reaction)), *DONE_A, "intent b", FAILED_B) == wanted


def test_a_failure_may_turn_the_run_back_and_only_once() -> None:
    p = plan(step("a"), step("b", on_failure=OnFailure.ROLLBACK))
    assert comes(p, *DONE_A, "intent b", FAILED_B) == Turn(p.steps[1], "no")
    assert comes(p, *DONE_A, "intent b", FAILED_B, "turned b") == Undo(p.steps[1])


def test_past_the_pivot_a_failure_pauses() -> None:
    """Once traffic was moved and seen to have moved, going back by itself could only make it worse."""
    moves = step("a", risk=Risk.TRAFFIC)
    p = plan(moves, step("b", on_failure=OnFailure.ROLLBACK))
    found = comes(p, *DONE_A, "intent b", FAILED_B)
    assert isinstance(found, Close)
    assert found.state is RunState.PAUSED
    unmoved = comes(p, "skipped a", "intent b", FAILED_B)
    assert isinstance(unmoved, Turn)


def test_rollback_goes_by_intents_backwards_and_leaves_out_what_did_nothing() -> None:
    p = plan(step("a"), step("b"), step("c"))
    begun = (*DONE_A, "unchanged b", "intent c", "back")
    assert comes(p, *begun) == Undo(p.steps[2])
    assert comes(p, *begun, "undone c") == Undo(p.steps[0])
    assert comes(p, *begun, "undone c", "undone a") == Close(RunState.ROLLED_BACK, "")


def test_what_certainly_did_nothing_owes_no_undo() -> None:
    p = plan(step("a", on_failure=OnFailure.ROLLBACK))
    failed = ("failed a", {"error": "unreachable", "nothing_done": True})
    turned = ("turned a", {"because": "unreachable"})
    assert comes(p, "intent a", failed, turned) == Close(RunState.ROLLED_BACK, "unreachable")


def test_why_it_turned_back_is_still_said_once_all_is_undone() -> None:
    p = plan(step("a"), step("b", on_failure=OnFailure.ROLLBACK))
    turned = ("turned b", {"because": "no"})
    assert comes(p, *DONE_A, "intent b", FAILED_B, turned, "undone b", "undone a") == Close(RunState.ROLLED_BACK, "no")


@pytest.mark.parametrize(
    ("stuck", "state"),
    [
        (("undo_blocked b", {"error": "said"}), RunState.PAUSED),
        (("undo_failed b", {"error": "said"}), RunState.ROLLBACK_FAILED),
        (("conflict b", {"error": "said"}), RunState.CONFLICTS),
        (("asked b", {"error": "said"}), RunState.PAUSED),
    ],
)
def test_a_stuck_undo_stops_what_depends_on_it_and_nothing_else(
    stuck: tuple[str, dict[str, Any]], state: RunState
) -> None:
    p = plan(step("a"), step("far", host="mx2"), step("b"))
    far = ("intent far", "acted far", "verified far")
    begun = (*DONE_A, *far, *DONE_B, "back", stuck)
    assert comes(p, *begun) == Undo(p.steps[1])
    closed = comes(p, *begun, "undone far")
    assert isinstance(closed, Close)
    assert closed.state is state
    assert "said" in closed.because


def test_traffic_never_moves_back_to_a_place_whose_undo_is_stuck() -> None:
    moved, bypass = step("a", host="dns", risk=Risk.TRAFFIC), step("b", host="mx1")
    assert depends(moved, on=bypass)
    assert not depends(replace(moved, risk=Risk.NONE), on=bypass)
    back_to = {h: replace(moved, guards=(Predicate("smtp.banner", h, is_=Outcome.OK),)) for h in ("mx1", "mx2")}
    assert depends(back_to["mx1"], on=bypass)
    assert not depends(back_to["mx2"], on=bypass), "it leaves the host that is stuck"
    assert depends(replace(back_to["mx2"], risk=Risk.DOWNTIME), on=bypass)


@pytest.mark.parametrize("first", ["a", "b"])
def test_traffic_comes_back_last_whichever_step_began_first(first: str) -> None:
    moved, bypass = step("a", host="dns", risk=Risk.TRAFFIC), step("b", host="mx1")
    p = plan(moved, bypass)
    begun = (*DONE_A, *DONE_B) if first == "a" else (*DONE_B, *DONE_A)
    assert comes(p, *begun, "back") == Undo(bypass)
    assert comes(p, *begun, "back", "undone b") == Undo(moved)


def test_a_new_session_tries_the_stuck_undo_again() -> None:
    blocked = (*DONE_A, "back", ("undo_blocked a", {"error": "x"}), "closed paused", "back")
    p = plan(step("a"))
    assert comes(p, *blocked) == Undo(p.steps[0])
    assert view(p, *blocked).steps["a"].phase is Phase.VERIFIED


def test_an_open_intent_stays_open_when_its_undo_could_not_look() -> None:
    """Else a later session might call it undone while the request is still on its way."""
    lost = ("intent a", "note a", "back", ("undo_failed a", {"error": "unreadable"}), "closed rollback_failed", "again")
    assert view(plan(step("a")), *lost).steps["a"].phase is Phase.INTENT


def test_a_conflict_is_not_tried_again_but_resolved() -> None:
    p = plan(step("a"))
    stuck: tuple[str | tuple[str, dict[str, Any]], ...] = (*DONE_A, "back", ("conflict a", {"error": "x"}))
    assert isinstance(comes(p, *stuck, "closed rolled_back_with_conflicts", "back"), Close)
    keep, restore = (("resolved a", {"choice": c}) for c in ("keep", "restore"))
    assert comes(p, *stuck, keep) == Close(RunState.ROLLED_BACK, "")
    assert comes(p, *stuck, restore) == Undo(p.steps[0])


@pytest.mark.parametrize(
    ("happened", "code"),
    [
        (("closed succeeded",), 0),
        (("closed rolled_back",), 5),
        (("back", "closed rolled_back"), 0),
        (("closed paused",), 6),
        (("closed rolled_back_with_conflicts",), 6),
        (("closed rollback_failed",), 6),
    ],
)
def test_exit_codes(happened: tuple[str, ...], code: int) -> None:
    assert exit_code(view(AB, *happened)) == code


def test_only_an_ended_or_accepted_run_lets_another_start() -> None:
    assert view(AB).open
    assert view(AB, "closed paused").open
    assert not view(AB, "closed succeeded").open
    accepted = view(AB, "closed paused", ("accepted ", {"reason": "seen"}))
    assert not accepted.open
    assert accepted.state is RunState.ABORTED


# Whatever is in the journal -----------------------------------------------------

_STEPS = st.sampled_from("abc")
_ABOUT_STEPS = [d for d in Did if d not in {Did.BEGUN, Did.CLOSED, Did.ACCEPTED, Did.RESOLVED}]


@st.composite
def journals(draw: st.DrawFn) -> tuple[str | tuple[str, dict[str, Any]], ...]:
    """Any events in any order: more than an engine would write, since a journal outlives the version that wrote it."""
    one = st.one_of(
        st.tuples(st.builds(lambda d, s: f"{d.value} {s}", st.sampled_from(_ABOUT_STEPS), _STEPS), _data),
        st.tuples(st.builds(lambda s: f"resolved {s}", _STEPS), st.sampled_from([{"choice": c} for c in _CHOICES])),
        st.sampled_from(["back", "again", *(f"closed {s.value}" for s in RunState if s is not RunState.RUNNING)]),
    )
    return tuple(draw(st.lists(one, max_size=12)))


_CHOICES = ("keep", "restore", "skip")
_data = st.fixed_dictionaries(
    {"error": st.just("said")}, optional={"nothing_done": st.booleans(), "no_effect": st.booleans()}
)


@settings(deadline=None)
@given(journals())
def test_there_is_always_a_next_move_and_it_never_undoes_what_was_not_begun(
    happened: tuple[str | tuple[str, dict[str, Any]], ...],
) -> None:
    p = plan(step("a"), step("b", host="mx2", on_failure=OnFailure.ROLLBACK), step("c", risk=Risk.TRAFFIC))
    v = view(p, *happened)
    match next_(p, v):
        case Undo(s):
            assert v.backwards
            assert v.steps[s.id].owed
            assert v.steps[s.id].attempts > 0 or any(h[0] == f"resolved {s.id}" for h in happened)
        case Begin(s) | Settle(s) | Verify(s) | Turn(s, _):
            assert not v.backwards
        case Close(state, because):
            assert state is not RunState.RUNNING
            assert because or state not in NEEDS_PERSON
            if v.backwards and any(s.owed for s in v.steps.values()):
                assert state in NEEDS_PERSON
