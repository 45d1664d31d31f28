"""A TLS handshake for the sake of the certificate alone: nothing is verified, and nothing is told through it."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import datetime

Send = Callable[[bytes], object]
Receive = Callable[[], bytes]
_LEGACY_SERVER_CONNECT = 0x4
"""OpenSSL's own number, which Python names from 3.12 on."""


class NoCertificate(Exception):
    """The handshake came to its end, and there is no certificate that can be read."""


def certificate_end(send: Send, receive: Receive) -> tuple[datetime, Callable[[bytes], bytes]]:
    """When the certificate of the other side ends, and how to say one more thing to it, encrypted, and hear its answer.

    Not over the socket itself, whose time-outs are per receive: `send` and `receive` keep the caller's deadline.
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
    """As old and as weak as may be, since an old server's certificate ends as well."""
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
