"""The recovery table: every cell there, and every history of a small model gone through.

On paper, the kinds of step fit it so (before | wanted | half | other | unknown | running):

- *spam.bypass* (state): filter set | pass-through | script died before its reload | edited by hand | no SSH | lock held
- *queue.requeue* (event, repeating is safe: a re-queued message is frozen no more): no result | done | died: again
- *service.restart* (event; a second restart hurts mail): no result | newer start time | died: ask
- *dns.prefer* (state): the RRset as captured | as wanted | one server of two has it | another set | no answer | -
- *vm.resize* (state): the size as captured, running | the new one, running | stopped between: act again takes it on |
  another size | no answer | stopping or starting
- *notify* (event, repeating is safe by its key): there is no far side to ask, so an open intent reads `half`: again
"""

from __future__ import annotations

import itertools
import os
from collections import Counter, deque
from dataclasses import replace

import pytest

from failover.core.runs.journal import NEEDS_PERSON, RunState, exit_code
from failover.core.runs.plan import StepKind
from failover.core.runs.playbook import OnFailure
from failover.core.runs.recovery import Move, Reading, Recorded, backward, compare, forward, settled
from tests.core.model import Budget, Model, State, whatever_is_unknown_was_refused

pytestmark = pytest.mark.slow

# The table ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "recorded", "reading", "safe"), list(itertools.product(StepKind, Recorded, Reading, (False, True)))
)
def test_every_cell_forward_says_what_to_do(kind: StepKind, recorded: Recorded, reading: Reading, safe: bool) -> None:
    move = forward(kind, recorded, reading, repeat_safe=safe)
    if reading in {Reading.UNKNOWN, Reading.RUNNING} and recorded is not Recorded.ACTED:
        assert move is Move.WAIT
    if move is Move.ACT:
        nothing_of_ours = reading is Reading.BEFORE
        assert nothing_of_ours or (
            kind is StepKind.EVENT and safe and (recorded, reading) == (Recorded.INTENT, Reading.HALF)
        )
    if kind is StepKind.STATE and reading is Reading.OTHER and recorded is not Recorded.ACTED:
        assert move is Move.CONFLICT


@pytest.mark.parametrize(("kind", "recorded", "reading"), list(itertools.product(StepKind, Recorded, Reading)))
def test_going_on_changes_one_cell_alone(kind: StepKind, recorded: Recorded, reading: Reading) -> None:
    """Half of a state of ours, begun and not ended: acting again takes it on. What never began is not ours to go on."""
    usual = forward(kind, recorded, reading, repeat_safe=False)
    move = forward(kind, recorded, reading, repeat_safe=False, goes_on=True)
    one = (kind, recorded, reading) == (StepKind.STATE, Recorded.INTENT, Reading.HALF)
    assert move is (Move.ACT if one else usual)


@pytest.mark.parametrize(("recorded", "reading"), list(itertools.product((Recorded.NOTHING, Recorded.INTENT), Reading)))
def test_every_cell_backward_says_what_to_do(recorded: Recorded, reading: Reading) -> None:
    move = backward(recorded, reading)
    assert (move is Move.ACT) == (reading in {Reading.WANTED, Reading.HALF})
    assert (move is Move.WAIT) == (reading in {Reading.UNKNOWN, Reading.RUNNING})
    assert (move is Move.ADOPT) == (reading in {Reading.BEFORE, Reading.THEIRS})
    assert (move is Move.CONFLICT) == (reading is Reading.OTHER)


@pytest.mark.parametrize(
    ("now", "reading"),
    [
        ({"a": "=1", "b": "=1"}, Reading.BEFORE),
        ({"a": "=2", "b": "-"}, Reading.WANTED),
        ({"a": "=2", "b": "=1"}, Reading.HALF),
        ({"a": "=1", "b": "-"}, Reading.HALF),
        ({"a": "=3", "b": "=1"}, Reading.OTHER),
        ({"a": "=2"}, Reading.OTHER),
        ({}, Reading.OTHER),
    ],
)
def test_compare(now: dict[str, str], reading: Reading) -> None:
    assert compare(now, before={"a": "=1", "b": "=1"}, want={"a": "=2", "b": "-"}) is reading


@pytest.mark.parametrize(
    ("size", "state", "reading"),
    [
        ("old", "running", Reading.BEFORE),
        ("new", "running", Reading.WANTED),
        ("old", "stopped", Reading.HALF),
        ("new", "stopped", Reading.HALF),
        ("old", "terminated", Reading.OTHER),
        ("third", "stopped", Reading.OTHER),
        ("third", "running", Reading.OTHER),
    ],
)
def test_what_lies_on_the_way_is_half_of_ours(size: str, state: str, reading: Reading) -> None:
    before, want = {"size": "old", "state": "running"}, {"size": "new", "state": "running"}
    now, on_the_way = {"size": size, "state": state}, {"state": ("stopping", "stopped")}
    assert compare(now, before=before, want=want, on_the_way=on_the_way) is reading


@pytest.mark.parametrize(
    ("undo", "far", "now", "reading"),
    [
        (False, Reading.BEFORE, Reading.BEFORE, Reading.BEFORE),
        (False, Reading.BEFORE, Reading.WANTED, Reading.THEIRS),
        (False, Reading.BEFORE, Reading.HALF, Reading.THEIRS),
        (False, Reading.BEFORE, Reading.OTHER, Reading.THEIRS),
        (False, Reading.HALF, Reading.BEFORE, Reading.BEFORE),
        (False, Reading.HALF, Reading.WANTED, Reading.HALF),
        (False, Reading.HALF, Reading.HALF, Reading.HALF),
        (False, Reading.HALF, Reading.OTHER, Reading.OTHER),
        (False, Reading.WANTED, Reading.BEFORE, Reading.THEIRS),
        (False, Reading.WANTED, Reading.WANTED, Reading.WANTED),
        (False, Reading.WANTED, Reading.HALF, Reading.HALF),
        (False, Reading.WANTED, Reading.OTHER, Reading.OTHER),
        (True, Reading.BEFORE, Reading.BEFORE, Reading.BEFORE),
        (True, Reading.BEFORE, Reading.WANTED, Reading.WANTED),
        (True, Reading.BEFORE, Reading.HALF, Reading.HALF),
        (True, Reading.BEFORE, Reading.OTHER, Reading.OTHER),
        (True, Reading.HALF, Reading.BEFORE, Reading.HALF),
        (True, Reading.HALF, Reading.WANTED, Reading.WANTED),
        (True, Reading.HALF, Reading.HALF, Reading.HALF),
        (True, Reading.HALF, Reading.OTHER, Reading.OTHER),
        (True, Reading.WANTED, Reading.BEFORE, Reading.BEFORE),
        (True, Reading.WANTED, Reading.WANTED, Reading.THEIRS),
        (True, Reading.WANTED, Reading.HALF, Reading.THEIRS),
        (True, Reading.WANTED, Reading.OTHER, Reading.THEIRS),
    ],
)
def test_settled(undo: bool, far: Reading, now: Reading, reading: Reading) -> None:
    assert settled(far, now, undo=undo) is reading
    assert settled(Reading.RUNNING, now, undo=undo) is Reading.RUNNING


def test_nothing_bound_is_never_as_wanted() -> None:
    with pytest.raises(ValueError, match="without bound values"):
        compare({}, before={}, want={})


# The search -----------------------------------------------------------------

MODELS = {
    "state": (Model(StepKind.STATE), Budget()),
    "state, two kills": (Model(StepKind.STATE), Budget(sessions=2, edits=0, blind=0)),
    "state, pauses on failure": (Model(StepKind.STATE, on_failure=OnFailure.PAUSE), Budget(edits=0)),
    "state, a far side that does not compare": (Model(StepKind.STATE, compares=False), Budget(losses=0)),
    "event": (Model(StepKind.EVENT), Budget(sessions=2, edits=0)),
    "event, repeating is safe": (Model(StepKind.EVENT, repeat_safe=True), Budget(edits=0)),
    "state, odd answers": (Model(StepKind.STATE), Budget(losses=0, odd=2)),
    "state, odd answers, pauses on failure": (
        Model(StepKind.STATE, on_failure=OnFailure.PAUSE),
        Budget(edits=0, losses=0, odd=2),
    ),
    "event, odd answers": (Model(StepKind.EVENT), Budget(edits=0, odd=1)),
}
DEEPER = {
    "state, two losses": (Model(StepKind.STATE), Budget(losses=2)),
    "state, losses, edits and odd answers": (Model(StepKind.STATE), Budget(odd=1)),
    "state, two kills and an edit": (Model(StepKind.STATE), Budget(sessions=2)),
    "event, two losses": (Model(StepKind.EVENT), Budget(sessions=2, losses=2, edits=0)),
    "event, repeating is safe, two losses": (
        Model(StepKind.EVENT, repeat_safe=True),
        Budget(sessions=2, losses=2, edits=0),
    ),
}
if os.environ.get("FAILOVER_SOAK"):
    MODELS |= DEEPER


@pytest.mark.parametrize("name", MODELS)
def test_search(name: str) -> None:
    """Gone through whole; the laws are in `_lawful`, and in what the model's far side asserts."""
    model, budget = MODELS[name]
    came, ends, longest = search(model, budget)
    print(f"{name}: {came} states, {sum(ends.values())} ends {dict(ends)}, longest journal {longest}")  # noqa: T201
    assert ends[RunState.SUCCEEDED]
    assert ends[RunState.ROLLED_BACK]


def test_the_search_finds_what_an_unexpected_answer_did() -> None:
    """safety 2: whatever is not foreseen was taken for "nothing was done": then a change of ours stands, untold."""
    model, budget = MODELS["state, odd answers"]
    search(model, budget)
    with pytest.raises(AssertionError, match=r"a change of ours stands, and nobody is told(.|\n)*is done, answered 1"):
        search(replace(model, reads=whatever_is_unknown_was_refused), budget)


def search(model: Model, budget: Budget) -> tuple[int, Counter[RunState], int]:
    """The states that there are, the ends that it comes to, and the longest journal."""
    first = model.first(budget)
    came: dict[State, tuple[State, str] | None] = {first: None}
    todo = deque([first])
    ends: Counter[RunState] = Counter()
    longest = 0
    while todo:
        state = todo.popleft()
        longest = max(longest, len(state.journal.events))
        try:
            if state.pc == ("ended",) and not state.jobs:
                ends[state.journal.view.state] += 1
            _lawful(model, state)
            after = list(model.after(state))
        except AssertionError as e:
            raise AssertionError(f"{e}\n" + "\n".join(_history(came, state))) from e
        if state.pc and state.pc != ("ended",):
            assert after, f"stuck: {_history(came, state)}"
        for label, there in after:
            if there not in came:
                came[there] = (state, label)
                todo.append(there)
    return len(came), ends, longest


def _lawful(model: Model, s: State) -> None:
    if model.kind is StepKind.EVENT and not model.repeat_safe:
        assert s.effects <= 1, "it was done twice"
    view = s.journal.view
    step = view.steps["s"]
    if s.ours and s.pc == ("ended",):
        assert step.owed, "a change of ours stands, and nobody is told"
    if view.state is RunState.ROLLED_BACK and s.pc == ("ended",):
        assert not s.ours, "it says rolled back, and a change of ours stands"
        assert exit_code(view) in {0, 5}
    if s.pc == ("ended",) and step.owed and view.backwards:
        assert view.state in NEEDS_PERSON, "an undo is owed after the rollback, and nobody is told"


def _history(came: dict[State, tuple[State, str] | None], state: State) -> list[str]:
    steps: list[str] = []
    while (before := came[state]) is not None:
        state, label = before
        steps.append(label)
    return steps[::-1]
