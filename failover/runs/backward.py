"""Backward: take a step back, where its guards allow it. `core.runs.recovery.backward` says which move is next."""

from __future__ import annotations

from failover.actions import ACTIONS
from failover.core.runs.answer import Answer
from failover.core.runs.journal import Did, Phase, StepView
from failover.core.runs.plan import Step
from failover.core.runs.recovery import Move, Reading, Recorded
from failover.core.runs.recovery import backward as next_move
from failover.errors import Changed, FailoverError
from failover.runs.attempts import SPENT, attempt, lost, reaching, settled, spent
from failover.runs.in_force import compared, stands
from failover.runs.looking import reason, there_now, why_waiting
from failover.runs.patience import await_known, await_reading, shared
from failover.runs.session import Session


def undo(s: Session, step: Step) -> None:
    """Settle what is open first; then undo it, unless it reads as before already or somebody else changed it."""
    state = s.view.steps[step.id]
    if not step.undoable:
        return _keep(s, step, state)
    begun = state.undo_attempts > 0
    reading = _reading(s, step, state)
    match next_move(Recorded.INTENT if begun else Recorded.NOTHING, reading):
        case Move.ACT:
            _undo_if_safe(s, step, state)
        case Move.ADOPT:
            s.record(Did.UNDONE, step.id, {"because": "it reads as it was before"})
        case Move.WAIT:
            _failed(s, step, why_waiting(s, step, reading))
        case _:
            _conflict(s, step, f"somebody else changed it since: {there_now(s, step)}")


def _reading(s: Session, step: Step, state: StepView) -> Reading:
    if state.undo_attempts > 0:
        return await_reading(s, step, lambda: settled(s, step, f"undo-{state.undo_attempts}"))
    if state.phase is Phase.INTENT:
        return await_reading(s, step, lambda: settled(s, step, f"do-{state.attempts}"))
    return await_reading(s, step, lambda: stands(s.run.id, step, s.ports))


def _keep(s: Session, step: Step, state: StepView) -> None:
    """An event owes no undo; but one whose answer is open must not be left running under what is undone next."""
    if state.phase is Phase.INTENT:
        reading = await_reading(s, step, lambda: settled(s, step, f"do-{state.attempts}"))
        if reading in {Reading.RUNNING, Reading.UNKNOWN}:
            return _failed(s, step, why_waiting(s, step, reading))
    s.record(Did.KEPT, step.id, {"because": step.undo})


def _undo_if_safe(s: Session, step: Step, state: StepView) -> None:
    """A change stays while what it is for lasts. One that had no effect may go back nevertheless."""
    if not state.no_effect and not s.view.although:
        guard = await_known(s, step.guards)
        if not guard.holds:
            said = f"its undo must wait: {'; '.join(guard.because)}"
            return s.record(Did.UNDO_BLOCKED, step.id, {"error": said})
    if spent(s, f"undo {step.id}"):
        return _failed(s, step, SPENT)
    _undo_now(s, step, state.undo_attempts + 1)


def _undo_now(s: Session, step: Step, number: int) -> None:
    """The intent is durable before the undo leaves."""
    s.record(Did.UNDO_INTENT, step.id, {"attempt": number, "want": dict(step.before)})
    at = attempt(s, step, f"undo-{number}")
    try:
        result = reaching(s, step, lambda: ACTIONS[step.action].undo(step, at, shared(s)))
    except Changed as e:
        return _conflict(s, step, str(e))
    except FailoverError as e:
        nothing_open = e.answer in {Answer.NOTHING, Answer.FAILED}
        return _failed(s, step, reason(e)) if nothing_open else lost(s, step, e)
    if await_reading(s, step, lambda: compared(step, s.ports)) is Reading.BEFORE:
        return s.record(Did.UNDONE, step.id, {"result": dict(result)})
    _failed(s, step, f"it does not read as before: {there_now(s, step)}")


def _failed(s: Session, step: Step, error: str) -> None:
    s.record(Did.UNDO_FAILED, step.id, {"error": error})


def _conflict(s: Session, step: Step, error: str) -> None:
    s.record(Did.CONFLICT, step.id, {"error": error})
