"""The incidents in the simulated world: the cause of each, and the playbook that cures it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from failover.world.layers import Layers
from failover.world.life_kind import Lift
from failover.world.postfix import Daemon
from failover.world.world import World


@dataclass(frozen=True, slots=True)
class Incident:
    """`begin` returns the function that ends it. `cure`: the playbook that may run; None if only a person helps.

    `everywhere`: it strikes both hosts at once. `again`: it comes back after each cure, or comes and goes by itself.
    """

    name: str
    about: str
    cure: str | None
    begin: Callable[[World, str], Lift]
    everywhere: bool = False
    again: bool = False


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


def _handler_ends_again(world: World, host: str) -> Lift:
    return Recurring(world, world.machines[host].under.handler, Daemon.DOWN, every=300.0).end


def _filter_flaps(world: World, host: str) -> Lift:
    return Recurring(world, world.machines[host].under.spamd, Daemon.HUNG, every=670.0, lasts=270.0).end


class Recurring:
    """`state` comes back `every` so many seconds, each time for `lasts` seconds or until it is cured."""

    def __init__(
        self, world: World, layer: Layers[Daemon], state: Daemon, *, every: float, lasts: float | None = None
    ) -> None:
        self._world, self._layer, self._state = world, layer, state
        self._every, self._lasts = every, lasts
        self._lift, self._over = layer.lay(state), False
        self._later()

    def _later(self) -> None:
        if self._lasts is not None:
            self._world.timeline.after(self._lasts, self._lift)
        self._world.timeline.after(self._every, self._again)

    def _again(self) -> None:
        if not self._over:
            self._lift()
            self._lift = self._layer.lay(self._state)
            self._later()

    def end(self) -> None:
        self._over = True
        self._lift()


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
        Incident("handler-ends-again", "it ends after each start", "handler-down", _handler_ends_again, again=True),
        Incident("filter-flaps", "spamd hangs now and then", "spam-filter-hung", _filter_flaps, again=True),
        Incident("mx-cut", "the host is cut off, for long", "mx-down", _cut_off),
        Incident("disk-full", "the disk is full", None, _full),
    )
}
