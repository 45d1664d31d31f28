"""`service.restart`: restart a service that hosts.yaml names: Postfix, or a spam filter's unit."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Annotated

from pydantic import Field

from failover.actions import restarting
from failover.actions.base import Action, Attempt, Context, Flags, Ports, Result
from failover.actions.fields import A_TEXT, OnHost, matched
from failover.actions.restarting import Unit
from failover.actions.steps import owes_no_undo, reads_nothing
from failover.core.fleet import Endpoint, Host
from failover.core.runs.plan import Step
from failover.core.runs.playbook import Risk, StepSpec
from failover.errors import Refused

_UnitName = Annotated[
    str,
    matched(
        r"[A-Za-z0-9][A-Za-z0-9@_.:-]{0,127}",
        "service; write postfix, or a spam filter's unit of hosts.yaml such as spamd",
    ),
    A_TEXT,
]


class RestartService(OnHost):
    """Restarts a service that hosts.yaml names."""

    unit: _UnitName = Field(description="postfix, or the unit of a spam filter.", examples=["spamd", "postfix"])


class ServiceRestart:
    name = "service.restart"
    with_ = RestartService
    read, undo = staticmethod(reads_nothing), staticmethod(owes_no_undo)
    settle = staticmethod(restarting.settle)
    flags = Flags()

    def plan(self, spec: StepSpec[RestartService], context: Context) -> Step:
        return restarting.plan(spec, context, partial(_unit, spec.with_.unit))

    def act(self, step: Step, at: Attempt, ports: Ports) -> Result:
        return restarting.act(step, at, ports, partial(_unit, step.how["name"]))

    def asks(self, host: Host) -> Iterable[str]:
        return restarting.asks(_units(host).values())


ACTION: Action[RestartService] = ServiceRestart()


def _unit(name: str, host: Host) -> Unit:
    units = _units(host)
    if name not in units:
        raise Refused(
            f"hosts.yaml names no service {name!r} of {host.name}, and no other is ever started",
            try_=f"write one of {', '.join(units)}, or name it there: spam: {{unit: {name}}}",
        )
    return units[name]


def _units(host: Host) -> dict[str, Unit]:
    """Postfix does not take mail for some seconds, and drops the sessions it has: senders come again."""
    greets = (Endpoint("127.0.0.1", host.smtp_port), host.smtp)  # inet_interfaces may leave out either
    found = {"postfix": Unit("service", "postfix", greets, "smtp", Risk.DOWNTIME)}
    for spam in (host.spam, host.standby_spam):
        if spam is not None and spam.unit is not None:
            found[spam.unit] = Unit("service", spam.unit, (spam.address,), spam.engine.value)
    return found
