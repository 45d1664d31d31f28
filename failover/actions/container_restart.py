"""`container.restart`: start the mail handler's container, or start it anew where it hangs."""

from __future__ import annotations

from collections.abc import Iterable

from failover.actions import restarting
from failover.actions.base import Action, Attempt, Context, Flags, Ports, Result
from failover.actions.fields import OnHost
from failover.actions.restarting import Unit
from failover.actions.steps import owes_no_undo, reads_nothing
from failover.core.fleet import Host
from failover.core.runs.plan import Step
from failover.core.runs.playbook import StepSpec
from failover.errors import Refused


class RestartContainer(OnHost):
    """Starts the mail handler's container that hosts.yaml names, anew where it runs."""


class ContainerRestart:
    name = "container.restart"
    with_ = RestartContainer
    read, undo = staticmethod(reads_nothing), staticmethod(owes_no_undo)
    settle = staticmethod(restarting.settle)
    flags = Flags()

    def plan(self, spec: StepSpec[RestartContainer], context: Context) -> Step:
        return restarting.plan(spec, context, _unit)

    def act(self, step: Step, at: Attempt, ports: Ports) -> Result:
        return restarting.act(step, at, ports, _unit)

    def asks(self, host: Host) -> Iterable[str]:
        return restarting.asks([_unit(host)] if host.handler and host.handler.container else ())


ACTION: Action[RestartContainer] = ContainerRestart()


def _unit(host: Host) -> Unit:
    handler = host.handler
    if handler is None or handler.container is None:
        raise Refused(
            f"hosts.yaml names no container of {host.name}'s mail handler, and no other is ever started",
            try_='name it: handler: {address: "127.0.0.1:20381", container: sl-email}',
        )
    return Unit("container", handler.container, (handler.address,), "smtp")
