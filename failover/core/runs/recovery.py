"""The next move for a step, by what is recorded and what is read. One table; a test searches all of it.

A start, the next step and a resume after a crash are the same look-up, so there
is no code path that only a crash exercises.

Rows: the journal, for the step and the direction:
    nothing   no intent: it was never begun
    intent    begun; whether it happened is not recorded
    acted     done; its effect is not yet verified (forward only)

Columns: the host, read after it was *settled* (nothing of ours runs there, and a
late request of ours will be refused):

               state action                     event action
    before     reads as before                  no result: it never began
    wanted     reads as wanted                  a result that says done
    half       ours, cut off in the middle      began, ended without a result
    other      neither: somebody else's edit    (cannot be)
    unknown    could not be read                could not be read
    running    the remote script still runs
    theirs     nothing of ours is there: it never began, or somebody reverted it  (by `settled`)
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

from failover.core.runs.plan import StepKind


class Recorded(enum.StrEnum):
    NOTHING = "nothing"
    INTENT = "intent"
    ACTED = "acted"


class Reading(enum.StrEnum):
    BEFORE = "before"
    WANTED = "wanted"
    HALF = "half"
    OTHER = "other"
    UNKNOWN = "unknown"
    RUNNING = "running"
    THEIRS = "theirs"


class Move(enum.StrEnum):
    """`act` records an intent first; `adopt` records what is there already; `wait` reads again until the deadline."""

    ACT = "act"
    ADOPT = "adopt"
    VERIFY = "verify"
    WAIT = "wait"
    FAIL = "fail"
    """Half done, or reverted by somebody: the step has failed, and its on_failure decides (an undo can take a half)."""
    ASK = "ask"
    CONFLICT = "conflict"


_ANY = (Reading.BEFORE, Reading.WANTED, Reading.HALF, Reading.OTHER, Reading.THEIRS, Reading.UNKNOWN)

_FORWARD: Mapping[tuple[StepKind, Recorded, Reading], Move] = {
    (StepKind.STATE, Recorded.NOTHING, Reading.BEFORE): Move.ACT,
    (StepKind.STATE, Recorded.NOTHING, Reading.WANTED): Move.ADOPT,  # as `unchanged`: no undo is owed
    (StepKind.STATE, Recorded.NOTHING, Reading.HALF): Move.CONFLICT,  # half of somebody else's
    (StepKind.STATE, Recorded.NOTHING, Reading.OTHER): Move.CONFLICT,
    (StepKind.STATE, Recorded.NOTHING, Reading.THEIRS): Move.CONFLICT,
    (StepKind.STATE, Recorded.NOTHING, Reading.UNKNOWN): Move.WAIT,
    (StepKind.STATE, Recorded.INTENT, Reading.BEFORE): Move.ACT,
    (StepKind.STATE, Recorded.INTENT, Reading.WANTED): Move.ADOPT,
    (StepKind.STATE, Recorded.INTENT, Reading.HALF): Move.FAIL,  # act, if the act can be repeated from there
    (StepKind.STATE, Recorded.INTENT, Reading.OTHER): Move.CONFLICT,
    (StepKind.STATE, Recorded.INTENT, Reading.THEIRS): Move.FAIL,  # with nothing done, so no undo is owed
    (StepKind.STATE, Recorded.INTENT, Reading.UNKNOWN): Move.WAIT,
    **{(StepKind.STATE, Recorded.ACTED, w): Move.VERIFY for w in _ANY},  # verify looks for itself
    # An event that we never began cannot have a result: if there is one, a person looks.
    (StepKind.EVENT, Recorded.NOTHING, Reading.BEFORE): Move.ACT,
    (StepKind.EVENT, Recorded.NOTHING, Reading.WANTED): Move.ASK,
    (StepKind.EVENT, Recorded.NOTHING, Reading.HALF): Move.ASK,
    (StepKind.EVENT, Recorded.NOTHING, Reading.OTHER): Move.ASK,
    (StepKind.EVENT, Recorded.NOTHING, Reading.THEIRS): Move.ASK,
    (StepKind.EVENT, Recorded.NOTHING, Reading.UNKNOWN): Move.WAIT,
    (StepKind.EVENT, Recorded.INTENT, Reading.BEFORE): Move.ACT,
    (StepKind.EVENT, Recorded.INTENT, Reading.WANTED): Move.ADOPT,
    (StepKind.EVENT, Recorded.INTENT, Reading.HALF): Move.ASK,  # act, where repeating is safe
    (StepKind.EVENT, Recorded.INTENT, Reading.OTHER): Move.ASK,
    (StepKind.EVENT, Recorded.INTENT, Reading.THEIRS): Move.ASK,
    (StepKind.EVENT, Recorded.INTENT, Reading.UNKNOWN): Move.WAIT,
    **{(StepKind.EVENT, Recorded.ACTED, w): Move.VERIFY for w in _ANY},
}

# Backward, `before` and `wanted` keep their meaning: an undo wants `before`.
_BACKWARD: Mapping[tuple[Recorded, Reading], Move] = {
    (Recorded.NOTHING, Reading.BEFORE): Move.ADOPT,  # it never took, or somebody put it back
    (Recorded.NOTHING, Reading.THEIRS): Move.ADOPT,
    (Recorded.NOTHING, Reading.WANTED): Move.ACT,
    (Recorded.NOTHING, Reading.HALF): Move.ACT,
    (Recorded.NOTHING, Reading.OTHER): Move.CONFLICT,
    (Recorded.NOTHING, Reading.UNKNOWN): Move.WAIT,
    (Recorded.INTENT, Reading.BEFORE): Move.ADOPT,
    (Recorded.INTENT, Reading.THEIRS): Move.ADOPT,
    (Recorded.INTENT, Reading.WANTED): Move.ACT,
    (Recorded.INTENT, Reading.HALF): Move.ACT,
    (Recorded.INTENT, Reading.OTHER): Move.CONFLICT,
    (Recorded.INTENT, Reading.UNKNOWN): Move.WAIT,
}


def forward(kind: StepKind, recorded: Recorded, reading: Reading, *, repeat_safe: bool, goes_on: bool = False) -> Move:
    """The next move for a step that is to be done. `goes_on`: the act can be repeated from half-way."""
    if reading is Reading.RUNNING:
        return Move.WAIT
    move = _FORWARD[kind, recorded, reading]
    again = repeat_safe if kind is StepKind.EVENT else goes_on
    return Move.ACT if again and (recorded, reading) == (Recorded.INTENT, Reading.HALF) else move


def backward(recorded: Recorded, reading: Reading) -> Move:
    """The next move for a state step that is to be undone; `recorded` is about the undo."""
    if reading is Reading.RUNNING:
        return Move.WAIT
    return _BACKWARD[recorded, reading]


def compare(
    now: Mapping[str, str],
    *,
    before: Mapping[str, str],
    want: Mapping[str, str],
    on_the_way: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> Reading:
    """The reading of bound values. A mixture of `before`, `want` and `on_the_way` is half."""
    keys = {*before, *want}
    if not keys:
        raise ValueError("a state step without bound values cannot be compared")
    if all(now.get(k) == want.get(k) for k in keys):
        return Reading.WANTED
    if all(now.get(k) == before.get(k) for k in keys):
        return Reading.BEFORE
    ours = all(now.get(k) in (before.get(k), want.get(k), *on_the_way.get(k, ())) for k in keys)
    return Reading.HALF if ours else Reading.OTHER


# An open attempt on a setting: (is it an undo, the result on the host as for an event, the reading of the setting).
# A row that is not listed is as it reads.
_SETTLED: Mapping[tuple[bool, Reading, Reading], Reading] = {
    # Its script did not finish: a check or reload after the change may be missing.
    (False, Reading.HALF, Reading.WANTED): Reading.HALF,
    (True, Reading.HALF, Reading.BEFORE): Reading.HALF,
    # It never began, so somebody else made the change.
    **{(False, Reading.BEFORE, w): Reading.THEIRS for w in (Reading.WANTED, Reading.HALF, Reading.OTHER)},
    # It was done, and somebody reverted it.
    (False, Reading.WANTED, Reading.BEFORE): Reading.THEIRS,
    **{(True, Reading.WANTED, w): Reading.THEIRS for w in (Reading.WANTED, Reading.HALF, Reading.OTHER)},
}


def settled(far: Reading, now: Reading, *, undo: bool) -> Reading:
    """The reading of a setting after our open attempt was settled, by its result on the host and by the setting."""
    return far if far in {Reading.RUNNING, Reading.UNKNOWN} else _SETTLED.get((undo, far, now), now)
