"""A domain of hosts.yaml → the zone that it is changed in. A new DNS provider is one line here."""

from __future__ import annotations

from failover.core.fleet import Domain, Rfc2136, Route53
from failover.ports import Clock, DnsZone


def zone_of(domain: Domain, clock: Clock) -> DnsZone:
    match domain.dns:
        case Rfc2136() as at:
            from failover.adapters.rfc2136 import Rfc2136Zone

            return Rfc2136Zone(at, domain.servers)
        case Route53() as at:
            from failover.adapters.route53 import Route53Zone

            return Route53Zone(at.zone_id, domain.servers, clock)
