"""The places of a lab with their addresses; the only list of them."""

from __future__ import annotations

from dataclasses import dataclass

from failover.errors import ConfigError

DOMAIN = "lab.test"


@dataclass(frozen=True, slots=True)
class Place:
    """`kind`: `mx` or `ns` for a host with its own root and processes; `seat`: only its own network."""

    name: str
    address: str
    kind: str

    @property
    def is_host(self) -> bool:
        return self.kind != "seat"

    @property
    def fqdn(self) -> str:
        return f"{self.name}.{DOMAIN}"


PLACES = {
    p.name: p
    for p in (
        Place("mx1", "10.77.0.11", "mx"),
        Place("mx2", "10.77.0.12", "mx"),
        Place("ns1", "10.77.0.53", "ns"),
        Place("ns2", "10.77.0.54", "ns"),
        Place("controller", "10.77.0.1", "seat"),
        Place("sender", "10.77.0.2", "seat"),
    )
}
HOSTS = tuple(p for p in PLACES.values() if p.is_host)
SEATS = tuple(p for p in PLACES.values() if not p.is_host)


def place(name: str) -> Place:
    """Raises ConfigError for a name that no lab has."""
    if name not in PLACES:
        raise ConfigError(f"the lab has no place {name!r}", try_=f"one of {', '.join(PLACES)}")
    return PLACES[name]
