"""The ports of a simulated world, as planning and acting take them; it looks serially, so that time has one owner."""

from __future__ import annotations

from collections.abc import Iterable

from failover.actions.base import Hands
from failover.core.signal import Samples
from failover.probes.look import look
from failover.world.world import World


def hands(world: World) -> Hands:
    def see(hosts: Iterable[str], names: frozenset[str] | None) -> Samples:
        return look(
            world.fleet,
            hosts=hosts,
            wanted=names,
            remote=world.remote,
            smtp=world.smtp,
            clock=world.clock,
            workers=1,
        )

    return Hands(world.fleet, world.remote, world.notifier, world.clock, see)
