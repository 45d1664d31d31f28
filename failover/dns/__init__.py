"""DNS providers. A new one is a file in this folder and a line below; the first is the one that DNS itself knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from failover.core.fleet import Domain
from failover.dns import rfc2136, route53
from failover.dns.entry import Drafted, Entry, Found
from failover.ports import Clock, DnsZone, Provider

PROVIDERS: tuple[Entry, ...] = (
    rfc2136.ENTRY,
    route53.ENTRY,
)
KINDS: Mapping[str, Entry] = {e.kind: e for e in PROVIDERS}


def of(domain: Domain) -> Provider:
    """The domain's provider with all that it can do; the core knows only its facts."""
    return cast("Provider", domain.dns)


def zone_of(domain: Domain, clock: Clock) -> DnsZone:
    return of(domain).zone(domain, clock)


def drafted(zone: Found, given: Mapping[str, str]) -> tuple[Entry, Drafted]:
    """What `failover init` writes for a domain: by the provider that was asked for, else by the one that serves it."""
    named = [KINDS[given["kind"]]] if "kind" in given else []
    entry = next((e for e in (*named, *PROVIDERS) if e in named or e.serves(zone)), PROVIDERS[0])
    return entry, entry.draft(zone, given)
