"""The ports of a simulated world, as planning and acting take them; it looks serially, so that time has one owner."""

from __future__ import annotations

from collections.abc import Iterable

from failover.actions.base import Hands
from failover.core.fleet import Domain
from failover.core.signal import Samples
from failover.ports import DnsZone
from failover.probes.dns import with_domains
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

    def zone(domain: Domain) -> DnsZone:
        return world.zone

    seeing = with_domains(see, world.fleet, zone, world.clock)
    return Hands(world.fleet, world.remote, world.notifier, world.clock, seeing, zone)
