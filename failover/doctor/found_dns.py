"""A domain as this machine's resolver sees it: its MX with their addresses, and the servers of its zone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from failover.adapters import resolver
from failover.core.fleet import Endpoint
from failover.core.mx import bare
from failover.dns.entry import Found
from failover.errors import FailoverError, Refused, Unreachable

LIFETIME_S = 5.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """One MX, its name without the last dot; no addresses: `why`."""

    preference: int
    name: str
    addresses: tuple[str, ...]
    why: str = ""


def exchanges(domain: str) -> tuple[Exchange, ...]:
    """The most preferred first. Raises Refused (there are none), Unreachable (no answer)."""
    found = _resolve(domain, "MX")
    pairs = sorted((int(r.preference), bare(r.exchange.to_text().lower())) for r in found)
    if not pairs or pairs == [(0, ".")] or pairs[0][1] in {"", "."}:
        said = "a null MX: it takes no mail (RFC 7505)" if pairs else "no MX records"
        raise Refused(f"{domain} has {said}; nothing was written", try_="name the domain whose mail they take")
    return tuple(_exchange(preference, name) for preference, name in pairs)


def _exchange(preference: int, name: str) -> Exchange:
    try:
        found = resolver.addresses(name, patience_s=LIFETIME_S)
    except FailoverError as e:
        return Exchange(preference, name, (), str(e))
    return Exchange(preference, name, tuple(sorted(found, key=lambda a: ":" in a)))


def zone(domain: str) -> Found:
    """Raises Unreachable, Refused."""
    name = _asked(domain, lambda: dns.resolver.zone_for_name(domain, lifetime=LIFETIME_S)).to_text()
    (soa, *_), servers = _resolve(name, "SOA"), _resolve(name, "NS")
    mname = bare(soa.mname.to_text().lower())
    address = None
    with suppress(FailoverError):
        address = resolver.addresses(mname, patience_s=LIFETIME_S)[0]
    names = tuple(sorted(bare(r.target.to_text().lower()) for r in servers))
    return Found(domain, bare(name), names, mname, address, _how_it_answers(name, address))


def _how_it_answers(zone_name: str, address: str | None) -> str:
    if address is None:
        return "it has no address from here"
    try:
        reply = resolver.ask(dns.name.from_text(zone_name), dns.rdatatype.SOA, Endpoint(address, resolver.PORT))
    except (OSError, dns.exception.DNSException) as e:
        return f"it did not answer us ({type(e).__name__})"
    return resolver.lame(reply) or "it answers with authority"


def _resolve(name: str, kind: str) -> list[Any]:
    found = _asked(name, lambda: dns.resolver.Resolver().resolve(name, kind, lifetime=LIFETIME_S))
    return list(found)


def _asked(name: str, do: Callable[[], Any]) -> Any:
    try:
        return do()
    except dns.resolver.NXDOMAIN:
        raise Unreachable(f"there is no domain {name}; nothing was written", try_="see how it is written") from None
    except dns.resolver.NoAnswer:
        return []
    except (OSError, dns.exception.DNSException) as e:
        raise Unreachable(
            f"DNS does not tell of {name} here: {type(e).__name__}",
            try_="see /etc/resolv.conf, and the route from here",
        ) from None
