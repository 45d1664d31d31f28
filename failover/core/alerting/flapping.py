"""Bad spells: how long something was bad within the last hour, at once or again and again. Pure.

An incident that comes and goes faster than the patience harms as much as one that lasts, so its spells add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from failover.core.words import count, duration

WINDOW = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Spell:
    """From the first look that saw it bad to the last; `over` once a look saw it well."""

    begins: datetime
    ends: datetime
    over: bool = False


Spells = tuple[Spell, ...]
"""Oldest first."""


def lately(spells: Iterable[Spell], now: datetime) -> Spells:
    """The spells of the last hour. A time after now was written before the clock was set back: it counts as now."""
    clamped = (replace(s, begins=min(s.begins, now), ends=min(s.ends, now)) for s in spells)
    return tuple(s for s in clamped if s.ends > now - WINDOW)


def bad(spells: Spells, now: datetime, gap_s: float) -> Spells:
    """It is bad now: the spell goes on, unless it was over, or nobody looked for longer than `gap_s` seconds."""
    if spells and not spells[-1].over and now - spells[-1].ends <= timedelta(seconds=gap_s):
        return (*spells[:-1], replace(spells[-1], ends=now))
    return (*spells, Spell(now, now))


def well(spells: Spells) -> Spells:
    return (*spells[:-1], replace(spells[-1], over=True)) if spells else ()


def lasted_s(spells: Iterable[Spell], since: datetime, now: datetime) -> float:
    """How long it was bad in the last hour, in spells that began since then."""
    return sum((s.ends - max(s.begins, now - WINDOW)).total_seconds() for s in spells if s.begins >= since)


def returns(spells: Sequence[Spell], apart_s: float) -> bool:
    """Did it come back after it was well for so long?"""
    return any(a.over and (b.begins - a.ends).total_seconds() >= apart_s for a, b in pairwise(spells))


def words(spells: Sequence[Spell], now: datetime) -> str:
    whole = duration(sum((s.ends - max(s.begins, now - WINDOW)).total_seconds() for s in spells))
    return f"It comes and goes: bad for {whole} in the last hour, in {count(len(spells), 'spell')}."
