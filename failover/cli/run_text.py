"""The end of a run, for people: what is done, what is not, and the next commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from failover.core.runs.journal import NEEDS_PERSON, Phase, RunState, RunView, exit_code
from failover.core.runs.report import event_words, run_document
from failover.core.words import duration

if TYPE_CHECKING:
    from failover.ports import RunRecord
    from failover.runs.service import Runs

_WORDS = {
    RunState.RUNNING: "was interrupted: nobody works on it",
    RunState.SUCCEEDED: "succeeded",
    RunState.ROLLED_BACK: "is rolled back",
    RunState.CONFLICTS: "is rolled back, except where somebody else made changes",
    RunState.ROLLBACK_FAILED: "could not be rolled back whole",
    RunState.PAUSED: "is paused and needs a person",
    RunState.ABORTED: "was closed as it stands",
}


def end(c: Runs, record: RunRecord, *, as_json: bool, events: bool, interrupted: bool = False) -> None:
    """Print how the run stands now, and leave with its exit code."""
    view = c.view(record)
    if as_json:
        print(json.dumps(run_document(record.id, record.plan, view, c.store.events(record.id)), indent=2))
    elif not events:
        print("\n".join(lines(record, view, c.at_work().get(record.id, ""))))
    stopped = interrupted and view.state is RunState.PAUSED
    raise typer.Exit(130 if stopped else exit_code(view))


def lines(record: RunRecord, view: RunView, at_work: str = "") -> list[str]:
    """`at_work`: the process that works on it now; empty: none."""
    if view.state is RunState.RUNNING and at_work:
        return [f"Run {record.id} is under way, by {at_work}."]
    if view.state not in NEEDS_PERSON:
        return [
            f"Run {record.id} {_WORDS[view.state]}{f': {view.because}' if view.because else '.'}",
            *_next(record, view),
        ]
    back = view.state is RunState.PAUSED and view.backwards
    out = [f"Run {record.id} {'was not rolled back' if back else _WORDS[view.state]}."]
    width = max(len(s.id) for s in record.plan.steps)
    for s in record.plan.steps:
        v = view.steps[s.id]
        out.append(f"  {s.id:<{width}}  {_standing(v.phase)}: {v.error or s.says}")
    if not any(v.error for v in view.steps.values()):
        out.append(f"  because {view.because}")
    return out + _next(record, view)


def _standing(phase: Phase) -> str:
    match phase:
        case Phase.VERIFIED | Phase.ACTED | Phase.UNDO_BLOCKED:
            return "done, in force"
        case Phase.UNDONE:
            return "undone"
        case Phase.KEPT:
            return "done, stays so"
        case Phase.PENDING | Phase.SKIPPED | Phase.UNCHANGED:
            return "not done"
        case _:
            return phase.value.replace("_", " ")


def _next(record: RunRecord, view: RunView) -> list[str]:
    """The commands that come next, exactly as they are typed."""
    run = record.id
    match view.state:
        case RunState.SUCCEEDED:
            standing = [s for s in record.plan.steps if s.undoable and view.steps[s.id].owed]
            if not standing:
                return []
            until = next((f", it expires in {duration(s.expires_s)}" for s in standing if s.expires_s), "")
            return [f"Undo with: failover rollback {run}{until}"]
        case RunState.PAUSED if view.backwards:
            return [
                f"Next: failover rollback {run}, when its guard holds; or failover runs accept {run} --reason …",
                f"      failover rollback {run} --although REASON undoes it now: a person's decision, recorded",
            ]
        case RunState.PAUSED | RunState.RUNNING:
            return [f"Next: failover runs resume {run}, or failover rollback {run}"]
        case RunState.CONFLICTS | RunState.ROLLBACK_FAILED:
            stuck = [i for i, v in view.steps.items() if v.owed and v.phase in {Phase.CONFLICT, Phase.UNDO_FAILED}]
            steps = [f"Next: failover runs resolve {run} {i} --keep|--restore|--skip --reason …" for i in stuck]
            return [*steps, f"      failover runs accept {run} --reason … closes it as it stands"]
        case _:
            return []


def timeline(c: Runs, record: RunRecord) -> list[str]:
    out = []
    for e in c.store.events(record.id):
        who, what, why = event_words(e)
        out.append(f"  {e.at:%Y-%m-%d %H:%M:%S}  {who:<10} {what}{f': {why}' if why else ''}")
    return out
