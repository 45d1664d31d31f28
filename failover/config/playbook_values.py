"""A playbook's models → core values. Spans are seconds from here on; references stay until they are bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from failover.actions import ACTIONS
from failover.actions.arguments import values
from failover.core.observe import condition as cond
from failover.core.observe.signal import Outcome
from failover.core.runs import playbook as core
from failover.fields import span

if TYPE_CHECKING:
    from failover.config import playbook_file as file


def playbook(f: file.PlaybookFile) -> core.Playbook:
    return core.Playbook(
        name=f.name,
        summary=f.summary,
        steps=tuple(_step(s) for s in f.steps),
        worse=f.worse,
        not_fixed=tuple(f.not_fixed),
        priority=f.priority,
        params={name: _param(p) for name, p in f.params.items()},
        trigger=_condition(f.trigger) if f.trigger else None,
        cures=tuple(f.cures),
        preconditions=tuple(_condition(c) for c in f.preconditions),
        limits=_limits(f.limits),
        on_failure=core.OnFailure(f.on_failure),
        failback=_failback(f.failback) if f.failback else None,
    )


def _step(s: file.AnyStep) -> core.StepSpec[core.Values]:
    verify, no_verify = (
        (tuple(_watch(w) for w in s.verify), None) if isinstance(s.verify, list) else ((), s.verify.none)
    )
    return core.StepSpec(
        id=s.id,
        action=s.action,
        moves_mail=ACTIONS[s.action].flags.moves_mail,
        with_=values(s.with_),
        when=_condition(s.when) if s.when else None,
        verify=verify,
        no_verify=no_verify,
        no_rollback=s.rollback.none if s.rollback else None,
        on_failure=core.OnFailure(s.on_failure) if s.on_failure else None,
        risk=core.Risk(s.risk) if s.risk else None,
        timeout=s.timeout,
    )


def _watch(w: file.Watch) -> core.Watch:
    return core.Watch(
        w.signal, w.host, w.is_, w.falls_to, within=w.within, stalls_at_most=w.stalls_at_most, leaves=w.leaves
    )


def _condition(c: file.AllOf | file.AnyOf | file.Predicate) -> cond.Condition:
    if hasattr(c, "all"):
        return cond.All(tuple(_condition(part) for part in c.all))
    if hasattr(c, "any"):
        return cond.Any(tuple(_condition(part) for part in c.any))
    outcome = Outcome(c.is_) if c.is_ else None
    return cond.Predicate(c.signal, c.host, outcome, c.above, c.below, c.age_above, *(c.for_ or (1, 0.0)))


def _failback(b: file.Failback) -> core.Failback:
    return core.Failback(tuple(_condition(c) for c in b.when), b.mode)


def _param(p: file.Param) -> core.Param:
    is_span = p.type == "duration" and p.default is not None
    return core.Param(p.type, p.each, span(p.default) if is_span else p.default, p.summary or "")


def _limits(limits: file.Limits) -> core.Limits:
    usual = core.Limits()
    return core.Limits(limits.deadline, limits.cooldown, *(limits.max_runs or (usual.max_runs, usual.per)))
