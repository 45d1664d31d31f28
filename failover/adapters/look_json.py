"""One look's signals as compact JSON and back, exactly: short keys, and no empty values."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

from failover.core.observe.signal import Outcome, Samples, Signal
from failover.fence import UNREADABLE

_OUTCOMES = {o.value: o for o in Outcome}
_NUMBERS = {float, int, type(None)}
_VALUES = {*_NUMBERS, str}
_MICROSECOND = timedelta(microseconds=1)


def dumps(look: Samples, at: datetime) -> str:
    """`at` is the time of the look; `b` of a signal is how many microseconds before it."""
    return json.dumps([_packed(s, at) for s in look], separators=(",", ":"))


def loads(text: str, at: datetime) -> Iterable[Signal]:
    """A look that cannot be read has no signals; the other looks are read."""
    try:
        return _read(text, at)
    except UNREADABLE:
        return []


def _read(text: str, at: datetime) -> list[Signal]:
    # Positional and unfolded on purpose: the controller reads thousands of these in each cycle.
    found = [
        Signal(
            s["h"],
            s["n"],
            s["v"],
            _OUTCOMES[s["o"]],
            s.get("r", ""),
            at - timedelta(0, 0, s["b"]) if "b" in s else at,
            s.get("x"),
            s.get("u", ""),
            s.get("a"),
            None,
            s.get("m"),
        )
        for s in json.loads(text)
    ]
    if not all(map(_is_one, found)):
        raise TypeError
    return found


def _is_one(s: Signal) -> bool:
    """Has each field the type that a look writes?"""
    return (
        type(s.host) is type(s.name) is type(s.vantage) is type(s.reason) is type(s.unit) is str
        and type(s.value) in _VALUES
        and type(s.age) in _NUMBERS
        and type(s.before) in _NUMBERS
        and type(s.most) in _NUMBERS
    )


def _packed(s: Signal, at: datetime) -> dict[str, object]:
    named: dict[str, object] = {"h": s.host, "n": s.name, "v": s.vantage, "o": s.outcome.value}
    before = (at - s.at) // _MICROSECOND
    said: dict[str, object] = {"r": s.reason or None, "b": before or None, "x": s.value, "u": s.unit or None}
    return named | {k: v for k, v in (said | {"a": s.age, "m": s.most}).items() if v is not None}
