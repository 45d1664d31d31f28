"""The ports of a simulated world, as planning and acting take them; it looks serially, so that time has one owner."""

from __future__ import annotations

from collections.abc import Iterable

from failover.actions.base import Ports
from failover.core.fleet import Domain
from failover.core.observe.signal import Samples
from failover.ports import DnsZone
from failover.signals import anchors
from failover.signals.dns import with_domains
from failover.signals.look import look
from failover.world.world import World


def ports(world: World, before: Samples = ()) -> Ports:
    """`before`: earlier samples, from which the first whole look goes on counting."""
    last = before

    def see(hosts: Iterable[str], names: frozenset[str] | None, waited: float = 0.0) -> Samples:
        nonlocal last
        found = look(
            world.fleet,
            hosts=hosts,
            wanted=names,
            waited_s=waited,
            before=last,
            remote=world.remote,
            smtp=world.smtp,
            clock=world.clock,
            workers=1,
            whole=names is not None,
        )
        last = found if names is None else last
        return found

    def zone(domain: Domain) -> DnsZone:
        return world.zones[domain.name]

    seeing = with_domains(see, world.fleet, zone, world.clock)
    near = lambda: anchors.look(world.fleet, world.network.dial, world.clock.now())  # noqa: E731 - a port of one call
    return Ports(world.fleet, world.remote, world.notifier, world.clock, seeing, zone, anchors=near)
