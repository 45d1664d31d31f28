"""The ports of a simulated world, as planning and acting take them; it looks serially, so that time has one owner."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from failover.actions.base import Ports
from failover.core.fleet import Domain
from failover.core.observe.signal import Samples
from failover.ports import DnsZone
from failover.signals import anchors
from failover.signals.dns import with_domains
from failover.signals.look import look, serially
from failover.world.together import side_by_side
from failover.world.world import World


def ports(world: World, before: Samples = (), *, at_once: bool = False) -> Ports:
    """`before`: earlier samples, from which the first whole look goes on counting. `at_once`: all hosts are looked at
    side by side, as the real look does it; it takes as long as the slowest."""
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
            spread=partial(side_by_side, world.timeline) if at_once else serially,
        )
        last = found if names is None else last
        return found

    def zone(domain: Domain) -> DnsZone:
        return world.zones[domain.name]

    seeing = with_domains(see, world.fleet, zone, world.clock)
    near = lambda: anchors.look(world.fleet, world.network.dial, world.clock.now())  # noqa: E731 - a port of one call
    return Ports(world.fleet, world.remote, world.notifier, world.clock, seeing, zone, anchors=near)
