"""One domain: its MX at every authoritative server; is a standby in it, and may we change it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from failover import dns
from failover.core.fleet import Domain, Fleet, Role
from failover.core.mx import MxSet
from failover.core.observe.signal import Outcome
from failover.core.words import duration
from failover.doctor.findings import Finding, fail, failed, ok, warn
from failover.errors import FailoverError
from failover.ports import Clock, DnsZone
from failover.signals import dns as probe

SLOW_TTL_S = 3600
"""Our choice: a shift that takes longer to be seen cures no incident."""


def findings(fleet: Fleet, domain: Domain, zone: Callable[[Domain], DnsZone], clock: Clock) -> Iterator[Finding]:
    there = zone(domain)
    try:
        mx = there.mx(domain.name)
    except FailoverError as e:
        yield failed("mx", domain.name, e)
        return
    yield _everywhere(domain, mx, there, clock)
    yield from targets(fleet, domain.name, mx, there)
    yield from ttl(domain.name, mx)
    yield right(domain, clock)


def _everywhere(domain: Domain, mx: MxSet, zone: DnsZone, clock: Clock) -> Finding:
    found = probe.compared(domain.name, mx, zone.seen(domain.name), clock.now())
    if found.outcome is Outcome.OK:
        return ok("mx", domain.name, found.reason)
    try_ = f"compare: dig +norecurse MX {domain.name} @SERVER; a server that stays behind is no longer transferred to"
    judge = warn if found.outcome is Outcome.WARN else fail
    return judge("mx", domain.name, found.reason, try_=try_)


def targets(fleet: Fleet, domain: str, mx: MxSet, zone: DnsZone) -> Iterator[Finding]:
    """Is each standby fit to be an MX?"""
    for host in (h for h in fleet.hosts.values() if h.role is Role.STANDBY):
        if host.mx is None:
            try_ = f"hosts, {host.name}: mx: NAME, as the MX records carry it ({mx})"
            yield warn("target", domain, f"{host.name} has no mx name: mail cannot be moved to it by DNS", try_=try_)
        elif why := zone.trouble(f"{host.mx}."):
            yield fail("target", domain, why, try_=f"give {host.mx} an address, or correct mx of {host.name}")
        elif f"{host.mx}." not in mx.names:
            said = f"{host.mx} ({host.name}) is not among its MX: {mx}"
            yield warn("target", domain, said, try_=f"add an MX record for {host.mx}, or correct mx of {host.name}")
        else:
            yield ok("target", domain, f"{host.mx} ({host.name}) is one of its MX, and has an address")


def ttl(domain: str, mx: MxSet) -> Iterator[Finding]:
    if mx.ttl > SLOW_TTL_S:
        said = f"senders remember its MX for {duration(mx.ttl)}: a shift takes that long to reach them all"
        yield warn("ttl", domain, said, try_="lower the TTL of the MX set to 300 now, before it is needed")


def right(domain: Domain, clock: Clock) -> Finding:
    try:
        found = dns.of(domain).right(domain, clock)
    except FailoverError as e:
        return failed("dns rights", domain.name, e)
    return Finding("dns rights", domain.name, found.outcome, found.says, found.try_)
