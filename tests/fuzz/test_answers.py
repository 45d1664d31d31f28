"""What name servers and channels answer to what was sent to them: done, said no, or unknown, and never a traceback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import dns.update
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failover.adapters import resolver
from failover.channels.notifier import Notify
from failover.core.alerting.alert import Message
from failover.core.fleet import Channel
from failover.core.mx import mx_set
from failover.core.runs.answer import Answer
from failover.dns.rfc2136 import Rfc2136
from failover.dns.rfc2136_zone import Rfc2136Zone
from failover.errors import FailoverError, Fault, Unreachable
from tests.adapters.test_resolver import server
from tests.fuzz.made_up import TEXT, fuzz, mutated, no_fault, plain

NAME = "example.net"
OLD = mx_set(60, [(10, "mx1.example.net"), (20, "mx2.example.net")])
NEW = mx_set(60, [(9, "mx2.example.net"), *OLD.targets])


def told(ask: Callable[[], object]) -> Answer:
    said: FailoverError | None = None
    try:
        ask()
    except FailoverError as e:
        said = e
    no_fault()
    assert said is None or plain(f"{said} {said.try_}")
    return said.answer if said else Answer.DONE


# An update ------------------------------------------------------------------------------

Edits = list[list[tuple[int, int, bytes]]]
EDITS = st.lists(
    st.lists(st.tuples(st.integers(4, 90), st.integers(0, 4), st.binary(max_size=4)), max_size=2), max_size=6
)
"""For each answer; its number, and whether it says yes or no, are left: who may write those may say anything."""


class Primary:
    """Does each update that it gets; its answers are edited on their way, the first by the first of `edits`."""

    def __init__(self, edits: Edits) -> None:
        self.now, self.edits, self.done = OLD, list(edits), 0

    def connected(self, _: str) -> socket.socket:
        ours, theirs = socket.socketpair()
        threading.Thread(target=self._serve, args=(theirs,), daemon=True).start()
        return ours

    def _serve(self, line: socket.socket) -> None:
        with line, suppress(OSError):
            said = self._answer(dns.message.from_wire(line.recv(65535)[2:])).to_wire()
            for at, gone, put in self.edits.pop(0) if self.edits else ():
                said = said[:at] + put + said[at + gone :]
            line.sendall(len(said).to_bytes(2, "big") + said)

    def _answer(self, asked: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(asked)
        reply.flags |= dns.flags.AA
        if isinstance(asked, dns.update.UpdateMessage):
            self.now, self.done = NEW, self.done + 1
        elif asked.question[0].rdtype == dns.rdatatype.SOA:
            reply.answer.append(dns.rrset.from_text(f"{NAME}.", 60, "IN", "SOA", "ns1.a. root.a. 1 60 10 86400 5"))
        else:
            values = [f"{preference} {name}" for preference, name in sorted(self.now.targets)]
            reply.answer.append(dns.rrset.from_text(f"{NAME}.", self.now.ttl, "IN", "MX", *values))
        return reply


@fuzz(150)
@given(EDITS)
def test_what_a_primary_did_is_never_nothing(edits: Edits) -> None:
    primary = Primary(edits)
    zone = Rfc2136Zone(Rfc2136("192.0.2.53", 53), patience_s=5.0, busy_s=0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rfc2136Zone, "_connected", lambda _, to: primary.connected(to))
        answer = told(lambda: zone.swap(NAME, expected=OLD, wanted=NEW))
        told(lambda: zone.mx(NAME))
    assert answer in {Answer.DONE, Answer.UNKNOWN} or not primary.done
    assert edits or answer is Answer.DONE


# Looks ----------------------------------------------------------------------------------


@fuzz(40)
@given(st.data())
def test_whatever_is_said_of_an_exchange_is_read(data: st.DataObject) -> None:
    edits = data.draw(st.lists(st.tuples(st.integers(2, 80), st.integers(0, 4), st.binary(max_size=4)), max_size=3))

    def answer(asked: dns.message.Message) -> bytes:
        reply = dns.message.make_response(asked)
        reply.flags |= dns.flags.AA
        owner = asked.question[0].name
        reply.answer.append(dns.rrset.from_text(owner, 60, "IN", "NS", "ns1.a.", "ns2.a."))
        reply.additional.append(dns.rrset.from_text("ns1.a.", 60, "IN", "A", "192.0.2.53"))
        said = reply.to_wire()
        for at, gone, put in edits:
            said = said[:at] + put + said[at + gone :]
        return said

    with server(answer) as at, pytest.MonkeyPatch.context() as patch:
        patch.setattr(resolver, "TRIES_S", (0.05, 0.05))
        patch.setattr(resolver, "FINDING_S", 0.3)
        patch.setattr(resolver, "_delegation", lambda *_: set())
        patch.setattr(resolver, "_trouble_by_resolver", lambda *_: None)
        patch.setattr(resolver, "addresses", lambda name, **_: (name,))
        trouble = resolver.trouble("mx1.example.net", at=[at])
        found = resolver.authoritative(NAME, at=[at], extra=())
    assert trouble is None or plain(trouble)
    assert all(plain(str(e)) for e in found)
    no_fault()


@fuzz(30)
@given(st.sampled_from(["a..b", "x" * 64, "..", "\ud800", "\x00"]) | TEXT)
def test_no_name_of_a_server_ends_the_thread_that_looks_it_up(name: str) -> None:
    """pytest fails for what a thread raises, and a terminal would show it."""
    with pytest.MonkeyPatch.context() as patch, suppress(Unreachable):
        patch.setattr(socket, "getaddrinfo", lambda host, *_, **__: host.encode("idna") and [])
        resolver.addresses(name, patience_s=5.0)


# Channels -------------------------------------------------------------------------------

WELL = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
NO = b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
HTTP = [
    WELL, NO, b"HTTP/1.1 503 \r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + WELL, b"HTTP/1.1 99999 x\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", b"HTTP/9.9 200 OK\r\n\r\n", b"220 mx1 ESMTP\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -1, x\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"x" * 70_000, b"HTTP/1.1 \xb2\xb0\xb0 OK\r\n\r\n", b"",
]  # fmt: skip


@contextmanager
def channel(said: bytes) -> Iterator[Channel]:
    """Whatever is sent to it, it says that."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                line, _ = listener.accept()
                with line:
                    line.recv(65535)
                    line.sendall(said)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield Channel("webhook", url=f"http://127.0.0.1:{listener.getsockname()[1]}/x")


@fuzz(60)
@given(st.sampled_from(HTTP).flatmap(lambda good: st.just(good) | mutated(good)))
def test_whatever_a_channel_answers_it_was_told_or_not_or_maybe(said: bytes) -> None:
    with channel(said) as at:
        answer = told(lambda: Notify(5.0, 0.0).send(at, Message("mx1/x", "warning", "t", "t")))
    head = said.partition(b" ")[2][:3]
    assert answer is not Answer.NOTHING, "it did get it"
    assert said != WELL or (answer is Answer.DONE), head


def test_a_fault_counts_as_unknown() -> None:
    """All that this file looks at rests on it."""
    assert Fault("x", try_="y").answer is Answer.UNKNOWN
