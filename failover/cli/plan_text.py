"""A plan for on-call: its steps, how sure they are, what undoes them, and what it does not fix."""

from __future__ import annotations

from failover.core.observe.condition import words
from failover.core.runs.plan import Certainty, Plan
from failover.runs.planner import time_words


def lines(plan: Plan, *, verbose: bool = False) -> list[str]:
    where = f" on {', '.join(plan.subjects)}" if plan.subjects else ""
    out = [f"{plan.playbook}{where} · {time_words(plan)} · undo with: failover rollback"]
    width = max(len(s.id) for s in plan.steps)
    actions = max(len(s.action) for s in plan.steps)
    says = max(len(s.says) for s in plan.steps)
    for n, step in enumerate(plan.steps, 1):
        out.append(f"  {n} {step.id:<{width}}  {step.action:<{actions}}  {step.says:<{says}}  {step.certainty}")
        if step.certainty is Certainty.UNCHANGED:
            continue
        indent = " " * (len(str(n)) + 3 + width + 2)
        if step.when is not None and step.certainty is Certainty.CONDITIONAL:
            out.append(f"{indent}only if: {words(step.when)}")
        out += [f"{indent}{d}" for d in step.diff if verbose]
        out.append(f"{indent}undo: {step.undo}")
    out += [f"Mind: {w}" for w in plan.warnings]
    out.append(_closing(plan))
    return out


def _closing(plan: Plan) -> str:
    said = f"Not changed: {', '.join(plan.not_changed)}." if plan.not_changed else ""
    if plan.not_fixed:
        said += f" Not fixed by this: {'; '.join(plan.not_fixed)}."
    return said.strip()
