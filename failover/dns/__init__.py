"""The registry of DNS providers. Each is a file here and a line below; the first is for zones that no other claims."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import cast

from failover.core.fleet import Domain
from failover.dns.entry import Drafted, Entry, Found
from failover.ports import Clock, DnsZone, Provider

_FILES = (
    "rfc2136",
    "route53",
    "powerdns",
)

PROVIDERS: Mapping[str, Entry] = {name: import_module(f"{__name__}.{name}").ENTRY for name in _FILES}
"""By `kind:` in hosts.yaml, which is the file's name."""
USUAL = PROVIDERS[_FILES[0]]


def of(domain: Domain) -> Provider:
    """The domain's provider; the core knows only its facts (`core.fleet.Dns`)."""
    return cast("Provider", domain.dns)


def zone_of(domain: Domain, clock: Clock) -> DnsZone:
    return of(domain).zone(domain, clock)


def drafted(zone: Found, given: Mapping[str, str]) -> tuple[Entry, Drafted]:
    """The `dns:` that `failover init` writes: by the provider asked for, else by the one that serves the zone."""
    asked = PROVIDERS.get(given.get("kind", ""))
    entry = asked or next((e for e in PROVIDERS.values() if e.serves(zone)), USUAL)
    return entry, entry.draft(zone, given)
