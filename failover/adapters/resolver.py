"""The authoritative servers of a zone, and the answer of each: asked directly, never through a cache."""

from __future__ import annotations

import errno
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.resolver

from failover.core.clean import clean
from failover.core.fleet import Endpoint
from failover.core.mx import MxSet, bare, mx_set
from failover.core.words import duration
from failover.errors import FailoverError, Unreachable
from failover.fence import fence

PORT = 53
TRIES_S = (1.0, 1.5)
"""UDP may lose a packet; two lost ones count as silence."""
FINDING_S = 4.0
"""Seconds to find the servers: the delegation, the apex and their addresses together."""
MOST = 32
"""Most servers that are asked; the largest zones have 13 names."""

_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


def is_address(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def addresses(host: str, *, patience_s: float) -> tuple[str, ...]:
    """By this machine's own resolver, with /etc/hosts. getaddrinfo(3) has no deadline, so it runs in a thread that may
    be left behind. Raises Unreachable, in time."""
    if is_address(host):
        return (host,)
    found: list[str] = []
    asked = threading.Thread(target=_look_up, args=(host, found), name=f"look up {host}", daemon=True)
    asked.start()
    asked.join(max(0.0, patience_s))
    if not found:
        raise Unreachable(f"{host} has no address that could be found here", try_="write its IP address in its place")
    return tuple(found)


def _look_up(host: str, found: list[str]) -> None:
    with suppress(OSError, ValueError):  # the latter: a NUL, an empty label, a long one
        found += dict.fromkeys(str(a[4][0]) for a in socket.getaddrinfo(host, PORT, type=socket.SOCK_DGRAM))


# One question -------------------------------------------------------------------


def ask(name: dns.name.Name, rdtype: dns.rdatatype.RdataType, at: Endpoint) -> dns.message.Message:
    """Without recursion; over TCP if the answer was truncated. Raises OSError, dns.exception.DNSException."""
    query = dns.message.make_query(name, rdtype)
    query.flags &= ~dns.flags.RD
    for patience in TRIES_S[:-1]:
        with suppress(dns.exception.Timeout):
            return _ask_once(query, at, patience)
    return _ask_once(query, at, TRIES_S[-1])


def _ask_once(query: dns.message.Message, at: Endpoint, patience_s: float) -> dns.message.Message:
    reply, _ = dns.query.udp_with_fallback(
        query, at.host, timeout=patience_s, port=at.port, ignore_unexpected=True, ignore_errors=True
    )
    return reply


def mx_in(reply: dns.message.Message, name: dns.name.Name) -> MxSet:
    """The MX set of that name; empty if the answer has none. Raises ValueError for a set of another form."""
    found = reply.get_rrset(reply.answer, name, dns.rdataclass.IN, dns.rdatatype.MX)
    if found is None:
        return MxSet(0, frozenset())
    return mx_set(found.ttl, ((int(r.preference), r.exchange.to_text()) for r in found))


def lame(reply: dns.message.Message) -> str | None:
    """Why an answer is not authoritative; None if it is."""
    if reply.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        return f"lame: it answers {dns.rcode.to_text(reply.rcode())}"
    return None if reply.flags & dns.flags.AA else "lame: its answer is not authoritative"


def mx_at(name: str, at: Endpoint) -> MxSet | str:
    """The set that one server shows, or why it shows none."""
    try:
        with fence(str(at)):
            return _mx_at(name, at)
    except FailoverError as e:
        return str(e)


def _mx_at(name: str, at: Endpoint) -> MxSet | str:
    wanted = dns.name.from_text(name)
    try:
        reply = ask(wanted, dns.rdatatype.MX, at)
        return lame(reply) or mx_in(reply, wanted)
    except dns.exception.Timeout:
        return f"silent: no answer in {duration(sum(TRIES_S))}"
    except OSError as e:
        return "there is no route to it from here" if e.errno in _NO_ROUTE else f"silent: {e.strerror or e}"
    except (dns.exception.DNSException, ValueError) as e:
        return clean(f"its answer cannot be read: {e}", 200)


def seen(name: str, servers: Iterable[Endpoint]) -> Mapping[str, MxSet | str]:
    """The answer of every server by its address, all asked at once. A server without a route (mostly IPv6) is left out
    if there are others."""
    all_ = tuple(dict.fromkeys(servers))
    asked = (tuple(s for s in all_ if _has_route(s)) or all_)[:MOST]
    if not asked:
        return {}
    with ThreadPoolExecutor(len(asked), thread_name_prefix="dns") as pool:
        return dict(zip((s.host for s in asked), pool.map(lambda s: mx_at(name, s), asked), strict=True))


def _has_route(at: Endpoint) -> bool:
    """Connecting a datagram socket finds a route, and sends nothing."""
    family = socket.AF_INET6 if ":" in at.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((at.host, at.port))
    except OSError as e:
        return e.errno not in _NO_ROUTE
    return True


# Which servers --------------------------------------------------------------------


def authoritative(zone: str, *, at: Iterable[Endpoint], extra: Iterable[str]) -> tuple[Endpoint, ...]:
    """The servers that senders' resolvers may ask: those of the delegation, those that the zone names at `at`, `at`
    itself, and `extra`. A source that does not answer within FINDING_S adds nothing."""
    name, until = dns.name.from_text(zone), time.monotonic() + FINDING_S
    told = tuple(at)
    sources: list[Callable[[], set[str]]] = [lambda: _delegation(name, until)]
    sources += [lambda a=a: _servers_named(name, a) for a in told]  # type: ignore[misc]
    names = set(extra).union(*_at_once(sources, until))
    found = _at_once([lambda n=n: set(addresses(n, patience_s=until - time.monotonic())) for n in sorted(names)], until)  # type: ignore[misc]
    others = sorted({a for group in found for a in group} - {t.host for t in told})
    return (*told, *(Endpoint(a, PORT) for a in others))


def _at_once(jobs: list[Callable[[], set[str]]], until: float) -> list[set[str]]:
    """Daemon threads: one that hangs does not keep the process alive."""
    results: list[set[str]] = []

    def do(job: Callable[[], set[str]]) -> None:
        nothing = suppress(OSError, dns.exception.DNSException, ValueError)  # said: no fault of ours
        with suppress(FailoverError), fence("name servers"), nothing:
            results.append(job())

    threads = [threading.Thread(target=do, args=(job,), daemon=True, name="dns servers") for job in jobs]
    for t in threads:
        t.start()
    for t in threads:
        t.join(max(0.0, until - time.monotonic()))
    return list(results)


def _servers_named(zone: dns.name.Name, at: Endpoint) -> set[str]:
    """NS names of the zone in an answer or a referral, with their addresses if the server sent them."""
    reply = ask(zone, dns.rdatatype.NS, at)
    sections = (reply.answer, reply.authority)
    named = [reply.get_rrset(s, zone, dns.rdataclass.IN, dns.rdatatype.NS) for s in sections]
    return {
        a for rrset in named if rrset for ns in rrset for a in _glue(reply, ns.target) or {bare(ns.target.to_text())}
    }


def _glue(reply: dns.message.Message, name: dns.name.Name) -> set[str]:
    kinds = (dns.rdatatype.A, dns.rdatatype.AAAA)
    found = [reply.get_rrset(reply.additional, name, dns.rdataclass.IN, kind) for kind in kinds]
    return {r.address for rrset in found if rrset for r in rrset}


def _delegation(zone: dns.name.Name, until: float) -> set[str]:
    """The delegation, from a server of the parent zone; the system's resolver finds the parent."""
    resolver = dns.resolver.Resolver()
    for server in _parents_servers(zone, resolver, until):
        for address in addresses(server, patience_s=until - time.monotonic()):
            with suppress(OSError, dns.exception.DNSException):
                return _servers_named(zone, Endpoint(address, PORT))
        if time.monotonic() > until:
            break
    return set()


def _parents_servers(zone: dns.name.Name, resolver: dns.resolver.Resolver, until: float) -> list[str]:
    parent = zone
    while parent != dns.name.root:
        parent = parent.parent()
        with suppress(dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            left = max(0.1, until - time.monotonic())
            return [bare(ns.target.to_text()) for ns in resolver.resolve(parent, "NS", lifetime=left)]
    return []


# Can a name take mail -------------------------------------------------------------


def trouble(exchange: str, *, at: Iterable[Endpoint]) -> str | None:
    """Why a name cannot be an MX's exchange: an alias (RFC 2181, 10.3), or no address; None if it can, or if nobody
    could tell. `at` is asked first: an authoritative answer needs no resolver."""
    name = dns.name.from_text(exchange)
    for server in at:
        with suppress(OSError, dns.exception.DNSException):
            replies = [ask(name, t, server) for t in (dns.rdatatype.A, dns.rdatatype.AAAA)]
            if not any(lame(r) for r in replies):
                return _trouble(
                    exchange, alias=any(_alias(r, name) for r in replies), known=any(r.answer for r in replies)
                )
    return _trouble_by_resolver(exchange, name)


def _trouble(exchange: str, *, alias: bool, known: bool) -> str | None:
    if alias:
        return f"{bare(exchange)} is an alias (CNAME), which an MX must not name (RFC 2181, 10.3)"
    return None if known else f"{bare(exchange)} has no address"


def _alias(reply: dns.message.Message, name: dns.name.Name) -> bool:
    return reply.get_rrset(reply.answer, name, dns.rdataclass.IN, dns.rdatatype.CNAME) is not None


def _trouble_by_resolver(exchange: str, name: dns.name.Name) -> str | None:
    resolver = dns.resolver.Resolver()
    known = False
    for kind in ("A", "AAAA"):
        try:
            found = resolver.resolve(name, kind, lifetime=FINDING_S / 2, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return _trouble(exchange, alias=False, known=False)
        except (OSError, dns.exception.DNSException):
            return None
        if found.canonical_name != name:
            return _trouble(exchange, alias=True, known=True)
        known = known or found.rrset is not None
    return _trouble(exchange, alias=False, known=known)
