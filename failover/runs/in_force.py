"""How a change of ours stands where it was made."""

from __future__ import annotations

from failover.actions import ACTIONS
from failover.actions.base import Kept, Ports
from failover.actions.subjects import domain_in, host_in
from failover.core.runs.plan import Step
from failover.core.runs.recovery import Reading, compare
from failover.errors import Elsewhere


def compared(step: Step, ports: Ports) -> Reading:
    """By its bound values alone."""
    now = ACTIONS[step.action].read(step, ports)
    return compare(now, before=step.before, want=step.want, on_the_way=step.on_the_way)


def lost(step: Step, ports: Ports) -> Elsewhere | None:
    """Why hosts.yaml no longer leads to what the step was done on, if so. Contacts nothing."""
    try:
        if step.host is not None:
            host_in(step, ports)
        elif step.domain is not None:
            domain_in(step, ports)
    except Elsewhere as e:
        return e
    return None


def stands(run: str, step: Step, ports: Ports) -> Reading:
    """Of a step that was done. To read as before is not to be undone: not where it still runs by our change, and not
    where it knows nothing of it, for another machine may have the address. Raises Elsewhere then, and what reading
    raises."""
    reading, action = compared(step, ports), ACTIONS[step.action]
    if reading is not Reading.BEFORE or not isinstance(action, Kept):
        return reading
    if (told := action.stands(step, run, ports)) is None:
        raise Elsewhere(
            f"{step.host} reads as before {step.id} of {run}, and keeps nothing of it: whether it is the machine that "
            "this was done on is not known",
            try_=f"if another machine has its address now, put the former back into hosts.yaml and try again; if it is "
            f"the same, set up anew: failover runs resolve {run} {step.id} --keep --reason TEXT",
        )
    return told
