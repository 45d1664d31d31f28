"""How long a look is remembered: laws over any looks, and a week of them told in numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from failover.core.runs.retention import AHEAD, OLDEST, RECENT, SLOT, forgotten

NOW = datetime(2026, 11, 24, 3, 12, 5, 123456, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=s) for s in (1, 60, 3600, 86400))
# Dense where looks share a slot or touch a boundary, wide enough to pass each of them.
_ages = st.integers(-2 * 3600, 9 * 86400).map(lambda s: s * SECOND) | st.integers(-70, 260).map(lambda m: m * MINUTE)
_looks = st.lists(_ages, max_size=60).map(lambda ages: [NOW - age for age in ages])


def kept(looks: list[datetime], now: datetime) -> list[datetime]:
    gone = set(forgotten(looks, now))
    return [at for at in looks if at not in gone]


@given(_looks)
def test_what_is_recent_stays_and_what_is_too_old_or_far_ahead_goes(looks: list[datetime]) -> None:
    real = [at for at in looks if at <= NOW + AHEAD]
    for at in kept(looks, NOW):
        assert at in real
        assert at >= NOW - OLDEST or at == max(real)
    assert {at for at in real if at > NOW - RECENT} <= set(kept(looks, NOW))
    if real:
        assert max(real) in kept(looks, NOW)


@given(_looks)
def test_doing_it_twice_forgets_nothing_more(looks: list[datetime]) -> None:
    assert forgotten(kept(looks, NOW), NOW) == ()


# An hour of looks, thinned while they pass each of the two boundaries.
_hour = st.lists(st.integers(0, 60), min_size=8, max_size=20).map(lambda ages: [NOW - age * MINUTE for age in ages])
_times = st.tuples(st.sampled_from([0 * HOUR, RECENT, OLDEST]), st.integers(-70, 70).map(lambda m: m * MINUTE))


@given(_hour, st.lists(_times.map(lambda parts: NOW + sum(parts, timedelta())), min_size=4, max_size=8))
def test_it_does_not_matter_how_often_it_is_done(looks: list[datetime], times: list[datetime]) -> None:
    step_by_step = looks
    for now in sorted(max(NOW, at) for at in times):
        step_by_step = kept(step_by_step, now)
        assert step_by_step == kept(looks, now)


@given(st.integers(5, 900), st.integers(0, 3600), st.integers(2, 2000))
def test_no_hole_is_wider_than_a_slot_and_one_pace(pace_s: int, offset_s: int, number: int) -> None:
    now, pace = NOW + offset_s * SECOND, pace_s * SECOND
    looks = [now - i * pace for i in range(number)]
    left = kept(looks[::-1], now)
    assert all(b - a < SLOT + pace for a, b in pairwise(left))
    assert left[0] - max(now - OLDEST, looks[-1]) < SLOT + pace


def test_nine_days_at_one_look_a_minute() -> None:
    looks = [NOW - i * MINUTE for i in range(9 * 24 * 60)]
    left = kept(looks, NOW)
    recent = [at for at in left if at > NOW - RECENT]
    assert (len(recent), len(left) - len(recent)) == (120, (8 * 24 - 2) * 6)


def test_a_look_of_a_clock_that_was_set_back_goes_once_it_is_more_than_an_hour_ahead() -> None:
    near, far = NOW + HOUR, NOW + HOUR + SECOND
    assert forgotten([far, NOW, near], NOW) == (far,)
    assert forgotten([far], NOW) == (far,), "the newest too, or it would stay for ever"


def test_looks_of_one_instant_stay_or_go_together() -> None:
    one, other = NOW - 3 * HOUR, NOW - 3 * HOUR + SECOND
    assert forgotten([one, one, other, other, NOW], NOW) == (other, other)
