"""A zone that takes dynamic updates (RFC 2136), over TCP, signed with TSIG (RFC 8945).

Every write names, as prerequisites (RFC 2136, 2.4.2), the whole set that it
replaces, and the zone's SOA, read before we looked at that set and at our
lease. So the primary refuses it if anybody has edited the zone since: also if
the set was changed and changed back, or only its TTL. After a refusal we look
again: an edit of the set ends the swap, one elsewhere in the zone lets us try
again.

Some servers show another serial than they compare (measured: BIND 9.18 with
inline-signing, whose unsigned zone has a serial of its own; known of PowerDNS
with SOA-EDIT). They refuse the write although the SOA has not changed. Then
only the values of the set are compared, and an edit of the TTL alone is not
noticed. A process that is suspended before the write is stopped otherwise: the
request is signed before the lease is checked, and the signature lapses before
the lease does, so before another controller may act.

After a lost answer the connection is reset, so that our kernel sends no more of
the request. The server may still carry out what it has received, at most until
the signature lapses (`fudge`, 300 s), and only on the zone as the request names
it.
"""

from __future__ import annotations

import base64
import binascii
import random
import socket
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.update

from failover.adapters import resolver, secrets, sock
from failover.core.fleet import Endpoint
from failover.core.mx import MxSet
from failover.core.runs.answer import Answer, meaning, table
from failover.dns.sets import changed, not_empty, reads, texts
from failover.errors import ConfigError, OutcomeUnknown, Refused, Unreachable
from failover.ports import CheckLease, by_hand

if TYPE_CHECKING:
    from failover.dns.rfc2136 import Rfc2136

PATIENCE_S = 5.0
BUSY_S = 10.0
"""Time to try a swap again while others edit the rest of the zone."""
AGAIN_S = 0.05
FUDGE_S = 300
"""The life of a signature, and the most by which clocks may differ (RFC 8945, 10)."""
SHORT_FUDGE_S = 60
"""A lease has at least twice this left when it is checked (the server's clock may be as far behind), so the signature
lapses before the lease."""
_MD5 = "hmac-md5.sig-alg.reg.int"
_SOA = (dns.rdataclass.IN, dns.rdatatype.SOA)
_CHANGED = {dns.rcode.NXRRSET, dns.rcode.YXRRSET}
ANSWERS = table(
    {
        Answer.DONE: (dns.rcode.NOERROR,),
        Answer.NOTHING: (
            *_CHANGED,
            *(dns.rcode.FORMERR, dns.rcode.NXDOMAIN, dns.rcode.YXDOMAIN, dns.rcode.NOTIMP),
            *(dns.rcode.REFUSED, dns.rcode.NOTAUTH, dns.rcode.NOTZONE),
        ),
    }
)
"""Answers to an update that come before anything is written (RFC 2136, 2.2 and 3). Not SERVFAIL: it also follows a
failed write, or a forwarder whose primary did not answer in time."""
_TSIG_REFUSED = (dns.tsig.PeerBadKey, dns.tsig.PeerBadSignature, dns.tsig.PeerBadTime)
"""Judged before the update (RFC 8945, 5.2)."""


@dataclass(frozen=True, slots=True)
class Rfc2136Zone:
    """The zone of one domain at its primary. Only where the key is kept is held here, never the key."""

    at: Rfc2136
    servers: tuple[str, ...] = ()
    patience_s: float = PATIENCE_S
    busy_s: float = BUSY_S

    def mx(self, name: str) -> MxSet:
        owner = dns.name.from_text(name)
        reply = self._read(owner, dns.rdatatype.MX, f"look up the MX of {name}")
        if reply.get_rrset(reply.answer, owner, dns.rdataclass.IN, dns.rdatatype.CNAME):
            raise Refused(f"{name} is an alias (CNAME): it has no MX of its own", try_="name the domain it points to")
        try:
            return resolver.mx_in(reply, owner)
        except ValueError as e:
            raise Refused(f"the MX of {name} at {self.at.server} is odd: {e}", try_="correct it by hand first") from e

    def swap(self, name: str, *, expected: MxSet, wanted: MxSet, check_lease: CheckLease = by_hand) -> None:
        not_empty(name, wanted)
        until = time.monotonic() + self.busy_s
        soa = first = self._soa(name)
        compared = True  # until the server is seen to refuse the very SOA that it shows
        while not self._swapped(name, soa, expected, wanted, check_lease, compared=compared):
            if time.monotonic() > until:
                raise _busy(name, first, soa, expected)
            time.sleep(random.SystemRandom().uniform(0, AGAIN_S))  # not in step with an editor of a fixed pace
            refused, soa = soa, self._soa(name)
            compared = compared and soa != refused

    def seen(self, name: str) -> Mapping[str, MxSet | str]:
        zone = name
        with suppress(Unreachable, Refused):
            zone = self._zone(name).to_text()
        return resolver.seen(name, resolver.authoritative(zone, at=self._endpoints(), extra=self.servers))

    def trouble(self, exchange: str) -> str | None:
        return resolver.trouble(exchange, at=self._endpoints())

    # Writing --------------------------------------------------------------------

    def _swapped(
        self, name: str, soa: dns.rrset.RRset, expected: MxSet, wanted: MxSet, check: CheckLease, *, compared: bool
    ) -> bool:
        """False if the zone was edited after `soa` was read. Raises Changed if the set was edited."""
        found = self.mx(name)
        if found == wanted:  # also by an earlier request of ours, whose answer was lost
            return True
        if found != expected:
            raise changed(name, expected, found)
        update = self._update(name, soa, expected, wanted)
        if compared:
            update.present(soa.name, soa[0])
        signed = self._signed(update, lasts_s=FUDGE_S if compared else SHORT_FUDGE_S)
        check()
        try:
            rcode = self._exchange(update, f"change the MX of {name}", signed).rcode()
        except OutcomeUnknown:
            if reads(self, name, wanted):
                return True
            raise
        return self._done(name, rcode)

    def _update(self, name: str, soa: dns.rrset.RRset, expected: MxSet, wanted: MxSet) -> dns.update.UpdateMessage:
        owner, update = dns.name.from_text(name), dns.update.UpdateMessage(soa.name)
        if expected.targets:
            update.present(owner, *_rdatas(expected))  # given a set with a TTL, dnspython would send that: FORMERR
        else:
            update.absent(owner, dns.rdatatype.MX)
        update.replace(owner, wanted.ttl, *_rdatas(wanted))
        return update

    def _done(self, name: str, rcode: dns.rcode.Rcode) -> bool:
        if rcode in _CHANGED:
            return False
        said, answer = dns.rcode.to_text(rcode), meaning(ANSWERS, rcode)
        if answer is Answer.DONE:
            return True
        if answer is not Answer.NOTHING:
            raise OutcomeUnknown(f"{self.at.server} failed to change the MX of {name} ({said})", try_="see its log")
        raise Refused(f"{self.at.server} does not change the MX of {name}: {said}", try_=self._what_to_try(rcode, name))

    def _what_to_try(self, rcode: dns.rcode.Rcode, name: str) -> str:
        if rcode in {dns.rcode.NOTAUTH, dns.rcode.NOTZONE, dns.rcode.NOTIMP}:
            return f"set `server` of {name} in hosts.yaml to the primary of its zone"
        if rcode == dns.rcode.REFUSED:
            if self.at.key_name is None:
                return f"give {name} a key in hosts.yaml (key_name, key): the request was not signed"
            policy = f"update-policy {{ grant {self.at.key_name}. name {name}. MX; }}"
            return f"let the key {self.at.key_name} update it (BIND: {policy}), or unfreeze the zone"
        return f"see the log of {self.at.server}"

    def _zone(self, name: str) -> dns.name.Name:
        """The zone that a name lies in."""
        return self._soa(name).name

    def _soa(self, name: str) -> dns.rrset.RRset:
        """The SOA of the zone that a name lies in; from the answer or its authority section (RFC 2308, 2)."""
        reply = self._read(dns.name.from_text(name), dns.rdatatype.SOA, f"find the zone of {name}")
        for rrset in (*reply.answer, *reply.authority):
            if (rrset.rdclass, rrset.rdtype) == _SOA and dns.name.from_text(name).is_subdomain(rrset.name):
                return rrset
        raise Refused(f"{self.at.server} has no zone for {name}", try_="set `server` in hosts.yaml to its primary")

    # Talking --------------------------------------------------------------------

    def _read(self, name: dns.name.Name, kind: dns.rdatatype.RdataType, to: str) -> dns.message.Message:
        """An answer without authority is never read as "no MX". Raises Refused then, and Unreachable."""
        query = dns.message.make_query(name, kind)
        query.flags &= ~dns.flags.RD
        try:
            reply = self._exchange(query, to)
        except OutcomeUnknown as e:
            raise Unreachable(str(e), try_=e.try_) from e
        if why := resolver.lame(reply):
            raise Refused(f"{self.at.server} would not {to}: {why}", try_="set `server` in hosts.yaml to the primary")
        return reply

    def _signed(self, message: dns.message.Message, *, lasts_s: int = FUDGE_S) -> bytes:
        """Raises ConfigError (the key)."""
        if (key := self._key()) is not None:
            message.use_tsig(key, fudge=lasts_s)
        return message.to_wire()

    def _exchange(self, message: dns.message.Message, to: str, signed: bytes = b"") -> dns.message.Message:
        """Raises Unreachable (nothing left), OutcomeUnknown, Refused (by TSIG), ConfigError (the key)."""
        wire = signed or self._signed(message)
        with _Line(self._connected(to)) as line:
            reply = self._answer(message, wire, line, to)
            line.over()
        matters = isinstance(message, dns.update.UpdateMessage) or reply.rcode() in {dns.rcode.NOERROR, *_CHANGED}
        if message.had_tsig and not reply.had_tsig and matters:
            raise OutcomeUnknown(f"{self.at.server} answered without a signature", try_="see who answers there")
        return reply

    def _answer(self, message: dns.message.Message, wire: bytes, line: _Line, to: str) -> dns.message.Message:
        until = time.time() + self.patience_s  # dnspython's deadlines are of the wall clock
        try:
            dns.query.send_tcp(line.sock, wire, until)
            reply, _ = dns.query.receive_tcp(line.sock, until, keyring=message.keyring, request_mac=message.mac)
            if not message.is_response(reply):
                raise dns.query.BadResponse
        except _TSIG_REFUSED as e:
            raise Refused(f"{self.at.server} would not {to}: {_tsig_words(e)}", try_=self._tsig_try(e)) from None
        except (OSError, EOFError, dns.exception.DNSException) as e:
            said = str(e) or type(e).__name__
            raise OutcomeUnknown(
                f"{self.at.server} was asked to {to}, and no good answer came: {said}",
                try_="look at it: `failover check`",
            ) from None
        return reply

    def _connected(self, to: str) -> socket.socket:
        said = ""
        for at in self._endpoints():
            try:
                return sock.connect(at.host, at.port, timeout_s=self.patience_s)
            except OSError as e:
                said = f"{at}: {e.strerror or e}"
        raise Unreachable(f"could not {to} at {said}", try_="is the name server up, and does it take TCP from here?")

    def _endpoints(self) -> tuple[Endpoint, ...]:
        found = resolver.addresses(self.at.server, patience_s=self.patience_s)
        return tuple(Endpoint(address, self.at.port) for address in found)

    def _key(self) -> dns.tsig.Key | None:
        """Read at the moment of use, kept nowhere."""
        if self.at.key is None or self.at.key_name is None:
            return None
        text = secrets.resolve(self.at.key)
        try:
            secret = base64.b64decode(text.strip(), validate=True)
        except (binascii.Error, ValueError):
            raise ConfigError(
                f"{self.at.key} holds no TSIG secret: it is not base64", try_="write the `secret` of tsig-keygen there"
            ) from None
        algorithm = _MD5 if self.at.algorithm == "hmac-md5" else self.at.algorithm
        return _Key(self.at.key_name, secret, algorithm)

    def _tsig_try(self, e: dns.tsig.PeerError) -> str:
        match e:
            case dns.tsig.PeerBadTime():
                return (
                    f"set both clocks (NTP); they may differ by {FUDGE_S} s, and by {SHORT_FUDGE_S} s where a zone "
                    "shows another serial than it compares"
                )
            case dns.tsig.PeerBadKey():
                return (
                    f"is the key called {self.at.key_name} there, with {self.at.algorithm}? Set key_name in hosts.yaml"
                )
            case _:
                return f"the secret in {self.at.key} is not the one that the server has"


class _Key(dns.tsig.Key):
    """dnspython's own repr shows the secret."""

    def __repr__(self) -> str:
        return f"<key {self.name}>"


class _Line:
    """A connection that is reset on exit, unless it has ended: so the kernel sends no more."""

    def __init__(self, to: socket.socket) -> None:
        self.sock = to
        to.setblocking(False)  # as dnspython wants it; its deadline is its own
        to.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def __enter__(self) -> _Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def over(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))


def _rdatas(mx: MxSet) -> list[dns.rdata.Rdata]:
    return [dns.rdata.from_text("IN", "MX", text, relativize=False) for text in texts(mx)]


def _busy(name: str, first: dns.rrset.RRset, last: dns.rrset.RRset, found: MxSet) -> Refused:
    return Refused(
        f"the MX of {name} was not changed, and reads {found.text}: each time, others had edited the zone {last.name} "
        f"between our look and our write (serial {first[0].serial} → {last[0].serial})",
        try_="stop what updates the zone all the time, then go on",
    )


def _tsig_words(e: dns.tsig.PeerError) -> str:
    match e:
        case dns.tsig.PeerBadKey():
            return "it does not know our key (BADKEY)"
        case dns.tsig.PeerBadSignature():
            return "our signature is wrong (BADSIG)"
        case dns.tsig.PeerBadTime():
            return "our clocks differ too much (BADTIME)"
        case _:
            return f"it does not take our signature ({type(e).__name__})"
