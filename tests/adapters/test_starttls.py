"""What an MX shows at STARTTLS: real TLS servers, and such as promise it, drip, hang up or talk nonsense."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from failover.adapters import smtp
from failover.adapters.smtp import SmtpLooker
from failover.core.fleet import Endpoint
from failover.ports import Tls, TlsAnswer
from tests.adapters.test_smtp import Peer, Serve, greet, heard, mx
from tests.standins.certificate import self_signed

__all__ = ["heard", "mx"]  # fixtures
ENDS = dt.datetime(2031, 3, 14, 15, 9, 26, tzinfo=dt.UTC)
OFFER = "250-mx1|250-PIPELINING|250-STARTTLS|250 8BITMIME"
BEGUN = {"EHLO": OFFER, "STARTTLS": "220 2.0.0 Ready to start TLS"}
LONG_S = 5.0
RECORD = b"\x16\x03\x03\x40\x00" + b"\x00" * 300
"""Of 16 KiB, as its head says."""


def certificate(at: Endpoint, patience_s: float = LONG_S) -> TlsAnswer:
    return SmtpLooker("probe.test", greet_s=patience_s).certificate(at, patience_s=patience_s)


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "mx.pem"
    path.write_text(self_signed(ENDS))
    return path


@pytest.fixture(scope="module")
def context(pem: Path) -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.set_ciphers("DEFAULT:@SECLEVEL=0")
    found.load_cert_chain(pem)
    return found


@pytest.fixture
def served() -> Iterator[Callable[[ssl.SSLContext | None], Endpoint]]:
    running: list[Controller] = []

    def start(context: ssl.SSLContext | None) -> Endpoint:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        one = Controller(object(), hostname="127.0.0.1", port=port, tls_context=context)
        one.start()
        running.append(one)
        return Endpoint("127.0.0.1", port)

    yield start
    for one in running:
        one.stop()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_end_of_the_certificate_is_read_and_nothing_is_verified(
    served: Callable[[ssl.SSLContext | None], Endpoint], context: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    context.minimum_version = context.maximum_version = version
    assert certificate(served(context)) == TlsAnswer(Tls.SHOWN, "shows a certificate", ENDS)


def test_a_server_without_tls_is_no_trouble(served: Callable[[ssl.SSLContext | None], Endpoint]) -> None:
    assert certificate(served(None)) == TlsAnswer(Tls.NOT_OFFERED, "offers no STARTTLS")


def secure(context: ssl.SSLContext, then: Callable[[ssl.SSLSocket], object] = lambda sock: None) -> Serve:
    """Greets, offers and begins TLS."""

    def serve(peer: Peer) -> None:
        peer.say("220 mx1 ESMTP Postfix")
        for verb in ("EHLO", "STARTTLS"):
            peer.hear()
            peer.say(*BEGUN[verb].split("|"))
        with context.wrap_socket(peer._sock.dup(), server_side=True) as sock:
            then(sock)

    return serve


def test_it_parts_politely_within_tls(mx: Any, heard: list[str], context: ssl.SSLContext) -> None:
    told: list[bytes] = []
    said = threading.Event()

    def then(sock: ssl.SSLSocket) -> None:
        told.append(sock.recv(100))
        sock.sendall(b"221 2.0.0 Bye\r\n")
        said.set()

    assert certificate(mx(secure(context, then))).until == ENDS
    assert said.wait(LONG_S)
    assert (heard, told) == (["EHLO probe.test", "STARTTLS"], [b"QUIT\r\n"])


def test_one_that_never_says_goodbye_is_not_waited_for(
    mx: Any, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "PARTING_S", 0.05)
    released = threading.Event()
    began = time.monotonic()
    assert certificate(mx(secure(context, lambda _: released.wait(LONG_S)))).until == ENDS
    assert time.monotonic() - began < LONG_S
    released.set()


@pytest.mark.parametrize(
    ("replies", "tls", "said"),
    [
        pytest.param({"EHLO": "502 no such verb"}, Tls.NOT_OFFERED, "offers no STARTTLS", id="of 1982"),
        pytest.param({"EHLO": "250-mx1|250 XSTARTTLS"}, Tls.NOT_OFFERED, "offers no STARTTLS", id="another word"),
        pytest.param({"EHLO": "421 4.3.2 busy"}, Tls.UNKNOWN, "answered EHLO with 421", id="busy"),
        pytest.param(
            {**BEGUN, "STARTTLS": "454 4.7.0 TLS not available due to local problem"},
            Tls.BROKEN,
            "offers STARTTLS, and answers it with 454 4.7.0 TLS not available",
            id="no key",
        ),
        pytest.param({**BEGUN, "STARTTLS": ""}, Tls.UNKNOWN, "no answer to STARTTLS", id="silent"),
        pytest.param({**BEGUN, "STARTTLS": "nonsense"}, Tls.BROKEN, "no SMTP reply to STARTTLS", id="no SMTP"),
    ],
)
def test_what_does_not_come_about(mx: Any, replies: dict[str, str], tls: Tls, said: str) -> None:
    answer = certificate(mx(greet(**replies)), 0.6)
    assert (answer.tls, answer.until) == (tls, None)
    assert said in answer.said


def nonsense(peer: Peer) -> None:
    peer._sock.recv(9999)
    peer.say("250 what?")


def silent(peer: Peer) -> None:
    while peer._sock.recv(9999):
        pass


@pytest.mark.parametrize(
    ("begins", "tls", "said"),
    [
        pytest.param(lambda p: None, Tls.BROKEN, "closed the connection at TLS", id="hangs up"),
        pytest.param(lambda p: p.drip(RECORD), Tls.UNKNOWN, "no answer to TLS", id="drips"),
        pytest.param(nonsense, Tls.BROKEN, "no TLS comes about (WRONG_VERSION_NUMBER)", id="talks nonsense"),
        pytest.param(silent, Tls.UNKNOWN, "no answer to TLS", id="is silent"),
    ],
)
def test_a_handshake_has_its_end(mx: Any, begins: Serve, tls: Tls, said: str) -> None:
    def serve(peer: Peer) -> None:
        peer.say("220 mx1 ESMTP Postfix")
        for verb in ("EHLO", "STARTTLS"):
            peer.hear()
            peer.say(*BEGUN[verb].split("|"))
        begins(peer)

    began = time.monotonic()
    answer = certificate(mx(serve), 0.6)
    assert answer.tls is tls, answer.said
    assert said in answer.said
    assert time.monotonic() - began < LONG_S


@pytest.mark.parametrize(("serve", "said"), [(lambda p: p.say("554 no"), "554 no"), (lambda p: None, "closed")])
def test_without_a_greeting_nothing_is_known(mx: Any, serve: Serve, said: str) -> None:
    answer = certificate(mx(serve), 0.6)
    assert answer.tls is Tls.UNKNOWN
    assert said in answer.said


def test_nobody_listens_so_nothing_is_known() -> None:
    assert certificate(Endpoint("127.0.0.1", 1)).tls is Tls.UNKNOWN
