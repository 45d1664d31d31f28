"""Name servers that are lame, stale, silent or odd, each a socket of its own; and which servers are found."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from failover.adapters import resolver
from failover.core.fleet import Endpoint
from failover.core.mx import MxSet, mx_set
from failover.core.words import duration
from failover.errors import Unreachable

NAME = "example.net"
TWO = mx_set(60, [(10, "mx1.example.net"), (20, "mx2.example.net")])
MX = ("example.net.", 60, "IN", "MX", "10 mx1.example.net.", "20 MX2.example.net.")
Answer = Callable[[dns.message.Message], bytes | None]


@contextmanager
def server(answer: Answer, host: str = "127.0.0.1") -> Iterator[Endpoint]:
    """UDP, and TCP on the same port, by `answer`; what it returns None for is met with silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.create_server((host, 0)) as tcp:
        udp.bind(tcp.getsockname())

        def over_udp() -> None:
            with suppress(OSError):
                while True:
                    asked, who = udp.recvfrom(4096)
                    if (said := answer(dns.message.from_wire(asked))) is not None:
                        udp.sendto(said, who)

        def over_tcp() -> None:
            with suppress(OSError):
                while True:
                    line, _ = tcp.accept()
                    with line:
                        asked = dns.message.from_wire(line.recv(4096)[2:])
                        said = reply(asked, MX)
                        line.sendall(len(said).to_bytes(2, "big") + said)

        for serve in (over_udp, over_tcp):
            threading.Thread(target=serve, daemon=True).start()
        yield Endpoint(host, tcp.getsockname()[1])


def reply(
    asked: dns.message.Message, *rrsets: tuple[str | int, ...], flags: int = dns.flags.AA, rcode: int = 0
) -> bytes:
    r = dns.message.make_response(asked)
    r.flags |= flags
    r.set_rcode(dns.rcode.from_flags(rcode, 0))
    r.answer = [dns.rrset.from_text(*rrset) for rrset in rrsets]  # type: ignore[arg-type]
    return r.to_wire()


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (lambda q: reply(q, MX), TWO),
        (lambda q: reply(q), MxSet(0, frozenset())),
        (lambda q: reply(q, rcode=3), MxSet(0, frozenset())),
        (lambda q: reply(q, flags=dns.flags.AA | dns.flags.TC), TWO),
        (lambda q: reply(q, ("other.net.", *MX[1:])), MxSet(0, frozenset())),
        (lambda q: reply(q, MX, flags=0), "lame: its answer is not authoritative"),
        (lambda q: reply(q, rcode=5), "lame: it answers REFUSED"),
        (lambda q: reply(q, rcode=2), "lame: it answers SERVFAIL"),
        (lambda q: reply(q, ("example.net.", 60, "IN", "MX", "10 192.0.2.1.")), "its answer cannot be read"),
    ],
)  # fmt: skip
def test_what_one_server_shows(answer: Answer, shown: MxSet | str) -> None:
    with server(answer) as at:
        found = resolver.mx_at(NAME, at)
    assert found == shown or (isinstance(shown, str) and str(found).startswith(shown))


def test_a_server_that_says_nothing_or_nonsense_is_silent_in_time() -> None:
    asked: list[dns.message.Message] = []
    with server(lambda q: asked.append(q)) as at:
        assert resolver.mx_at(NAME, at) == f"silent: no answer in {duration(sum(resolver.TRIES_S))}"
    assert len(asked) == 2, "one packet may be lost"
    assert not asked[0].flags & dns.flags.RD, "a resolver would answer from its cache"
    with server(lambda q: reply(dns.message.make_query("other.net", "MX"), MX)) as at:
        assert str(resolver.mx_at(NAME, at)).startswith("silent")


def test_all_are_asked_at_once_and_each_once() -> None:
    """Each server answers when the other two were asked as well: one after the other they would all be silent."""
    asked: list[int] = []
    here = {name: threading.Event() for name in "abc"}

    def answer(name: str) -> Answer:
        def say(q: dns.message.Message) -> bytes | None:
            asked.append(q.id)
            here[name].set()
            return reply(q, MX) if all(e.wait(10) for e in here.values()) else None

        return say

    with server(answer("a")) as a, server(answer("b"), "127.0.0.2") as b, server(answer("c"), "127.0.0.3") as c:
        found = resolver.seen(NAME, [a, b, c, c])
    assert {host: type(shown) for host, shown in found.items()} == dict.fromkeys((a.host, b.host, c.host), MxSet)
    assert len(set(asked)) == 3


def test_servers_are_those_of_the_apex_with_their_glue_and_the_ones_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def apex(asked: dns.message.Message) -> bytes:
        r = dns.message.make_response(asked)
        r.answer = [dns.rrset.from_text("example.net.", 60, "IN", "NS", "ns1.example.net.", "ns.invalid.")]
        r.additional = [dns.rrset.from_text("ns1.example.net.", 60, "IN", "A", "192.0.2.53")]
        return r.to_wire()

    def found(host: str, *, patience_s: float) -> tuple[str, ...]:
        if host == "ns.invalid":
            raise Unreachable("no such name", try_="")
        return (host,)

    monkeypatch.setattr(resolver, "_delegation", lambda zone, until: {"198.51.100.53"})
    monkeypatch.setattr(resolver, "addresses", found)
    with server(apex) as at:
        servers = resolver.authoritative(NAME, at=[at], extra=["203.0.113.53"])
    assert servers == (at, *(Endpoint(a, 53) for a in ("192.0.2.53", "198.51.100.53", "203.0.113.53")))


def test_finding_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "FINDING_S", 0.3)
    monkeypatch.setattr(resolver, "_delegation", lambda zone, until: threading.Event().wait(20))
    assert resolver.authoritative(NAME, at=[], extra=["192.0.2.53"]) == (Endpoint("192.0.2.53", 53),)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ((("mx.example.net.", 60, "IN", "A", "192.0.2.1"),), None),
        ((("mx.example.net.", 60, "IN", "CNAME", "other.net."),), "is an alias"),
        ((), "has no address"),
    ],
)
def test_what_cannot_stand_in_an_mx_record(answers: tuple[tuple[str | int, ...], ...], words: str | None) -> None:
    with server(lambda q: reply(q, *answers)) as at:
        found = resolver.trouble("mx.example.net.", at=[at])
    assert (words in (found or "")) if words else found is None
