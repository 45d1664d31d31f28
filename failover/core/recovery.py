"""What to do about one step, from what was recorded and what the world reads. One table, searched whole.

Starting, going on and resuming after a crash are the same look-up, so there
is no second code path that only a crash exercises.

Rows, what our journal says of the step in the direction we are going:
    nothing   no intent: it was never begun
    intent    begun; whether it happened is not recorded
    acted     done; its effect is not yet verified (forward only)

Columns, what the world says, read after the far side was *settled* (nothing
of ours is running there, and nothing of ours that is late will still be let in):

               state action                     event action
    before     reads as before                  no result: it never began
    wanted     reads as wanted                  a result that says done
    half       ours, cut off in the middle      began, ended without a result
    other      neither: somebody else's edit    (cannot be)
    unknown    could not be read                could not be read
    running    the remote script is still at it
    theirs     nothing of ours stands: it never began, or somebody turned it round  (by `settled`)
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

from failover.core.plan import Kind


class Recorded(enum.StrEnum):
    NOTHING = "nothing"
    INTENT = "intent"
    ACTED = "acted"


class World(enum.StrEnum):
    BEFORE = "before"
    WANTED = "wanted"
    HALF = "half"
    OTHER = "other"
    UNKNOWN = "unknown"
    RUNNING = "running"
    THEIRS = "theirs"


class Move(enum.StrEnum):
    """`act` records an intent first; `adopt` records what already is; `wait` reads again until the deadline."""

    ACT = "act"
    ADOPT = "adopt"
    VERIFY = "verify"
    WAIT = "wait"
    FAIL = "fail"
    """Half done, or not ours to do any more: the step has failed, and its on_failure decides (an undo takes halves)."""
    ASK = "ask"
    CONFLICT = "conflict"


_ANY = (World.BEFORE, World.WANTED, World.HALF, World.OTHER, World.THEIRS, World.UNKNOWN)

_FORWARD: Mapping[tuple[Kind, Recorded, World], Move] = {
    (Kind.STATE, Recorded.NOTHING, World.BEFORE): Move.ACT,
    (Kind.STATE, Recorded.NOTHING, World.WANTED): Move.ADOPT,  # as `unchanged`: no undo is owed
    (Kind.STATE, Recorded.NOTHING, World.HALF): Move.CONFLICT,  # half of somebody else's
    (Kind.STATE, Recorded.NOTHING, World.OTHER): Move.CONFLICT,
    (Kind.STATE, Recorded.NOTHING, World.THEIRS): Move.CONFLICT,
    (Kind.STATE, Recorded.NOTHING, World.UNKNOWN): Move.WAIT,
    (Kind.STATE, Recorded.INTENT, World.BEFORE): Move.ACT,
    (Kind.STATE, Recorded.INTENT, World.WANTED): Move.ADOPT,
    (Kind.STATE, Recorded.INTENT, World.HALF): Move.FAIL,  # act, where acting again takes it on
    (Kind.STATE, Recorded.INTENT, World.OTHER): Move.CONFLICT,
    (Kind.STATE, Recorded.INTENT, World.THEIRS): Move.FAIL,  # with nothing done, so no undo is owed
    (Kind.STATE, Recorded.INTENT, World.UNKNOWN): Move.WAIT,
    **{(Kind.STATE, Recorded.ACTED, w): Move.VERIFY for w in _ANY},  # verify looks for itself
    # An event that was never begun by us cannot have a result of ours: if one is there, a person looks.
    (Kind.EVENT, Recorded.NOTHING, World.BEFORE): Move.ACT,
    (Kind.EVENT, Recorded.NOTHING, World.WANTED): Move.ASK,
    (Kind.EVENT, Recorded.NOTHING, World.HALF): Move.ASK,
    (Kind.EVENT, Recorded.NOTHING, World.OTHER): Move.ASK,
    (Kind.EVENT, Recorded.NOTHING, World.THEIRS): Move.ASK,
    (Kind.EVENT, Recorded.NOTHING, World.UNKNOWN): Move.WAIT,
    (Kind.EVENT, Recorded.INTENT, World.BEFORE): Move.ACT,
    (Kind.EVENT, Recorded.INTENT, World.WANTED): Move.ADOPT,
    (Kind.EVENT, Recorded.INTENT, World.HALF): Move.ASK,  # act, where repeating is safe
    (Kind.EVENT, Recorded.INTENT, World.OTHER): Move.ASK,
    (Kind.EVENT, Recorded.INTENT, World.THEIRS): Move.ASK,
    (Kind.EVENT, Recorded.INTENT, World.UNKNOWN): Move.WAIT,
    **{(Kind.EVENT, Recorded.ACTED, w): Move.VERIFY for w in _ANY},
}

# Backward, `before` and `wanted` keep their meaning: an undo wants `before`.
_BACKWARD: Mapping[tuple[Recorded, World], Move] = {
    (Recorded.NOTHING, World.BEFORE): Move.ADOPT,  # it never took, or somebody put it back
    (Recorded.NOTHING, World.THEIRS): Move.ADOPT,
    (Recorded.NOTHING, World.WANTED): Move.ACT,
    (Recorded.NOTHING, World.HALF): Move.ACT,
    (Recorded.NOTHING, World.OTHER): Move.CONFLICT,
    (Recorded.NOTHING, World.UNKNOWN): Move.WAIT,
    (Recorded.INTENT, World.BEFORE): Move.ADOPT,
    (Recorded.INTENT, World.THEIRS): Move.ADOPT,
    (Recorded.INTENT, World.WANTED): Move.ACT,
    (Recorded.INTENT, World.HALF): Move.ACT,
    (Recorded.INTENT, World.OTHER): Move.CONFLICT,
    (Recorded.INTENT, World.UNKNOWN): Move.WAIT,
}


def forward(kind: Kind, recorded: Recorded, world: World, *, repeat_safe: bool, goes_on: bool = False) -> Move:
    """The next move for a step that is to be done. `goes_on`: acting again takes on what was cut off half-way."""
    if world is World.RUNNING:
        return Move.WAIT
    move = _FORWARD[kind, recorded, world]
    again = repeat_safe if kind is Kind.EVENT else goes_on
    return Move.ACT if again and (recorded, world) == (Recorded.INTENT, World.HALF) else move


def backward(recorded: Recorded, world: World) -> Move:
    """The next move for a state step that is to be undone; `recorded` speaks of the undo."""
    if world is World.RUNNING:
        return Move.WAIT
    return _BACKWARD[recorded, world]


def compare(
    now: Mapping[str, str],
    *,
    before: Mapping[str, str],
    want: Mapping[str, str],
    on_the_way: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> World:
    """Where bound values stand between `before` and `want`. Some of each, or on the way, is half: all are ours."""
    keys = {*before, *want}
    if not keys:
        raise ValueError("a state step without bound values cannot be compared")
    if all(now.get(k) == want.get(k) for k in keys):
        return World.WANTED
    if all(now.get(k) == before.get(k) for k in keys):
        return World.BEFORE
    ours = all(now.get(k) in (before.get(k), want.get(k), *on_the_way.get(k, ())) for k in keys)
    return World.HALF if ours else World.OTHER


# An open attempt on a setting: (is it an undo, the far side's word as for an event, what the setting reads).
# What is not listed is as it reads.
_SETTLED: Mapping[tuple[bool, World, World], World] = {
    # Its script did not finish: what comes after the change (a check, a reload) may be missing.
    (False, World.HALF, World.WANTED): World.HALF,
    (True, World.HALF, World.BEFORE): World.HALF,
    # It never began, so whatever changed was changed by somebody else.
    **{(False, World.BEFORE, w): World.THEIRS for w in (World.WANTED, World.HALF, World.OTHER)},
    # It was done, and somebody turned it round again.
    (False, World.WANTED, World.BEFORE): World.THEIRS,
    **{(True, World.WANTED, w): World.THEIRS for w in (World.WANTED, World.HALF, World.OTHER)},
}


def settled(far: World, now: World, *, undo: bool) -> World:
    """Where a setting stands once our open attempt was settled, by the far side's word on it and by reading."""
    return far if far in {World.RUNNING, World.UNKNOWN} else _SETTLED.get((undo, far, now), now)
