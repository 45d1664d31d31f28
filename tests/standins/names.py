"""A name server for the stand-in's zones: authoritative, over UDP, and it shows at once what Route 53 has."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.standins.route53 import Route53


class NameServer:
    """On port 53 of an address of the network namespace in which it is made."""

    def __init__(self, route53: Route53, address: str = "127.0.0.1") -> None:
        self.route53 = route53
        self._port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._port.bind((address, 53))
        self._port.settimeout(0.1)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True, name="stand-in's name server")
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join(5)
        self._port.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            with suppress(TimeoutError, dns.exception.DNSException):
                message, asker = self._port.recvfrom(4096)
                self._port.sendto(self.answer(dns.message.from_wire(message)).to_wire(), asker)

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        (question,) = query.question
        zone = next((z for z in self.route53.zones.values() if z.name == question.name.to_text()), None)
        if zone is None:
            reply.set_rcode(dns.rcode.REFUSED)
            return reply
        reply.flags |= dns.flags.AA
        kind = dns.rdatatype.to_text(question.rdtype)
        if found := zone.sets.get((zone.name, kind, None)):
            reply.answer.append(dns.rrset.from_text(question.name, found.ttl, "IN", kind, *found.values))
        return reply
