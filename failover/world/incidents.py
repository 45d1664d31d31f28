"""The incidents that playbooks are for, in the simulated world: what begins each, and which playbook is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from failover.world.life_kind import Lift
from failover.world.postfix import Daemon
from failover.world.world import World


@dataclass(frozen=True, slots=True)
class Incident:
    """`begin` returns what ends it. `cure`: the playbook that may be run for it; None where only a person helps.

    `everywhere`: it strikes both hosts at once.
    """

    name: str
    about: str
    cure: str | None
    begin: Callable[[World, str], Lift]
    everywhere: bool = False


def _filter_hangs(world: World, host: str) -> Lift:
    return world.machines[host].under.spamd.lay(Daemon.HUNG)


def _handler_ends(world: World, host: str) -> Lift:
    return world.machines[host].under.handler.lay(Daemon.DOWN)


def _handler_hangs(world: World, host: str) -> Lift:
    return world.machines[host].under.handler.lay(Daemon.HUNG)


def _handler_relapses(world: World, host: str) -> Lift:
    m = world.machines[host]
    m.relapsing.add(m.container)
    m.under.handler.rest(Daemon.DOWN)

    def mended() -> None:
        m.relapsing.discard(m.container)
        m.under.handler.clear(Daemon.OK)

    return mended


def _cut_off(world: World, host: str) -> Lift:
    return world.machines[host].under.link.lay(False)


def _full(world: World, host: str) -> Lift:
    return world.machines[host].under.disk_free.lay(2.0)


INCIDENTS: dict[str, Incident] = {
    i.name: i
    for i in (
        Incident("filter-hung", "spamd takes connections and answers none", "spam-filter-hung", _filter_hangs),
        Incident("filters-hung", "the same on both", "spam-filter-hung", _filter_hangs, everywhere=True),
        Incident("handler-down", "the handler's container has ended", "handler-down", _handler_ends),
        Incident("handler-stuck", "the handler hangs", "handler-down", _handler_hangs),
        Incident("handler-relapses", "the handler ends as often as it is started", "handler-down", _handler_relapses),
        Incident("mx-cut", "the host is cut off, for long", "mx-down", _cut_off),
        Incident("disk-full", "the disk is full", None, _full),
    )
}
