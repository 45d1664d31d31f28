"""Amazon Route 53. The zone itself: `route53_zone`.

It compares the set, not the zone. A request whose answer was lost may still be
carried out for as long as its signature holds (15 min).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from failover.core.fleet import Domain, Endpoint
from failover.dns.entry import Drafted, Entry, Found
from failover.fields import Strict, shaped
from failover.ports import Clock, DnsZone, Right


class Config(Strict):
    kind: Literal["route53"]
    zone_id: Annotated[str, shaped(r"Z[A-Z0-9]{4,31}", "hosted zone; write one such as Z0123456789")] = Field(
        examples=["Z0123456789"]
    )


@dataclass(frozen=True, slots=True)
class Route53:
    kind: ClassVar[str] = "route53"
    anchor: ClassVar[Endpoint] = Endpoint("route53.amazonaws.com", 443)
    takes_s: ClassVar[tuple[float, float]] = (60.0, 150.0)
    """Its developer guide says 60 s."""
    notes: ClassVar[tuple[str, ...]] = ()
    zone_id: str

    @property
    def place(self) -> Mapping[str, str]:
        return {"Route 53 zone": self.zone_id}

    def zone(self, domain: Domain, clock: Clock) -> DnsZone:
        from failover.dns.route53_zone import Route53Zone

        return Route53Zone(self.zone_id, domain.servers, clock)

    def right(self, domain: Domain, clock: Clock) -> Right:
        from failover.dns import route53_right

        return route53_right.right(domain, self, clock)


def _provider(c: Config, folder: Path) -> Route53:
    return Route53(c.zone_id)


def _serves(zone: Found) -> bool:
    """By the names of Route 53's delegation sets (ns-1.awsdns-01.example.)."""
    return any(".awsdns-" in f".{server}" for server in zone.servers)


def _draft(zone: Found, given: Mapping[str, str]) -> Drafted:
    chosen = ENTRY.chosen(given)
    served = f"zone {zone.name}, served by {', '.join(zone.servers)}: Route 53"
    ask = f"its id: aws route53 list-hosted-zones-by-name --dns-name {zone.domain} --max-items 1"
    known = "zone_id" in chosen
    return Drafted({**ENTRY.example, **chosen}, served, "as given" if known else ask, usable=known)


ENTRY = Entry(Config, _provider, {"kind": "route53", "zone_id": "Z0123456789"}, _draft, serves=_serves)
