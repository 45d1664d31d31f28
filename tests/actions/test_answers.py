"""What each far side may say of an act, and what it means: only what is listed means that nothing was done."""

from __future__ import annotations

import pytest

from failover.actions import remote
from failover.actions.remote import came_to
from failover.core.runs.answer import Answer, meaning, table
from failover.core.runs.recovery import Reading
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
    ("word", "rc", "reading"),
    [
        ("absent", "0", Reading.BEFORE),
        ("running", "70", Reading.RUNNING),
        ("done", "0", Reading.WANTED),
        ("done", "1", Reading.HALF),
        ("refused", "78", Reading.BEFORE),
        ("refused", "73", Reading.BEFORE),
        ("refused", "1", Reading.HALF),
        ("refused", "70", Reading.HALF),
        ("refused", "", Reading.HALF),
        ("refused", "x", Reading.HALF),
        ("failed", "70", Reading.HALF),
        ("died", "70", Reading.HALF),
        ("", "", Reading.UNKNOWN),
        ("whatever", "0", Reading.UNKNOWN),
    ],
)
def test_what_a_result_says_of_its_attempt(word: str, rc: str, reading: Reading) -> None:
    """safety 2: also of results that an earlier helper kept as `refused`, with whatever code came."""
    assert came_to(word, rc) is reading


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
