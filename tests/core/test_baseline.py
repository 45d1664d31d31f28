"""A host against its own past: what is far above it, twice, is a peak; too little past, or the unknown, never is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from failover.core.observe.baseline import FRESH_S, LEAST_PAST_S, LEAST_SLOTS, RULES, SLOT_S, unusual
from failover.core.observe.signal import CONTROLLER, Outcome, Samples, Signal

NOW = datetime(2020, 8, 11, 9, 30, tzinfo=UTC)
SHARE, RATE = "traffic.share", "queue.removed_rate"
CALM = [4.0, 3.0, 5.0, 4.0, 6.0, 4.0, 3.0, 4.0, 5.0, 4.0, 4.0, 3.0]


def look(value: float | None, ago_s: float, name: str = SHARE, host: str = "mx2") -> Signal:
    outcome = Outcome.UNKNOWN if value is None else Outcome.OK
    return Signal(host, name, CONTROLLER, outcome, "", NOW - timedelta(seconds=ago_s), value, "%")


def looks(past: list[float], newest: list[float | None], *, every_s: float = 300, name: str = SHARE) -> Samples:
    """Oldest first, the newest 10 s ago."""
    values: list[float | None] = [*past, *newest]
    return tuple(look(v, 10 + every_s * ago, name) for ago, v in zip(reversed(range(len(values))), values, strict=True))


def peak(samples: Samples, name: str = SHARE) -> str | None:
    found = unusual(samples, "mx2", name, now=NOW)
    return found.words if found else None


@pytest.mark.parametrize(
    ("name", "past", "newest", "words"),
    [
        (SHARE, CALM * 2, [55.0, 61.2], "mx2 takes 61 % of the mail, usually 4 %"),
        (SHARE, CALM * 2, [61.0, 55.0], "mx2 takes 55 % of the mail, usually 4 %"),
        (SHARE, CALM * 2, [5.0, 61.0], None),  # one look is none
        (SHARE, CALM * 2, [61.0, 5.0], None),
        (SHARE, CALM * 2, [28.0, 28.0], None),  # seven times the usual, and still little
        (SHARE, [49.0, 52.0] * 12, [60.0, 62.0], None),
        (SHARE, [49.0, 52.0] * 12, [80.0, 91.0], "mx2 takes 91 % of the mail, usually 50 %"),
        (SHARE, [10.0, 10.0, 70.0, 70.0] * 6, [75.0, 80.0], None),  # it always swings
        (SHARE, [*CALM, *CALM[:8], 90.0, 90.0, 90.0, 90.0], [95.0, 95.0], "mx2 takes 95 % of the mail, usually 4.5 %"),
        (RATE, [0.0] * 24, [9.0, 12.0], None),  # a quiet night, and then a few
        (RATE, [20.0, 30.0] * 12, [100.0, 700.0], "mx2 is done with 700 messages a minute, usually 25"),
        (RATE, [200.0, 220.0] * 12, [600.0, 600.0], None),  # under three times the usual
        (RATE, [20.0, 30.0] * 12, [0.0, 0.0], None),
    ],
)
def test_judged(name: str, past: list[float], newest: list[float | None], words: str | None) -> None:
    assert peak(looks(past, newest, name=name), name) == words


def test_many_looks_of_the_last_hour_weigh_no_more_than_few_of_the_week() -> None:
    week = tuple(look(4.0, 7200 + 600 * n) for n in range(100))
    hour = tuple(look(60.0, 700 + 10 * n) for n in range(300))
    assert peak((*week, *hour, look(60.0, 20), look(60.0, 10))) == "mx2 takes 60 % of the mail, usually 4 %"


def test_too_little_past_is_none() -> None:
    newest = (look(90.0, 20), look(90.0, 10))
    short = tuple(look(4.0, 100 + n * LEAST_PAST_S / 20) for n in range(20))
    few = tuple(look(4.0, 100 + n * 3 * SLOT_S) for n in range(LEAST_SLOTS - 1))
    assert peak((*short, *newest)) is peak((*few, *newest)) is peak(newest) is peak(newest[:1]) is peak(()) is None
    assert peak((*short, look(4.0, 100 + LEAST_PAST_S), *newest)) is not None
    assert peak((*few, look(4.0, 100 + LEAST_SLOTS * 3 * SLOT_S), *newest)) is not None
    assert peak((*(look(4.0, 9 * 86400 + 300 * n) for n in range(40)), *newest)) is None, "older than what counts"


def test_old_looks_are_not_now_and_those_of_a_clock_set_back_are_none() -> None:
    past = tuple(look(4.0, 2000 + 300 * n) for n in range(24))
    assert peak((*past, look(90.0, FRESH_S), look(90.0, 10))) is not None
    assert peak((*past, look(90.0, FRESH_S + 1), look(90.0, 10))) is None
    assert peak((*past, look(90.0, 10), look(90.0, -5))) is None


def test_another_host_and_another_signal_are_no_past() -> None:
    others = tuple(replace(s, host="mx1") for s in looks(CALM * 2, []))
    assert peak((*others, *looks([], [90.0, 90.0]))) is None


VALUES = st.floats(0, 100)
PAST = st.lists(st.floats(0, 20), min_size=12, max_size=60) | st.lists(VALUES, max_size=60)
NAMES = st.sampled_from(sorted(RULES))
EVERY = st.sampled_from([10, 60, 300, 600])


@given(PAST, VALUES, VALUES, st.floats(0, 1000), st.floats(0, 1000), NAMES, EVERY)
def test_more_is_never_less_of_a_peak(
    past: list[float], a: float, b: float, more: float, and_more: float, name: str, every: int
) -> None:
    if peak(looks(past, [a, b], every_s=every, name=name), name):
        assert peak(looks(past, [a + more, b + and_more], every_s=every, name=name), name)


@given(PAST, st.floats(0, 1e6), st.booleans(), NAMES, EVERY)
@example(CALM, 99.0, True, SHARE, 600)
@example(CALM, 99.0, False, SHARE, 600)
def test_never_from_the_unknown(past: list[float], value: float, first: bool, name: str, every: int) -> None:
    *before, a, b = looks(past, [value, value], every_s=every, name=name)
    newest = [replace(a, outcome=Outcome.UNKNOWN), b] if first else [a, replace(b, outcome=Outcome.UNKNOWN)]
    assert peak((*before, *newest), name) is None


@given(PAST, VALUES, VALUES, NAMES, EVERY, st.data())
def test_the_unknown_is_no_past_either(
    past: list[float], a: float, b: float, name: str, every: int, data: st.DataObject
) -> None:
    seen = looks(past, [a, b], every_s=every, name=name)
    blind = [look(None, data.draw(st.integers(60, 90_000)) + every, name) for _ in range(data.draw(st.integers(0, 5)))]
    between = [s for s in blind if not (seen[-2].at <= s.at)]
    assert peak((*between, *seen), name) == peak(seen, name)


@given(st.lists(VALUES, max_size=40), st.floats(0, 1e6), NAMES)
def test_never_with_too_little_past(past: list[float], value: float, name: str) -> None:
    every = (LEAST_PAST_S - 1) / max(1, len(past))
    assert peak(looks(past, [value, value], every_s=every, name=name), name) is None


@given(PAST, VALUES, VALUES, NAMES, EVERY)
def test_a_peak_lies_above_its_limit_and_that_above_the_usual(
    past: list[float], a: float, b: float, name: str, every: int
) -> None:
    found = unusual(looks(past, [a, b], every_s=every, name=name), "mx2", name, now=NOW)
    if found is not None:
        assert min(a, b) > found.limit >= max(found.usual, RULES[name].floor)
        assert found.value == b
