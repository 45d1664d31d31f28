"""What a clock that was ahead has dated was done before whatever was recorded after it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from failover.core.ahead import AHEAD, done_by, is_ahead

NOW = datetime(2020, 8, 11, 14, 0, tzinfo=UTC)
times = st.lists(
    st.sampled_from([-7200, -600, 0, 300, 301, 3600, 63_072_000]).map(lambda s: NOW + timedelta(seconds=s))
)


def test_two_controllers_may_differ_by_minutes() -> None:
    assert [is_ahead(NOW + AHEAD + timedelta(seconds=s), NOW) for s in (0, 1)] == [False, True]


@given(times)
def test_by_the_first_time_after_the_last_that_lies_ahead(recorded: list[datetime]) -> None:
    ahead = [n for n, at in enumerate(recorded) if is_ahead(at, NOW)]
    since = recorded[ahead[-1] + 1 :] if ahead else []
    assert done_by(recorded, NOW) == (since[0] if since else None)
