"""A step that makes something happen: seen by its effect, safe to repeat, never undone."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from failover.actions.arguments import values
from failover.actions.base import Attempt, Ports, Result
from failover.core import place
from failover.core.fleet import Host
from failover.core.runs.plan import Certainty, Step, StepKind
from failover.core.runs.playbook import Risk, StepSpec
from failover.fields import Strict


def event_step(
    spec: StepSpec[Strict],
    host: Host | None,
    *,
    says: str,
    undo: str,
    eta_s: float,
    limit_s: float,
    how: Mapping[str, str] = MappingProxyType({}),
    observed: Mapping[str, str] = MappingProxyType({}),
    certainty: Certainty = Certainty.OBSERVED,
    risk: Risk = Risk.NONE,
) -> Step:
    """A step that makes something happen: seen by its effect, safe to repeat, never undone."""
    return Step(
        id=spec.id,
        action=spec.action,
        kind=StepKind.EVENT,
        certainty=certainty,
        says=says,
        host=host.name if host else None,
        where=place.of_host(host) if host else {},
        args=values(spec.with_),
        how=dict(how),
        observed=dict(observed),
        undo=undo,
        risk=risk,
        repeat_safe=True,
        eta_s=eta_s,
        limit_s=limit_s,
    )


def reads_nothing(step: Step, ports: Ports) -> Mapping[str, str]:
    """An event has no bound values."""
    return {}


def owes_no_undo(step: Step, at: Attempt, ports: Ports) -> Result:
    return {}
