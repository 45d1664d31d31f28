"""A TLS handshake to read the certificate: nothing is verified, and nothing is sent through it."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import datetime

Send = Callable[[bytes], object]
Receive = Callable[[], bytes]
_LEGACY_SERVER_CONNECT = 0x4
"""OpenSSL's number; Python names it from 3.12 on."""


class NoCertificate(Exception):
    """The handshake ended without a readable certificate."""


def certificate_end(send: Send, receive: Receive) -> tuple[datetime, Callable[[bytes], bytes]]:
    """The end of the server's certificate, and a function that sends one more text, encrypted, and returns the answer.

    Not over the socket, whose time-outs are per receive: `send` and `receive` keep the caller's deadline.
    Raises ssl.SSLError, NoCertificate, and what `send` and `receive` raise.
    """
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = _context().wrap_bio(coming, going)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            send(going.read())
            coming.write(receive())
        except ssl.SSLError:
            send(going.read())  # the alert, for its log
            raise

    def say(text: bytes) -> bytes:
        tls.write(text)
        send(going.read())
        while True:  # the first that comes may be a session ticket
            try:
                return tls.read(4096)
            except ssl.SSLWantReadError:
                coming.write(receive())

    return _end(tls.getpeercert(binary_form=True)), say


def _context() -> ssl.SSLContext:
    """Allows old and weak versions: an old server has a certificate, too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.options |= _LEGACY_SERVER_CONNECT
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def _end(der: bytes | None) -> datetime:
    from cryptography import x509

    if der is None:
        raise NoCertificate("it shows no certificate")
    try:
        return x509.load_der_x509_certificate(der).not_valid_after_utc
    except (ValueError, x509.InvalidVersion):
        raise NoCertificate("it shows a certificate that cannot be read") from None
