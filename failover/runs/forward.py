"""Forward: begin a step, settle one whose answer is open, act. `core.runs.recovery.forward` says which move is next."""

from __future__ import annotations

from typing import Any

from failover.actions import ACTIONS
from failover.core.runs.answer import Answer
from failover.core.runs.journal import Did
from failover.core.runs.leaving import waiting
from failover.core.runs.plan import Certainty, Step, StepKind
from failover.core.runs.playbook import Risk
from failover.core.runs.recovery import Move, Reading, Recorded
from failover.core.runs.recovery import forward as next_move
from failover.core.runs.verify import signals
from failover.errors import FailoverError, StaleEpoch, Unreachable
from failover.runs.attempts import SPENT, attempt, lost, reaching, settled, spent
from failover.runs.in_force import compared
from failover.runs.looking import reason, there_now, why_waiting
from failover.runs.patience import await_known, await_reading, shared
from failover.runs.session import Session


def begin(s: Session, step: Step) -> None:
    """Act, unless it must not be, is not wanted, is done already, or reads otherwise than planned."""
    if step.kind is StepKind.EVENT and step.certainty is Certainty.UNCHANGED:
        return s.record(Did.UNCHANGED, step.id, {"because": step.says})
    ready = await_known(s, [*s.plan.preconditions, *step.requires])
    if not ready.holds:
        return s.fail(step, "precondition", "; ".join(ready.because), nothing_done=True)
    if step.when is not None:
        wanted = await_known(s, [step.when])
        if wanted.holds is None and not _harmless(step):
            return s.fail(step, "unknown", "; ".join(wanted.because), nothing_done=True)
        if wanted.holds is False:
            return s.record(Did.SKIPPED, step.id, {"because": list(wanted.because)})
    _begin_as_it_reads(s, step)


def _harmless(step: Step) -> bool:
    """Done in doubt it does no harm, left out it may: mail would go on waiting."""
    return step.kind is StepKind.EVENT and step.repeat_safe and step.risk is Risk.NONE


def _begin_as_it_reads(s: Session, step: Step) -> None:
    is_event = step.kind is StepKind.EVENT
    reading = Reading.BEFORE if is_event else await_reading(s, step, lambda: compared(step, s.ports))
    match next_move(step.kind, Recorded.NOTHING, reading, repeat_safe=step.repeat_safe):
        case Move.ACT:
            act(s, step)
        case Move.ADOPT:
            s.record(Did.UNCHANGED, step.id, {})
        case Move.WAIT:
            s.fail(step, "unknown", why_waiting(s, step, reading), nothing_done=True)
        case _:
            s.fail(step, "drift", f"it no longer reads as planned: {there_now(s, step)}", nothing_done=True)


def settle(s: Session, step: Step) -> None:
    """An intent is open: something may have happened, or may still be going to."""
    name = f"do-{s.view.steps[step.id].attempts}"
    reading = await_reading(s, step, lambda: settled(s, step, name))
    goes_on = bool(step.on_the_way)
    match next_move(step.kind, Recorded.INTENT, reading, repeat_safe=step.repeat_safe, goes_on=goes_on):
        case Move.ACT:
            act(s, step)
        case Move.ADOPT:
            s.record(Did.ACTED, step.id, {"result": {"adopted": "found done"}})
        case Move.WAIT:
            s.pause(f"{step.id}: {why_waiting(s, step, reading)}")
        case Move.FAIL if reading is Reading.THEIRS:
            error = f"nothing of ours is there, and it does not read as planned: {there_now(s, step)}"
            s.fail(step, "drift", error, nothing_done=True)
        case Move.FAIL:
            s.fail(step, "half", "it was cut off half-way", no_effect=True)
        case Move.ASK:
            s.record(Did.ASKED, step.id, {"error": f"{step.id} began and left no result; did it happen?"})
        case _:
            s.record(Did.CONFLICT, step.id, {"error": f"somebody else changed it: {there_now(s, step)}"})


def act(s: Session, step: Step) -> None:
    """The intent is durable before the act leaves."""
    if spent(s, step.id):
        # A state is begun anew only where it was seen to read as before, or half-way where that can be taken on.
        as_before = step.kind is StepKind.STATE and not step.on_the_way
        return s.fail(step, "attempts", SPENT, nothing_done=as_before)
    number = s.view.steps[step.id].attempts + 1
    s.record(Did.INTENT, step.id, _intent(step, number) | _mail_waiting(s, step))
    at = attempt(s, step, f"do-{number}")
    if late := s.too_late(s.events[-1].at):
        return s.fail(step, "late", late, nothing_done=True)
    try:
        result = reaching(s, step, lambda: ACTIONS[step.action].act(step, at, shared(s)))
    except FailoverError as e:
        return _not_done(s, step, e)
    s.record(Did.ACTED, step.id, {"result": dict(result)})


def _intent(step: Step, number: int) -> dict[str, Any]:
    return {"attempt": number, "before": dict(step.before), "want": dict(step.want), "undo": step.undo}


def _mail_waiting(s: Session, step: Step) -> dict[str, Any]:
    """How much mail waits before the act, where the effect is that mail leaves."""
    watches = [w for w in step.verify if w.leaves]
    if not watches:
        return {}
    return {"waiting": waiting(watches, s.ports.look({w.host for w in watches}, signals(watches)))}


def _not_done(s: Session, step: Step, error: FailoverError) -> None:
    """Only a listed answer means that nothing was done; what is unknown is settled next, by reading."""
    match error.answer:
        case Answer.NOTHING:
            class_ = "unreachable" if isinstance(error, Unreachable) else "refused"
            s.fail(step, class_, reason(error), nothing_done=True)
            if isinstance(error, StaleEpoch):  # others may act there: nothing more of this run, and no undo either
                s.pause(f"{step.id}: {reason(error)}")
        case Answer.FAILED:
            s.fail(step, "failed", error)
        case _:
            lost(s, step, error)
