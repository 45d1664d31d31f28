"""Webhooks against real HTTP servers in a thread: what was told, what may have been, and what never leaks."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from failover.channels.notifier import Notify
from failover.core.fleet import Channel
from failover.errors import ConfigError, FailoverError, OutcomeUnknown, StepFailed, Unreachable
from failover.ports import Message
from tests.adapters.http_server import SECRET, answering

MESSAGE = Message("mx1/spam-filter-hung", "critical", "mx1: spam filter hung", "412 messages wait")
QUICK = Notify(deadline_s=0.5, backoff_s=0.01)


def said(e: pytest.ExceptionInfo[FailoverError]) -> str:
    """What a person can come to see of it, its causes included."""
    words, cause = f"{e.value} {e.value.try_}", e.value.__cause__
    while cause is not None:
        words, cause = f"{words} {cause}", cause.__cause__
    return words


def test_a_webhook_gets_the_message_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(204) as (url, got):
        monkeypatch.setenv("FAILOVER_HOOK", url)
        Notify().send(Channel("webhook", "env:FAILOVER_HOOK"), MESSAGE)
    document = {
        "version": 1,
        "key": "mx1/spam-filter-hung",
        "severity": "critical",
        "title": "mx1: spam filter hung",
        "text": "412 messages wait",
        "resolves": False,
    }
    assert [(g.method, g.path, g.document) for g in got] == [("POST", f"/{SECRET}", document)]


def test_busy_is_tried_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(503, 429, 200) as (url, got):
        QUICK.send(Channel("webhook", url), MESSAGE)
        assert len(got) == 3
    with answering(429, 429, 429, 200) as (url, got):
        with pytest.raises(StepFailed, match=r"^127\.0\.0\.1 answered 429, 3 times$") as e:
            QUICK.send(Channel("webhook", url), MESSAGE)
        assert len(got) == 3
    assert SECRET not in said(e)


@pytest.mark.parametrize("statuses", [(500, 502, 503), (503, 429, 429), (502, 404), (599, 599, 599)])
def test_what_broke_after_it_was_sent_is_maybe_told(statuses: tuple[int, ...]) -> None:
    """safety 3, its siblings: a 5xx may come after the message was taken; a later no does not unsay it."""
    with answering(*statuses, 200) as (url, got):
        with pytest.raises(OutcomeUnknown, match=f"answered {statuses[-1]}") as e:
            QUICK.send(Channel("webhook", url), MESSAGE)
        assert len(got) == len(statuses)
    assert SECRET not in said(e)


@pytest.mark.parametrize("status", [404, 301, 307])
def test_any_other_answer_is_a_failure_tried_once_and_no_redirect_is_followed(status: int) -> None:
    with answering(status, 200) as (url, got):
        with pytest.raises(StepFailed, match=f"127.0.0.1 answered {status}") as e:
            QUICK.send(Channel("webhook", url), MESSAGE)
        assert [g.path for g in got] == [f"/{SECRET}"]
    assert SECRET not in said(e)


def test_nobody_there_is_certainly_not_told() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))  # bound, not listening: refused
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1 was not told") as e:
            QUICK.send(Channel("webhook", f"http://127.0.0.1:{unheard.getsockname()[1]}/{SECRET}"), MESSAGE)
    assert SECRET not in said(e)


def test_broken_and_then_nobody_there_is_maybe_told() -> None:
    listening = socket.create_server(("127.0.0.1", 0))

    def busy_once() -> None:
        there, _ = listening.accept()
        listening.close()
        with there:
            while b"412 messages wait" not in there.recv(65536):
                pass
            there.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    url = f"http://127.0.0.1:{listening.getsockname()[1]}/{SECRET}"
    thread = threading.Thread(target=busy_once)
    thread.start()
    with pytest.raises(OutcomeUnknown, match=r"127\.0\.0\.1 may have been told"):
        QUICK.send(Channel("webhook", url), MESSAGE)
    thread.join()


def hang_up(request: Any) -> None:
    request.close_connection = True


def drip(request: Any) -> None:
    """One byte of an endless header at a time: each comes well within any time-out between bytes."""
    with contextlib.suppress(OSError):
        request.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            request.wfile.write(b"x")
            time.sleep(0.01)


def go_on(request: Any) -> None:
    """Interim answers without end."""
    with contextlib.suppress(OSError):
        while True:
            request.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            time.sleep(0.01)


@pytest.mark.parametrize("does", [hang_up, drip, go_on])
def test_sent_without_an_answer_may_have_been_told_and_is_not_repeated(does: Callable[[Any], None]) -> None:
    """It comes back at all: what the server sends has no end, unless we hang up."""
    with answering(does, 200) as (url, got):
        with pytest.raises(OutcomeUnknown, match=r"127\.0\.0\.1 may have been told") as e:
            QUICK.send(Channel("webhook", url), MESSAGE)
        assert len(got) == 1
    assert SECRET not in said(e)


def test_a_big_answer_is_not_read() -> None:
    """Its size is not ours to bear: the status alone counts, and the rest is hung up on."""
    hung_up = threading.Event()

    def endless(request: Any) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n")
        try:
            while True:
                request.wfile.write(bytes(65536))
        except OSError:
            hung_up.set()

    with answering(endless) as (url, _):
        QUICK.send(Channel("webhook", url), MESSAGE)
        assert hung_up.wait(60)


def test_a_header_that_is_none_shows_no_url(caplog: pytest.LogCaptureFixture) -> None:
    def broken(request: Any) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nthis is no header\r\nContent-Length: 0\r\n\r\n")

    with answering(broken) as (url, _):
        QUICK.send(Channel("webhook", url), MESSAGE)
    assert SECRET not in caplog.text


def test_a_user_and_password_of_the_url_go_into_a_header() -> None:
    with answering(200) as (url, got):
        QUICK.send(Channel("webhook", url.replace("//", f"//ops:p%40{SECRET}@")), MESSAGE)
    assert got[0].headers["authorization"] == "Basic " + base64.b64encode(f"ops:p@{SECRET}".encode()).decode()
    assert got[0].path == f"/{SECRET}"


def test_the_proxy_of_the_environment_is_asked_for_a_tunnel_and_sees_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(request: Any) -> None:
        request.wfile.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")

    with answering(refuse) as (proxy, got):
        monkeypatch.setenv("https_proxy", proxy.removesuffix(f"/{SECRET}"))
        monkeypatch.delenv("no_proxy", raising=False)
        with pytest.raises(Unreachable, match=r"hooks\.example\.net was not told: Tunnel connection failed: 403") as e:
            QUICK.send(Channel("webhook", f"https://hooks.example.net/{SECRET}"), MESSAGE)
    assert [(g.method, g.path) for g in got] == [("CONNECT", "hooks.example.net:443")]
    assert SECRET not in said(e)


def test_given_up_before_it_was_sent_it_is_never_sent_later(monkeypatch: pytest.MonkeyPatch) -> None:
    lookup, may_answer, looked = socket.getaddrinfo, threading.Event(), threading.Event()
    before = set(threading.enumerate())

    def slow(*args: Any, **kwargs: Any) -> Any:
        may_answer.wait(10)
        looked.set()
        return lookup(*args, **kwargs)

    with answering(200) as (url, got):
        monkeypatch.setattr(socket, "getaddrinfo", slow)
        with pytest.raises(Unreachable, match=r"was not told: no answer in 0\.5 s"):
            QUICK.send(Channel("webhook", url), MESSAGE)
        (late,) = [t for t in {*threading.enumerate()} - before if t.name == "errand"]
        may_answer.set()
        late.join(10)
        assert (looked.is_set(), late.is_alive(), got) == (True, False, [])


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    with answering(200, 200, context=context) as (url, got):
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED") as e:
            Notify().send(Channel("webhook", url), MESSAGE)
        assert got == []
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
        Notify().send(Channel("webhook", url), MESSAGE)
        assert len(got) == 1
    assert SECRET not in said(e)


def self_signed(folder: Path) -> Path:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now, day = dt.datetime.now(dt.UTC), dt.timedelta(days=1)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
        .add_extension(address, critical=True)
        .sign(key, hashes.SHA256())
    )
    both = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(both)
    return folder / "server.pem"


@pytest.mark.parametrize(
    "url",
    [
        None,
        f"http://hooks.example.net/{SECRET}",
        f"ftp://x/{SECRET}",
        SECRET,
        f"https:///{SECRET}",
        f"https://h:port/{SECRET}",
    ],
)
def test_what_is_no_https_url_is_refused_and_not_shown(url: str | None) -> None:
    with pytest.raises(ConfigError, match="is not an https URL") as e:
        QUICK.send(Channel("webhook", url), MESSAGE)
    assert SECRET not in said(e)


def test_stderr_shows_text_and_obeys_none_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    QUICK.send(Channel("stderr"), Message("k", "warning", "mx1 said", "220 \x1b[2J späm\r\nbye"))
    assert capsys.readouterr().err == "failover: warning: mx1 said\n220 ?[2J späm\nbye\n"


def test_an_unknown_kind_of_channel_is_named() -> None:
    with pytest.raises(ConfigError, match="'pigeon'"):
        QUICK.send(Channel("pigeon"), MESSAGE)
