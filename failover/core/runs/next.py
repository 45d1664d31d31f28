"""The next move of a run, from its plan and its state. Pure: it is the same before and after a crash."""

from __future__ import annotations

from dataclasses import dataclass

from failover.core.observe.condition import predicates
from failover.core.runs.journal import GAVE_WAY, Phase, RunState, RunView
from failover.core.runs.plan import Plan, Step, StepKind
from failover.core.runs.playbook import OnFailure, Risk


@dataclass(frozen=True, slots=True)
class Begin:
    step: Step


@dataclass(frozen=True, slots=True)
class Settle:
    """An intent is open: find out whether it happened, then go by the table."""

    step: Step


@dataclass(frozen=True, slots=True)
class Verify:
    step: Step


@dataclass(frozen=True, slots=True)
class Turn:
    """Begin the rollback, since this step failed."""

    step: Step
    because: str


@dataclass(frozen=True, slots=True)
class Undo:
    step: Step


@dataclass(frozen=True, slots=True)
class Close:
    state: RunState
    because: str


Next = Begin | Settle | Verify | Turn | Undo | Close


def next_(plan: Plan, view: RunView) -> Next:
    return _next_back(plan, view) if view.backwards else _next_forward(plan, view)


def _next_forward(plan: Plan, view: RunView) -> Next:
    for step in plan.steps:
        s = view.steps[step.id]
        match s.phase:
            case Phase.PENDING:
                return Begin(step)
            case Phase.INTENT:
                return Settle(step)
            case Phase.ACTED:
                return Verify(step)
            case Phase.CONFLICT | Phase.ASKED:
                return Close(RunState.PAUSED, s.error or f"{step.id} needs a person")
            case Phase.FAILED:
                reaction = on_failure(plan, view, step)
                if reaction is OnFailure.ROLLBACK:
                    return Turn(step, s.error or f"{step.id} failed")
                if reaction is OnFailure.PAUSE and not view.order:
                    return Close(RunState.ABORTED, f"nothing was begun: {step.id}: {s.error}")
                if reaction is OnFailure.PAUSE:
                    return Close(RunState.PAUSED, f"{step.id}: {s.error}")
            case _:
                pass
    failed = [f"{i} ({s.error})" if s.error else i for i, s in view.steps.items() if s.phase is Phase.FAILED]
    return Close(RunState.SUCCEEDED, f"went on without {'; '.join(failed)}" if failed else "")


def only_waits(step: Step) -> bool:
    """Once it has acted, nothing of it is left to do or to undo: mail leaves, watched or not."""
    return step.kind is StepKind.EVENT and step.risk is Risk.NONE and all(w.leaves for w in step.verify)


def gave_way(view: RunView) -> bool:
    return any(s.failed_as == GAVE_WAY for s in view.steps.values())


def on_failure(plan: Plan, view: RunView, step: Step) -> OnFailure:
    """The step's own rule; but past the pivot (a verified step that moved traffic) a failure pauses. What gave way did
    not fail."""
    if view.steps[step.id].failed_as == GAVE_WAY:
        return OnFailure.CONTINUE
    pivot = any(s.risk is not Risk.NONE and view.steps[s.id].was_verified for s in plan.steps)
    if pivot and step.on_failure is OnFailure.ROLLBACK:
        return OnFailure.PAUSE
    return step.on_failure


_STUCK = {Phase.UNDO_BLOCKED, Phase.UNDO_FAILED, Phase.CONFLICT, Phase.ASKED}


def _next_back(plan: Plan, view: RunView) -> Next:
    stuck: list[Step] = []
    for step in undo_order(plan, view):
        if view.steps[step.id].phase in _STUCK:
            stuck.append(step)
        elif not any(depends(step, on=b) for b in stuck):
            return Undo(step)
    return _end_of_rollback(view)


def undo_order(plan: Plan, view: RunView) -> list[Step]:
    """What is owed, newest intent first; but traffic comes back last, when nothing of ours is left on its hosts."""
    by_id = {s.id: s for s in plan.steps}
    owed = (by_id[i] for i in reversed(view.order) if view.steps[i].owed)
    return sorted(owed, key=lambda s: s.risk is Risk.TRAFFIC)


def depends(earlier: Step, *, on: Step) -> bool:
    """Must `on`'s undo succeed before `earlier` may be undone? Yes on the same host, and on hosts that get traffic.

    Those are the hosts in the undo's guards; any host, if it has no guards.
    """
    if earlier.host == on.host or earlier.risk is Risk.NONE:
        return earlier.host == on.host
    get_it_back = {t.host for guard in earlier.guards for t in predicates(guard)}
    return earlier.risk is not Risk.TRAFFIC or not get_it_back or on.host in get_it_back


def _end_of_rollback(view: RunView) -> Close:
    phases = {s.phase for s in view.steps.values() if s.owed}
    said = "; ".join(f"{i}: {s.error}" for i, s in view.steps.items() if s.error and s.phase in _STUCK)
    if Phase.UNDO_FAILED in phases:
        return Close(RunState.ROLLBACK_FAILED, said)
    if Phase.CONFLICT in phases:
        return Close(RunState.CONFLICTS, said)
    if phases & _STUCK:
        return Close(RunState.PAUSED, said)
    return Close(RunState.ROLLED_BACK, view.turned_because)
