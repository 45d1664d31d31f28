"""The host or domain that a step works on: found in hosts.yaml, and still the one that it was planned on."""

from __future__ import annotations

from typing import TypeVar

from failover.actions.base import Ports
from failover.actions.fields import OnDomain, OnHost
from failover.core import place
from failover.core.fleet import Domain, Fleet, Host
from failover.core.runs.plan import Step
from failover.core.runs.playbook import StepSpec
from failover.errors import Elsewhere, Refused


def host_of(spec: StepSpec[OnHost], fleet: Fleet) -> Host:
    """The one host a step names. Empty means refuse, never all."""
    name = spec.with_.host
    if name not in fleet.hosts:
        raise Refused(
            f"step {spec.id} ({spec.action}) names no host of hosts.yaml: {name!r}",
            try_=f"set it with --set, to one of: {', '.join(fleet.hosts)}",
        )
    return fleet.hosts[name]


def domain_of(spec: StepSpec[OnDomain], fleet: Fleet) -> Domain:
    name = spec.with_.domain
    if name not in fleet.domains:
        known = ", ".join(fleet.domains) or "none is declared there"
        raise Refused(
            f"step {spec.id} ({spec.action}) names no domain of hosts.yaml: {name!r}", try_=f"one of: {known}"
        )
    return fleet.domains[name]


def host_in(step: Step, ports: Ports) -> Host:
    """The host that the step was planned on. Raises Elsewhere when its name leads to another one now, or to none."""
    return _same(step, str(step.host), ports.fleet.hosts.get(step.host or ""))


def domain_in(step: Step, ports: Ports) -> Domain:
    """The domain that the step was planned on. Raises Elsewhere when its name leads to another zone now, or to none."""
    return _same(step, str(step.domain), ports.fleet.domains.get(step.domain or ""))


_T = TypeVar("_T", Host, Domain)


def _same(step: Step, name: str, found: _T | None) -> _T:
    if found is None:
        raise _elsewhere(step, name, step.where, None)
    was, now = place.moved(step.where, place.today(found))
    if was:
        raise _elsewhere(step, name, was, now)
    return found


def _elsewhere(step: Step, name: str, was: place.Place, now: place.Place | None) -> Elsewhere:
    at = f" at {place.words(was)}" if was else ""
    says = f"has {name} at {place.words(now)}" if now else f"names no {name}"
    there = "by hand" if step.host is None else "by `failover host restore NAME`, under the name that it has there now"
    return Elsewhere(
        f"{step.id} is for {name}{at}, and hosts.yaml {says} now: nothing was done, and nothing is known of the former",
        try_=f"put {name}{at} back into hosts.yaml and try again; or take it back on the former {there}; where nothing "
        f"is left of it: failover runs resolve RUN {step.id} --keep --reason TEXT",
    )
