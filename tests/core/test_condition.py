"""The table of tests/cases/conditions.yaml, line by line; several vantages; and how conditions are put together."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any as Told

import pytest

from failover.core.observe.condition import (
    All,
    Any,
    Condition,
    Judgement,
    Predicate,
    at_once,
    describe,
    hasty,
    judge,
    predicates,
    words,
)
from failover.core.observe.signal import Outcome, Samples, Signal
from failover.core.pace import Pace
from tests.core.cases import NOW, condition, situation, table

PACE = Pace(spacing=5, gap=150, fresh=90)
HOLDS = {True: "yes", False: "no", None: "cannot tell"}


@pytest.mark.parametrize("case", table("conditions.yaml"), ids=lambda c: str(c["case"]))
def test_case(case: dict[str, Told]) -> None:
    test = condition(f"spam.scan on mx1 {case['test']}")
    seen = {"everything": "-", "spam.scan": case["seen"]}
    samples = situation({"looks": case.get("looks", "0s"), "mx1": seen}).samples
    judged = judge(test, samples, now=NOW, pace=PACE)
    assert HOLDS[judged.holds] == case["holds"]
    (said,) = judged.because
    assert said.endswith(case.get("because", ""))


def looks(*told: str) -> Samples:
    """Each `VANTAGE OUTCOME [SECONDS AGO]`."""
    words = [(*t.split(), "0")[:3] for t in told]
    return tuple(
        Signal("mx1", "smtp.peer", vantage, Outcome(outcome), "said", NOW - timedelta(seconds=float(ago)))
        for vantage, outcome, ago in words
    )


@pytest.mark.parametrize(
    ("seen", "fails"),
    [
        (looks("mx2 ok", "mx3 ok"), False),
        (looks("mx2 fail", "mx3 ok"), True),
        (looks("mx2 ok", "mx3 fail"), True),
        (looks("mx2 fail", "mx3 unknown"), True),
        (looks("mx2 ok", "mx3 unknown"), None),
        (looks("mx2 fail 4", "mx3 ok 3", "mx2 ok 0"), False),
        (looks("mx2 ok 4", "mx3 ok 3", "mx2 fail 0"), True),
    ],
)
def test_a_look_is_as_bad_as_the_worst_that_its_vantages_see_last(seen: Samples, fails: bool | None) -> None:
    assert judge(condition("smtp.peer on mx1 is fail"), seen, now=NOW, pace=PACE).holds is fails


def test_looks_of_one_moment_are_one_whatever_the_spacing() -> None:
    twice = condition("smtp.peer on mx1 is fail for 2 samples")
    assert judge(twice, looks("mx2 fail", "mx3 fail"), now=NOW).holds is None
    assert judge(twice, looks("mx2 fail 0.001", "mx2 fail 0"), now=NOW).holds is True


YES, NO, UNSURE = (condition(f"{s} on mx1 is fail") for s in ("spam.scan", "spam.ping", "cpu.load"))
SEEN = situation({"looks": "0s", "mx1": {"spam.scan": "fail", "cpu.load": "unknown"}}).samples
VALUE = {YES: True, NO: False, UNSURE: None}


def judged(c: Condition) -> Judgement:
    return judge(c, SEEN, now=NOW, pace=PACE)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_all_and_any_in_three_values(n: int) -> None:
    for parts in itertools.product((YES, NO, UNSURE), repeat=n):
        values = [VALUE[p] for p in parts]
        every = False if False in values else None if None in values else True
        some = True if True in values else None if None in values else False
        assert (judged(All(parts)).holds, judged(Any(parts)).holds) == (every, some)


def test_the_parts_are_judged_at_the_pace_of_the_whole() -> None:
    stale = situation({"looks": "91s", "mx1": {"spam.scan": "fail"}}).samples
    assert [judge(wrap, stale, now=NOW, pace=PACE).holds for wrap in (All((YES,)), Any((YES,)))] == [None, None]


def test_nothing_at_all_is_all_of_it_and_none_of_it() -> None:
    assert judged(All(())) == Judgement(True, ())
    assert judged(Any(())) == Judgement(None, ())


def test_all_gives_every_reason_and_any_those_that_decide() -> None:
    assert len(judged(All((YES, NO, UNSURE))).because) == 3
    assert judged(Any((YES, NO, UNSURE))).because == judged(YES).because
    assert judged(Any((NO, UNSURE))).because == judged(UNSURE).because
    assert judged(Any((NO, NO))).because == judged(NO).because * 2


LASTING = condition("spam.scan on mx1 is ok for 15m")
SAMPLED = condition("spam.scan on mx1 above 50 for 3 samples")


def test_in_words() -> None:
    assert describe(LASTING) == "ok for 15 min"
    bounds = [
        describe(condition(f"x on mx1 {t}")) for t in ("above 2.5", "below 5", "older 60s", "older 0s", "is fail")
    ]
    assert bounds == ["above 2.5", "below 5", "older than 1 min", "older than 0 ms", "fail"]
    assert words(LASTING) == "spam.scan on mx1 ok for 15 min"
    a, b, c = "spam.scan on mx1 fail", "spam.ping on mx1 fail", "cpu.load on mx1 fail"
    assert words(All((YES, Any((NO, UNSURE))))) == f"{a} and ({b} or {c})"
    assert words(Any((YES, All((NO, UNSURE))))) == f"{a} or ({b} and {c})"
    assert words(All((YES, All((NO, UNSURE))))) == f"{a} and {b} and {c}"


def test_its_tests_are_found_depth_first() -> None:
    assert predicates(All((YES, Any((NO, All((UNSURE,)))), YES))) == (YES, NO, UNSURE, YES)


def test_in_haste_a_span_is_so_many_looks_and_at_once_all_is_one() -> None:
    for wrap in (lambda *parts: All(parts), lambda *parts: Any(parts)):
        both: Condition = wrap(LASTING, SAMPLED)
        thrice = replace(LASTING, samples=3, lasting=0.0)
        assert hasty(both, 3) == wrap(thrice, SAMPLED)
        assert at_once(both) == wrap(replace(LASTING, lasting=0.0), replace(SAMPLED, samples=1))
    assert hasty(YES, 3) == at_once(YES) == Predicate("spam.scan", "mx1", is_=Outcome.FAIL)
