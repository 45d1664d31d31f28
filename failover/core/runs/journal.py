"""A run is its plan and its events. `fold` gives its state, `core.runs.next` its next move.

The journal is the only truth: after `kill -9` a run goes on by the same fold and
the same `next_` as after any step.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from failover.core.runs.plan import Plan


class RunState(enum.StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    ROLLED_BACK = "rolled_back"
    CONFLICTS = "rolled_back_with_conflicts"
    ROLLBACK_FAILED = "rollback_failed"
    PAUSED = "paused"
    ABORTED = "aborted"


NEEDS_PERSON = {RunState.CONFLICTS, RunState.ROLLBACK_FAILED, RunState.PAUSED}


GAVE_WAY = "gave way"
"""The class of a failed step whose effect was not waited for any longer, for the sake of another cure."""

UNSEEN = "unseen"
"""The same of one that acted, and whose effect could not be looked at: mail leaves, seen or not."""


class Did(enum.StrEnum):
    """The kinds of event; `begun` opens every session (a run, a resume, a rollback) with its direction."""

    BEGUN = "begun"
    INTENT = "intent"
    ACTED = "acted"
    VERIFIED = "verified"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNCHANGED = "unchanged"
    TURNED = "turned"
    UNDO_INTENT = "undo_intent"
    UNDONE = "undone"
    KEPT = "kept"
    """The effect of an event step stays: nothing can be undone, and nothing is owed."""
    UNDO_BLOCKED = "undo_blocked"
    UNDO_FAILED = "undo_failed"
    CONFLICT = "conflict"
    ASKED = "asked"
    RESOLVED = "resolved"
    NOTE = "note"
    CLOSED = "closed"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Event:
    seq: int
    at: datetime
    kind: Did
    step: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


class Phase(enum.StrEnum):
    PENDING = "pending"
    INTENT = "intent"
    ACTED = "acted"
    VERIFIED = "verified"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNCHANGED = "unchanged"
    UNDO_INTENT = "undo_intent"
    UNDONE = "undone"
    UNDO_BLOCKED = "undo_blocked"
    UNDO_FAILED = "undo_failed"
    CONFLICT = "conflict"
    ASKED = "asked"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class StepView:
    """`owed`: an intent was recorded, and its effect, if any, is still there. `no_effect`: seen to have none."""

    phase: Phase = Phase.PENDING
    attempts: int = 0
    undo_attempts: int = 0
    owed: bool = False
    was_verified: bool = False
    no_effect: bool = False
    error: str | None = None
    failed_as: str | None = None
    started: datetime | None = None
    ended: datetime | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    waited: Mapping[str, float] = field(default_factory=dict)
    """The mail that waited right before it began, at `waited_at`: its effect is judged by that mail."""
    waited_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunView:
    steps: Mapping[str, StepView]
    order: tuple[str, ...] = ()
    """Step ids in the order of their first intents; rollback goes through it backwards."""
    backwards: bool = False
    asked_for: bool = False
    """A person or the failback rule began the rollback, not a failure."""
    state: RunState = RunState.RUNNING
    because: str = ""
    accepted: bool = False
    although: str = ""
    """A person's reason to undo in this session although a guard does not hold."""
    turned_by: str | None = None
    turned_because: str = ""
    """Not kept in the step: its undo clears the step's error."""
    epoch: int = 0
    """The epoch of its first session: it orders the runs of a store, whatever clocks said."""

    @property
    def open(self) -> bool:
        """Nothing new may start on its hosts until it ends or a person accepts it."""
        return not self.accepted and (self.state is RunState.RUNNING or self.state in NEEDS_PERSON)


def fold(plan: Plan, events: Iterable[Event]) -> RunView:
    view = beginning(s.id for s in plan.steps)
    for event in events:
        view = apply(view, event)
    return view


def beginning(steps: Iterable[str]) -> RunView:
    """The view before the first event."""
    return RunView({id_: StepView() for id_ in steps})


_PHASE = {
    Did.INTENT: Phase.INTENT,
    Did.ACTED: Phase.ACTED,
    Did.VERIFIED: Phase.VERIFIED,
    Did.FAILED: Phase.FAILED,
    Did.SKIPPED: Phase.SKIPPED,
    Did.UNCHANGED: Phase.UNCHANGED,
    Did.UNDO_INTENT: Phase.UNDO_INTENT,
    Did.UNDONE: Phase.UNDONE,
    Did.KEPT: Phase.KEPT,
    Did.UNDO_BLOCKED: Phase.UNDO_BLOCKED,
    Did.UNDO_FAILED: Phase.UNDO_FAILED,
    Did.CONFLICT: Phase.CONFLICT,
    Did.ASKED: Phase.ASKED,
}


def apply(view: RunView, e: Event) -> RunView:
    match e.kind:
        case Did.BEGUN:
            back = e.data.get("direction") == "back"
            again = view.state is RunState.PAUSED and not back and not view.backwards
            steps = {k: _try_again(s) if again else _reopen(s) for k, s in view.steps.items()}
            return replace(
                view,
                steps=steps,
                state=RunState.RUNNING,
                because="",
                backwards=view.backwards or back,
                asked_for=view.asked_for or back,
                although=str(e.data.get("although", "")),
                epoch=view.epoch or _whole(e.data.get("epoch")),
            )
        case Did.TURNED:
            because = str(e.data.get("because", ""))
            return replace(view, backwards=True, turned_by=e.step, turned_because=because)
        case Did.CLOSED:
            return replace(view, state=RunState(e.data["state"]), because=str(e.data.get("because", "")))
        case Did.ACCEPTED:
            state = RunState.ABORTED if view.state in {RunState.PAUSED, RunState.RUNNING} else view.state
            return replace(view, accepted=True, state=state, because=str(e.data.get("reason", "")))
        case Did.RESOLVED if e.step:
            return _with_step(view, e.step, _resolve(view.steps[e.step], str(e.data["choice"])))
        case Did.NOTE:
            return view
        case _ if e.step:
            order = view.order if e.kind is not Did.INTENT or e.step in view.order else (*view.order, e.step)
            return replace(_with_step(view, e.step, _step_after(view.steps[e.step], e)), order=order)
        case _:
            return view


def _whole(number: object) -> int:
    return number if isinstance(number, int) else 0


def _with_step(view: RunView, step: str, value: StepView) -> RunView:
    return replace(view, steps={**view.steps, step: value})


def _step_after(s: StepView, e: Event) -> StepView:
    s = replace(s, phase=_PHASE[e.kind], error=e.data.get("error", s.error))
    match e.kind:
        case Did.INTENT:
            begun = replace(s, attempts=s.attempts + 1, owed=True, started=s.started or e.at, error=None)
            # An earlier attempt may have had its effect: the mail that waited before that one counts.
            return begun if s.owed else replace(begun, waited=e.data.get("waiting", {}), waited_at=e.at)
        case Did.ACTED:
            return replace(s, ended=e.at, result=e.data.get("result", {}))
        case Did.VERIFIED:
            return replace(s, ended=e.at, was_verified=True)
        case Did.FAILED:
            owed = s.owed and not e.data.get("nothing_done", False)
            no_effect = bool(e.data.get("no_effect", False))
            return replace(s, ended=e.at, owed=owed, no_effect=no_effect, failed_as=e.data.get("class"))
        case Did.UNDO_INTENT:
            return replace(s, undo_attempts=s.undo_attempts + 1, error=None)
        case Did.UNDONE | Did.KEPT:
            return replace(s, ended=e.at, owed=False, error=None)
        case _:
            return replace(s, ended=e.at)


def _reopen(s: StepView) -> StepView:
    """A new session tries the stopped step again, unless only a person may decide."""
    if s.phase in {Phase.UNDO_BLOCKED, Phase.UNDO_FAILED}:
        return replace(s, phase=_standing(s), error=None)
    return s


def _try_again(s: StepView) -> StepView:
    """A person resumes a run that a failed step paused: the cause is fixed, so the step is tried again."""
    if s.phase is not Phase.FAILED:
        return _reopen(s)
    phase = (
        Phase.PENDING if not s.owed else Phase.ACTED if s.failed_as in {"verify", GAVE_WAY, UNSEEN} else Phase.INTENT
    )
    return replace(s, phase=phase, error=None, failed_as=None, no_effect=False)


def _standing(s: StepView) -> Phase:
    """The phase before its undo was tried: an open intent is still open, and is settled first."""
    if s.undo_attempts:
        return Phase.UNDO_INTENT
    if s.was_verified:
        return Phase.VERIFIED
    return Phase.FAILED if s.failed_as else Phase.ACTED if s.result else Phase.INTENT


def _resolve(s: StepView, choice: str) -> StepView:
    """`keep`: leave it as it is, without an undo. `restore`: undo it after all. `skip`: go on as if it were done."""
    match choice:
        case "keep":
            return replace(s, phase=Phase.KEPT, owed=False, error=None)
        case "restore" if not s.attempts:  # what we did not begin we never restore
            return s
        case "restore":
            return replace(s, phase=Phase.ACTED, owed=True, error=None, failed_as=None, no_effect=False)
        case _:
            return replace(s, phase=Phase.SKIPPED, error=None)


def exit_code(view: RunView) -> int:
    """The exit code for the end of a run; a rollback that was asked for and done is a success."""
    match view.state:
        case RunState.SUCCEEDED:
            return 0
        case RunState.ROLLED_BACK:
            return 0 if view.asked_for else 5
        case _:
            return 6
