"""A journalled plan is the plan that was approved: it reads back equal, with the same fingerprint."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failover.adapters.journal_json import dumps, loads
from failover.core.observe import condition
from failover.core.observe.condition import All, Condition
from failover.core.observe.signal import Outcome
from failover.core.runs.plan import Certainty, Plan, Step, StepKind
from failover.core.runs.playbook import Limits, OnFailure, Risk, Watch
from failover.errors import ConfigError

# One bound may be an int or a float, as YAML gave it; both must come back as they were.
_numbers = st.integers(-5, 5) | st.floats(allow_nan=False)
_words = st.text(max_size=5)
_values: st.SearchStrategy[Any] = _words | st.booleans() | _numbers | st.lists(_words, max_size=3).map(tuple)
_tests = st.builds(
    condition.Predicate,
    signal=_words,
    host=_words,
    is_=st.none() | st.sampled_from(Outcome),
    above=st.none() | _numbers,
    age_above=st.none() | _numbers,
    samples=st.integers(1, 9),
    lasting=_numbers,
)
_conditions: st.SearchStrategy[Condition] = st.recursive(
    _tests,
    lambda parts: st.lists(parts, max_size=3).flatmap(
        lambda p: st.sampled_from([All(tuple(p)), condition.Any(tuple(p))])
    ),
    max_leaves=5,
)
_watches = st.builds(Watch, signal=_words, host=_words, is_=st.none() | _words, falls_to=st.none() | _numbers)
_texts = st.dictionaries(_words, _words, max_size=3)
_steps = st.builds(
    Step,
    id=_words,
    action=_words,
    kind=st.sampled_from(StepKind),
    certainty=st.sampled_from(Certainty),
    says=_words,
    host=st.none() | _words,
    args=st.dictionaries(_words, _values, max_size=3),
    before=_texts,
    want=_texts,
    diff=st.lists(_words, max_size=2).map(tuple),
    guards=st.lists(_conditions, max_size=2).map(tuple),
    when=st.none() | _conditions,
    verify=st.lists(_watches, max_size=2).map(tuple),
    on_failure=st.sampled_from(OnFailure),
    risk=st.sampled_from(Risk),
    expires_s=st.none() | _numbers,
)
_plans = st.builds(
    Plan,
    playbook=_words,
    summary=_words,
    steps=st.lists(_steps, max_size=2).map(tuple),
    params=st.dictionaries(_words, _values, max_size=3),
    preconditions=st.lists(_conditions, max_size=2).map(tuple),
    limits=st.builds(Limits, deadline=_numbers),
    warnings=st.lists(_words, max_size=2).map(tuple),
)


@given(_plans)
def test_a_plan_reads_back_equal(plan: Plan) -> None:
    again = loads(dumps(plan))
    assert repr(again) == repr(plan)  # unlike ==, tells 1 from 1.0 and True, and an enum from its word
    assert again.fingerprint == plan.fingerprint


def test_all_and_any_stay_apart() -> None:
    one = condition.Predicate("spam.scan", "mx1", is_=Outcome.OK)
    for guard in (All((one,)), condition.Any((one,))):
        plan = Plan("p", "", (), preconditions=(guard,))
        assert loads(dumps(plan)).preconditions == (guard,)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"steps": "all"}, "'all' where"),
        ({"reversed": True}, "Plan has no reversed"),
        ({"preconditions": [{"type": "Not", "of": []}]}, "where"),
        ({"limits": {"deadline": "45m"}}, "'45m' where float belongs"),
        ({"limits": {"max_runs": True}}, "True where int belongs"),
        ({"steps": [{"id": "a"}]}, "missing"),
    ],
)
def test_what_this_version_has_no_meaning_for_is_refused(change: dict[str, object], said: str) -> None:
    text = json.dumps(json.loads(dumps(Plan("p", "", ()))) | change)
    with pytest.raises(ConfigError, match=said):
        loads(text)


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"playbook": "p"}'])
def test_no_plan_at_all_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        loads(text)


def test_a_plan_of_an_older_version_gets_the_defaults_of_what_it_does_not_say() -> None:
    assert loads('{"playbook": "p", "summary": "s", "steps": []}') == Plan("p", "s", ())
