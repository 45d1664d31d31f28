"""Has the mail left that waited when a step began? Mail that came later does not count. Pure.

Mail that moves to another queue has not left: `queue.pending` and `queue.deferred` are counted together, and mail that
a filter lets go has left only when the host has less mail: behind a closed handler it is just put off.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from failover.core.observe.signal import Outcome, Samples, Signal
from failover.core.runs.playbook import Watch
from failover.core.words import count, duration, number

_COUNTED = {
    "queue.frozen": ("queue.frozen",),
    "queue.pending": ("queue.pending", "queue.deferred"),
    "queue.deferred": ("queue.pending", "queue.deferred"),
}
_HELD = ("queue.pending", "queue.deferred")
"""With `queue.frozen`: all that waits on the host."""
LEAVING = tuple(_COUNTED)
"""Signals for `leaves`."""
MARGIN_S = 2.0
"""Arrival times and ages are whole seconds, so mail of the first seconds after the step's begin counts as before it."""


def counted(signal: str) -> tuple[str, ...]:
    return _COUNTED.get(signal, (signal,))


def looked_at(signal: str) -> tuple[str, ...]:
    """The signals that tell whether its mail has left."""
    return ("queue.frozen", *_HELD) if signal == "queue.frozen" else counted(signal)


def waiting(watches: Iterable[Watch], samples: Samples) -> dict[str, float]:
    """Lower bounds of the waiting mail, recorded before a step begins; unreadable ones are left out. For frozen mail,
    also how much other mail waits beside it."""
    found = {w: _looks(w, samples, {}) for w in watches if w.leaves}
    least = {_key(w): looks[-1].least for w, looks in found.items() if looks}
    held = {_key(w): looks[-1].held for w, looks in found.items() if looks and not looks[-1].partial}
    return least | {f"{key} beside": max(0.0, all_ - least[key]) for key, all_ in held.items() if all_ is not None}


def waited_s(began: datetime, now: datetime) -> float:
    """The least age, in seconds, of mail that waited when the step began."""
    return max(0.0, (now - began).total_seconds() - MARGIN_S)


@dataclass(frozen=True, slots=True)
class _Look:
    at: datetime
    waits: float
    """An upper bound: only a part of a long queue is looked at."""
    least: float
    before: float
    """Of these, the mail that waited when the step began; all, if the host cannot tell."""
    own: float
    """The same for the watched signal alone."""
    told: bool
    partial: bool
    age: float | None
    held: float | None
    """All mail on the host, for frozen mail; None if it cannot be read as a whole."""


def leaves(wanted: Watch, samples: Iterable[Signal], waited: Mapping[str, float]) -> tuple[bool, str]:
    """Whether the goal is reached, and what was seen, in words."""
    looks = _looks(wanted, samples, waited)
    if not looks:
        return False, f"{wanted.signal}: no look yet"
    sure = _sure(looks)
    least = min(look.before for look in sure)
    was = waited.get(_key(wanted), next((look.before for look in looks if look.told), least))
    rest = min(least, was)
    moves = len(looks) > 1 and (was > rest or any(b.waits < a.least for a, b in pairwise(sure)))
    said = _said(was, rest, moves, looks[-1])
    if sure[-1].waits == 0 and (len(looks) > 1 or not was):
        return True, said
    return moves and (wanted.leaves == "some" or min(look.own for look in sure) == 0), said


def lows(wanted: Watch, samples: Iterable[Signal], waited: Mapping[str, float] | None = None) -> Iterator[datetime]:
    """The times of new minimums since the step began."""
    sure = _sure(_looks(wanted, samples, waited or {}))
    for i in range(1, len(sure)):
        if sure[i].before < min(look.before for look in sure[:i]):
            yield sure[i].at


def _sure(looks: list[_Look]) -> list[_Look]:
    """Two looks in a row have to agree: one alone misses a message that moves between queues."""
    return [_worse(a, b) for a, b in pairwise(looks)] or looks


def _worse(a: _Look, b: _Look) -> _Look:
    least, partial = max(a.least, b.least), a.partial or b.partial
    waits, before, own = max(a.waits, b.waits), max(a.before, b.before), max(a.own, b.own)
    return replace(b, waits=waits, least=least, before=before, own=own, partial=partial)


def _said(was: float, rest: float, moves: bool, last: _Look) -> str:
    if not was and not last.waits:
        return "no mail waits and none did, so no mail has shown the effect yet"
    if not was:
        came = f"no mail waited when it began, {number(last.least)} came since"
        return f"{came}, and mail leaves" if moves else f"{came}, and none was seen to leave"
    gone, least, most = was - rest, *(("at least ", "at most ") if last.partial else ("", ""))
    left = f"{least}{number(gone)} of the {count(was, 'message')} that waited {'has' if gone == 1 else 'have'} left"
    if not rest:
        return left
    age = f", the oldest for {duration(last.age)}" if last.age else ""
    return f"{left}, {most}{number(rest)} still {'waits' if rest == 1 else 'wait'}{age}"


def _looks(wanted: Watch, samples: Iterable[Signal], waited: Mapping[str, float]) -> list[_Look]:
    """One for each time at which all the counted signals could be read."""
    samples, beside = tuple(samples), waited.get(f"{_key(wanted)} beside")
    looks = _counts(wanted, samples)
    if wanted.signal != "queue.frozen":
        return looks
    all_ = {look.at: look for look in _counts(replace(wanted, signal="queue.pending"), samples) if not look.partial}
    return [_with_held(look, all_.get(look.at), beside) for look in looks]


def _with_held(frozen: _Look, all_: _Look | None, beside: float | None) -> _Look:
    """Of the mail that was frozen, at least what is on the host beyond the mail that was beside it is still there."""
    if all_ is None or beside is None:
        return replace(frozen, held=all_.least if all_ else None)
    waits, least, before = all_.waits - beside, all_.least - beside, all_.before - beside
    return replace(
        frozen,
        waits=max(frozen.waits, waits),
        least=max(frozen.least, least),
        before=max(frozen.before, before),
        held=all_.least,
    )


def _counts(wanted: Watch, samples: Iterable[Signal]) -> list[_Look]:
    at: dict[datetime, dict[str, Signal]] = {}
    for s in samples:
        if s.host == wanted.host and s.name in counted(wanted.signal) and s.outcome is not Outcome.UNKNOWN:
            at.setdefault(s.at, {})[s.name] = s
    whole = [(t, found) for t, found in at.items() if len(found) == len(counted(wanted.signal))]
    return [
        _Look(
            t,
            sum(s.at_most or 0.0 for s in found.values()),
            sum(s.at_least or 0.0 for s in found.values()),
            sum(_before(s) for s in found.values()),
            _before(found[wanted.signal]),
            all(s.before is not None and not s.partial for s in found.values()),
            any(s.partial for s in found.values()),
            found[wanted.signal].age,
            None,
        )
        for t, found in whole
    ]


def _key(w: Watch) -> str:
    return f"{w.host} {w.signal}"


def _before(s: Signal) -> float:
    return (s.at_most or 0.0) if s.before is None else s.before
