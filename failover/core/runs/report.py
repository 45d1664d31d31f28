"""Plans and runs as the JSON documents of the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from failover.core.plain import plain
from failover.core.runs.journal import Did, Event, RunView, StepView
from failover.core.runs.plan import Plan, Step

VERSION = 1


def plan_document(plan: Plan) -> dict[str, Any]:
    """`run --dry-run --json`."""
    return {
        "version": VERSION,
        "playbook": plan.playbook,
        "fingerprint": plan.fingerprint,
        "params": plain(plan.params),
        "hosts": list(plan.hosts),
        "eta_s": round(plan.eta_s, 1),
        "steps": [_planned(s) for s in plan.steps],
        "warnings": list(plan.warnings),
        "not_fixed": list(plan.not_fixed),
    }


def _planned(s: Step) -> dict[str, Any]:
    return {
        "id": s.id,
        "action": s.action,
        "host": s.host,
        "domain": s.domain,
        "certainty": s.certainty.value,
        "says": s.says,
        "before": {**s.before, **s.observed},
        "after": dict(s.want),
        "diff": list(s.diff),
        "undo": s.undo,
        "eta_s": round(s.eta_s, 1),
    }


def run_document(run: str, plan: Plan, view: RunView, events: Iterable[Event]) -> dict[str, Any]:
    """`run | rollback | runs show --json`."""
    seen = tuple(events)
    return {
        "version": VERSION,
        "run": run,
        "playbook": plan.playbook,
        "state": view.state.value,
        "because": view.because,
        "open": view.open,
        "steps": [_done(s, view.steps[s.id]) for s in plan.steps],
        "timeline": [event_document(e) for e in seen],
    }


def _done(step: Step, v: StepView) -> dict[str, Any]:
    return {
        "id": step.id,
        "action": step.action,
        "host": step.host,
        "domain": step.domain,
        "state": v.phase.value,
        "before": {**step.before, **step.observed},
        "after": dict(step.want),
        "attempts": v.attempts,
        "started": plain(v.started),
        "ended": plain(v.ended),
        "error": v.error,
        "result": plain(v.result),
    }


def event_document(e: Event) -> dict[str, Any]:
    return {"seq": e.seq, "at": plain(e.at), "kind": e.kind.value, "step": e.step, **_data(e.data)}


def _data(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"data": plain(data)} if data else {}


# The same for people ----------------------------------------------------------

_PAST = {
    Did.BEGUN: "begins",
    Did.INTENT: "doing it",
    Did.ACTED: "done, looking for its effect",
    Did.VERIFIED: "verified",
    Did.FAILED: "failed",
    Did.SKIPPED: "skipped",
    Did.UNCHANGED: "unchanged",
    Did.TURNED: "going back",
    Did.UNDO_INTENT: "undoing it",
    Did.UNDONE: "undone",
    Did.KEPT: "nothing to undo",
    Did.UNDO_BLOCKED: "stays in force",
    Did.UNDO_FAILED: "undo failed",
    Did.CONFLICT: "conflict",
    Did.ASKED: "needs a person",
    Did.RESOLVED: "resolved",
    Did.NOTE: "note",
    Did.CLOSED: "ends",
    Did.ACCEPTED: "accepted",
}


def event_words(e: Event) -> tuple[str, str, str]:
    """Step, kind and reason of one event: `bypass`, `verified`, `queue.frozen 0, not growing for 5 s`."""
    data = e.data
    why = data.get("error") or data.get("unknown") or data.get("because") or data.get("reason") or ""
    if isinstance(why, list | tuple):
        why = "; ".join(map(str, why))
    if e.kind is Did.CLOSED:
        return "run", str(data["state"]).replace("_", " "), str(why)
    if e.kind is Did.BEGUN:
        although = f", although: {data['although']}" if data.get("although") else ""
        what = "begins" if data.get("direction") == "forward" else "rolls back"
        return "run", what, f"by {data.get('by', '?')}{although}"
    if e.kind is Did.ACTED:
        said = ", ".join(f"{k} {v}" for k, v in data.get("result", {}).items() if not k.startswith("digest"))
        return e.step or "run", _PAST[e.kind], said
    if e.kind is Did.RESOLVED:
        return e.step or "run", f"resolved: {data.get('choice')}", str(data.get("reason", ""))
    return e.step or "run", _PAST[e.kind], str(why)
