"""The SMTP looks against servers that greet late, drip, refuse or talk nonsense."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta

import pytest

from failover.adapters import smtp
from failover.adapters.clock import SystemClock
from failover.adapters.smtp import SmtpLooker
from failover.core.fleet import Endpoint
from failover.errors import ConfigError
from failover.ports import SmtpAnswer

PATIENCE_S = 0.6
GREET_S = 0.9
Serve = Callable[["Peer"], None]


class Peer:
    """One connection at the server, and every line that the client said."""

    def __init__(self, sock: socket.socket, heard: list[str]) -> None:
        self._sock = sock
        self._file = sock.makefile("rb")
        self.heard = heard

    def say(self, *lines: str) -> None:
        self._sock.sendall("".join(f"{line}\r\n" for line in lines).encode("latin-1"))

    def hear(self) -> str:
        line = self._file.readline().decode().rstrip("\r\n")
        if line:
            self.heard.append(line)
        return line

    def drip(self, text: bytes) -> None:
        """A byte every 50 ms, for ever: each one within any per-receive time-out."""
        self._sock.settimeout(0.05)
        for n in range(600):
            self._sock.sendall(text[n % len(text) :][:1])
            with suppress(TimeoutError):
                if not self._sock.recv(4096):
                    return

    def dialogue(self, **replies: str) -> None:
        """Answers each verb by `replies`, else by 250; empty: says nothing more."""
        while line := self.hear():
            verb = line.split()[0].partition(":")[0]
            reply = replies.get(verb, "221 bye" if verb == "QUIT" else "250 ok")
            if not reply:
                self.hear()
                return
            self.say(*reply.split("|"))

    def close(self) -> None:
        self._file.close()
        self._sock.close()


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def mx(heard: list[str]) -> Iterator[Callable[[Serve], Endpoint]]:
    with ExitStack() as stack:

        def start(serve: Serve) -> Endpoint:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def run() -> None:
                peer = Peer(listener.accept()[0], heard)
                with suppress(OSError):  # the client went away, as it may
                    serve(peer)
                peer.close()

            thread = threading.Thread(target=run, daemon=True)
            thread.start()
            stack.callback(thread.join, 5)
            return Endpoint("127.0.0.1", listener.getsockname()[1])

        yield start


def banner(at: Endpoint, greet_s: float = GREET_S) -> SmtpAnswer:
    return SmtpLooker("probe.test", greet_s=greet_s).banner(at, patience_s=PATIENCE_S)


def dialogue(at: Endpoint, greet_s: float = GREET_S) -> SmtpAnswer:
    return SmtpLooker("probe.test", greet_s=greet_s).dialogue(at, "user@lab.test", patience_s=PATIENCE_S)


def greet(**replies: str) -> Serve:
    def serve(peer: Peer) -> None:
        peer.say("220 mx1 ESMTP Postfix")
        peer.dialogue(**replies)

    return serve


def test_banner_is_told_and_left_politely(mx: Callable[[Serve], Endpoint], heard: list[str]) -> None:
    answer = banner(mx(greet()))
    assert (answer.ok, answer.said) == (True, "220 mx1 ESMTP Postfix")
    assert heard == ["RSET", "QUIT"]


def test_dialogue_never_sends_data(mx: Callable[[Serve], Endpoint], heard: list[str]) -> None:
    answer = dialogue(mx(greet(EHLO="250-mx1|250-PIPELINING|250 8BITMIME", RCPT="250 2.1.5 Ok")))
    assert (answer.ok, answer.said) == (True, "250 2.1.5 Ok")
    assert heard == ["EHLO probe.test", "MAIL FROM:<>", "RCPT TO:<user@lab.test>", "RSET", "QUIT"]


@pytest.mark.parametrize(
    ("serve", "said"),
    [
        pytest.param(lambda p: p.hear(), "no answer to our connection", id="silent"),
        pytest.param(lambda p: p.drip(b"2"), "no answer to our connection", id="drip without a line"),
        pytest.param(lambda p: None, "closed the connection at our connection", id="closed"),
        pytest.param(lambda p: p.say("554 no"), "answered our connection with 554 no", id="5xx"),
        pytest.param(lambda p: p.say("421 4.3.2 All server ports are busy"), "ports are busy", id="421"),
        pytest.param(lambda p: p.say("SSH-2.0-OpenSSH_9.2"), "no SMTP reply to our connection", id="not SMTP"),
        pytest.param(lambda p: p.say("x" * 200_000), "more than 65536 bytes", id="huge line"),
        pytest.param(lambda p: p.say(*["220-x" * 20] * 2000), "more than 65536 bytes", id="endless reply"),
    ],
)
def test_no_greeting(mx: Callable[[Serve], Endpoint], serve: Serve, said: str) -> None:
    answer = banner(mx(serve))
    assert not answer.ok
    assert not answer.ours
    assert said in answer.said


@pytest.mark.parametrize(
    ("replies", "said"),
    [
        ({"EHLO": ""}, "no answer to EHLO"),
        ({"MAIL": "452 4.3.1 Insufficient system storage"}, "answered MAIL with 452 4.3.1 Insufficient system storage"),
        ({"RCPT": "550 5.1.1 unknown user"}, "answered RCPT with 550 5.1.1 unknown user"),
        ({"RCPT": "451 4.3.0 lookup failure"}, "answered RCPT with 451 4.3.0 lookup failure"),
        ({"EHLO": "250-mx1|nonsense"}, "no SMTP reply to EHLO: 'nonsense'"),
    ],
)
def test_dialogue_that_fails(mx: Callable[[Serve], Endpoint], replies: dict[str, str], said: str) -> None:
    answer = dialogue(mx(greet(**replies)))
    assert not answer.ok
    assert answer.said.startswith(said)


@pytest.mark.parametrize(
    ("serve", "said"),
    [
        pytest.param(
            greet(RCPT="450 4.2.0 <u>: Greylisted, see http://postgrey.example/"), "greylists us: 450", id="postgrey"
        ),
        pytest.param(greet(RCPT="451 4.7.1 Try again later"), "greylists us: 451", id="rspamd"),
        pytest.param(
            greet(RCPT="450 4.3.2 Service currently unavailable"), "postscreen still tests us: 450", id="after 220"
        ),
        pytest.param(lambda p: p.say("421 4.3.2 mx1 drained, use mx2"), "drained on purpose: 421", id="drain"),
    ],
)
def test_not_now_is_no_failure(mx: Callable[[Serve], Endpoint], serve: Serve, said: str) -> None:
    answer = dialogue(mx(serve))
    assert answer.ok
    assert answer.said.startswith(said)


@pytest.mark.parametrize("look", [banner, dialogue])
def test_we_keep_silent_through_postscreens_wait(
    mx: Callable[[Serve], Endpoint], heard: list[str], look: Callable[[Endpoint], SmtpAnswer]
) -> None:
    """Its teaser line comes at once, the rest 6 s later; who speaks in between is blocklisted for it."""

    def serve(peer: Peer) -> None:
        peer.say("220-mx1 ESMTP")
        peer.hear()

    answer = look(mx(serve))
    assert (answer.ok, answer.said) == (True, "postscreen makes us wait: 220-mx1 ESMTP")
    assert heard == []


@pytest.mark.parametrize(("look", "said"), [(banner, "220 mx1 ESMTP"), (dialogue, "250 ok")])
def test_whoever_makes_us_wait_is_not_hung_up_on(
    mx: Callable[[Serve], Endpoint], heard: list[str], look: Callable[..., SmtpAnswer], said: str
) -> None:
    """case: postscreen with a greet banner: it logs HANGUP, and lets in for a day whoever has waited once."""

    def serve(peer: Peer) -> None:
        peer.say("220-mx1 ESMTP")
        time.sleep(PATIENCE_S + 0.1)
        assert heard == [], "nobody speaks before the greeting is whole"
        peer.say("220 mx1 ESMTP")
        peer.dialogue()

    answer = look(mx(serve), greet_s=30)
    assert (answer.ok, answer.said) == (True, "220 mx1 ESMTP mx1 ESMTP" if look is banner else said)
    assert heard[-1] == "QUIT"


def test_a_drip_within_the_dialogue_does_not_outlast_the_patience(mx: Callable[[Serve], Endpoint]) -> None:
    def serve(peer: Peer) -> None:
        peer.say("220 mx1")
        peer.hear()
        peer.drip(b"250-PIPELINING\r\n")

    assert dialogue(mx(serve)).said.startswith("no answer to EHLO")


def test_a_server_that_never_says_goodbye_costs_the_answer_nothing(mx: Callable[[Serve], Endpoint]) -> None:
    answer = banner(mx(greet(RSET="")))
    assert answer.ok
    assert answer.seconds < PATIENCE_S / 2


def test_refused_is_the_servers_fault() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        at = Endpoint("127.0.0.1", closed.getsockname()[1])
    answer = banner(at)
    assert (answer.ok, answer.ours, answer.said) == (False, False, f"connection refused at {at}")


@pytest.mark.parametrize(
    ("number", "ours"),
    [
        (errno.ENETUNREACH, True),
        (errno.ENETDOWN, True),
        (errno.EADDRNOTAVAIL, True),
        (errno.EMFILE, True),
        (errno.EHOSTUNREACH, False),
        (errno.ECONNRESET, False),
    ],
)
def test_whose_fault_it_is(monkeypatch: pytest.MonkeyPatch, number: int, ours: bool) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(smtp, "connect", fail)
    answer = banner(Endpoint("192.0.2.1", 25))
    assert (answer.ok, answer.ours) == (False, ours)


def test_a_resolver_that_hangs_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """getaddrinfo takes no time-out: 10 s and more with two dead name servers."""
    over = threading.Event()
    monkeypatch.setattr(smtp, "connect", lambda *_, **__: over.wait(10))
    answer = banner(Endpoint("mx1.lab.test", 25))
    over.set()
    assert (answer.ok, answer.ours) == (False, True)


@pytest.mark.parametrize("recipient", ["a@b\r\nDATA", "a b@c", "<a@b>", "nobody", ""])
def test_recipient_that_would_be_a_command(recipient: str) -> None:
    with pytest.raises(ConfigError, match="no recipient address"):
        SmtpLooker().dialogue(Endpoint("192.0.2.1", 25), recipient, patience_s=1)


def test_clock_is_aware_and_in_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)
