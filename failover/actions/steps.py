"""What verbs plan: a state step changes a setting, read before and after; an event step makes something happen."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from failover.actions.arguments import values
from failover.actions.base import Attempt, Ports, Result
from failover.core import place
from failover.core.fleet import Domain, Host
from failover.core.observe.condition import Condition
from failover.core.runs.plan import Certainty, Step, StepKind
from failover.core.runs.playbook import Risk, StepSpec
from failover.fields import Strict

NO_UNDO = "none is owed: it is so already"
"""The undo of a step that changes nothing."""


def state_step(
    spec: StepSpec[Strict],
    on: Host | Domain,
    *,
    says: str,
    before: Mapping[str, str],
    want: Mapping[str, str],
    undo: str,
    eta_s: float,
    limit_s: float,
    diff: tuple[str, ...] = (),
    certainty: Certainty = Certainty.EXACT,
    how: Mapping[str, str] = MappingProxyType({}),
    observed: Mapping[str, str] = MappingProxyType({}),
    undoable: bool = True,
    guards: tuple[Condition, ...] = (),
    requires: tuple[Condition, ...] = (),
    notes: tuple[str, ...] = (),
    no_verify: str | None = None,
    risk: Risk = Risk.NONE,
    expires_s: float | None = None,
) -> Step:
    """A step that changes a setting of this host or domain. It is safe to repeat."""
    return Step(
        id=spec.id,
        action=spec.action,
        kind=StepKind.STATE,
        certainty=certainty,
        says=says,
        host=on.name if isinstance(on, Host) else None,
        domain=on.name if isinstance(on, Domain) else None,
        where=place.of_host(on) if isinstance(on, Host) else place.of_domain(on),
        args=values(spec.with_),
        how=dict(how),
        before=before,
        want=want,
        observed=dict(observed),
        diff=diff,
        undo=undo,
        undoable=undoable,
        guards=guards,
        requires=requires,
        no_verify=no_verify,
        notes=notes,
        risk=risk,
        repeat_safe=True,
        eta_s=eta_s,
        limit_s=limit_s,
        expires_s=expires_s,
    )


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
