"""A look reads back as it was seen, whatever a host said in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from failover.adapters.look_json import dumps, loads
from failover.core.observe.signal import Outcome, Samples, Signal

NOW = datetime(2026, 11, 24, 3, 12, 5, 123456, tzinfo=UTC)
_words = st.text(st.characters(), max_size=5)  # lone surrogates too: what a host said need not be UTF-8
_numbers = st.integers(-5, 5) | st.floats()
_signals = st.builds(
    Signal,
    host=_words,
    name=_words,
    vantage=_words,
    outcome=st.sampled_from(Outcome),
    reason=_words,
    at=st.integers(-(10**8), 10**8).map(lambda us: NOW + timedelta(microseconds=us)),
    value=st.none() | _words | _numbers,
    unit=_words,
    age=st.none() | _numbers,
    most=st.none() | _numbers,
)


@given(st.lists(_signals, max_size=4).map(tuple))
def test_a_look_reads_back_exactly(look: Samples) -> None:
    again = tuple(loads(dumps(look, NOW), NOW))
    assert repr(again) == repr(look)  # unlike ==, tells 1 from 1.0, and takes a NaN for itself
    assert all(type(s.outcome) is Outcome for s in again)


def test_only_what_says_something_is_kept() -> None:
    quiet = Signal("mx1", "disk.free", "mx1", Outcome.OK, "", NOW)
    assert json.loads(dumps((quiet,), NOW)) == [{"h": "mx1", "n": "disk.free", "v": "mx1", "o": "ok"}]
