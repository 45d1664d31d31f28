"""What each far side may say of an act, and what it means: only what is listed means that nothing was done."""

from __future__ import annotations

import pytest

from failover.actions import remote
from failover.actions.remote import came_to
from failover.core.answer import Answer, meaning, table
from failover.core.recovery import World
from failover.errors import (
    Changed,
    ConfigError,
    FailoverError,
    NeedsPerson,
    OutcomeUnknown,
    Refused,
    StaleEpoch,
    StepFailed,
    Unreachable,
)

HELPER = {
    0: Answer.DONE,
    64: Answer.NOTHING,
    70: Answer.FAILED,
    73: Answer.NOTHING,
    75: Answer.NOTHING,
    76: Answer.NOTHING,
    77: Answer.NOTHING,
    78: Answer.NOTHING,
}


def test_every_code_of_the_helper_and_every_other_one() -> None:
    """safety 2: a code that nobody foresaw is unknown."""
    assert {rc: meaning(remote.ANSWERS, rc) for rc in range(-1, 256)} == {
        rc: HELPER.get(rc, Answer.UNKNOWN) for rc in range(-1, 256)
    }


@pytest.mark.parametrize(
    ("word", "rc", "world"),
    [
        ("absent", "0", World.BEFORE),
        ("running", "70", World.RUNNING),
        ("done", "0", World.WANTED),
        ("done", "1", World.HALF),
        ("refused", "78", World.BEFORE),
        ("refused", "73", World.BEFORE),
        ("refused", "1", World.HALF),
        ("refused", "70", World.HALF),
        ("refused", "", World.HALF),
        ("refused", "x", World.HALF),
        ("failed", "70", World.HALF),
        ("died", "70", World.HALF),
        ("", "", World.UNKNOWN),
        ("whatever", "0", World.UNKNOWN),
    ],
)
def test_what_a_result_says_of_its_attempt(word: str, rc: str, world: World) -> None:
    """safety 2: also of results that an earlier helper kept as `refused`, with whatever code came."""
    assert came_to(word, rc) is world


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (ConfigError, Answer.NOTHING),
        (Unreachable, Answer.NOTHING),
        (Refused, Answer.NOTHING),
        (Changed, Answer.NOTHING),
        (StaleEpoch, Answer.NOTHING),
        (StepFailed, Answer.FAILED),
        (OutcomeUnknown, Answer.UNKNOWN),
        (NeedsPerson, Answer.UNKNOWN),
        (FailoverError, Answer.UNKNOWN),
    ],
)
def test_what_an_error_says_of_the_act_that_raised_it(error: type[FailoverError], answer: Answer) -> None:
    assert error.answer is answer


def test_one_saying_has_one_meaning() -> None:
    with pytest.raises(ValueError, match="means two things"):
        table({Answer.DONE: (0,), Answer.NOTHING: (0, 1)})
