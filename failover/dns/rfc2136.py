"""RFC 2136: dynamic updates at the zone's primary, signed with TSIG. The zone itself: `rfc2136_zone`.

It compares the whole set and the zone's SOA, so an edit anywhere in the zone
is noticed. A request whose answer was lost may still be carried out for as
long as its signature holds (300 s).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from failover.core.fleet import Domain, Endpoint
from failover.dns.entry import Drafted, Entry, Found
from failover.fields import Address, Port, Secret, Strict, reference, shaped
from failover.ports import Clock, DnsZone, Right

NO_KEY = (
    'No key was given, and updates must be signed: tsig-keygen failover; then add key_name: failover, key: "file:PATH"'
)


class Config(Strict):
    kind: Literal["rfc2136"]
    server: Address = Field(examples=["192.0.2.53"])
    port: Port = 53
    key_name: Annotated[str, shaped(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?", "TSIG key name")] | None = (
        None
    )
    key: Secret | None = None
    algorithm: Literal["hmac-sha256", "hmac-sha512", "hmac-sha384", "hmac-sha224", "hmac-sha1", "hmac-md5"] = (
        "hmac-sha256"
    )


@dataclass(frozen=True, slots=True)
class Rfc2136:
    kind: ClassVar[str] = "rfc2136"
    takes_s: ClassVar[tuple[float, float]] = (3.0, 30.0)
    """Measured: 0.2 s with NOTIFY."""
    notes: ClassVar[tuple[str, ...]] = ()
    server: str
    port: int = 53
    key_name: str | None = None
    key: str | None = None
    """A reference (`file:`, `env:`), never the secret itself."""
    algorithm: str = "hmac-sha256"

    @property
    def place(self) -> Mapping[str, str]:
        return {"name server": str(self.anchor)}

    @property
    def anchor(self) -> Endpoint:
        return Endpoint(self.server, self.port)

    def zone(self, domain: Domain, clock: Clock) -> DnsZone:
        from failover.dns.rfc2136_zone import Rfc2136Zone

        return Rfc2136Zone(self, domain.servers)

    def right(self, domain: Domain, clock: Clock) -> Right:
        from failover.dns import rfc2136_right

        return rfc2136_right.right(domain, self)


def _provider(c: Config, folder: Path) -> Rfc2136:
    return Rfc2136(c.server, c.port, c.key_name, c.key and reference(c.key, folder), c.algorithm)


def _half_key(dns: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    has, lacks = ("key", "key_name") if "key" in dns else ("key_name", "key")
    if has in dns and lacks not in dns:
        yield has, f'"{has}" without "{lacks}"; a TSIG key needs both'


def _draft(zone: Found, given: Mapping[str, str]) -> Drafted:
    """The server by its address: an incident must not depend on DNS."""
    value = {"kind": Rfc2136.kind, "server": zone.address or zone.mname, **ENTRY.chosen(given)}
    served = f"zone {zone.name}, served by {', '.join(zone.servers)}; its SOA names {zone.mname} as primary"
    tries = "asked for an update that cannot be done" if "key" in value else ""
    return Drafted(value, f"{served}: {zone.answers}", NO_KEY, ENTRY.text, tries=tries)


ENTRY = Entry(
    Config,
    _provider,
    {"kind": "rfc2136", "server": "192.0.2.53", "key_name": "failover", "key": "file:/etc/failover/tsig"},
    _draft,
    at_odds=_half_key,
)
