"""`SmtpClient`: does this MX greet, and would it take mail for this recipient? One deadline for all.

Not smtplib: its time-out is per receive, so a byte a second lasts for ever.
"""

from __future__ import annotations

import platform
import re
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from failover.adapters.sock import OURS, connect
from failover.adapters.tls import NoCertificate, certificate_end
from failover.adapters.watchdog import Errand, Overdue, Stage
from failover.core.clean import clean
from failover.core.fleet import Endpoint
from failover.core.words import duration
from failover.errors import ConfigError, Fault
from failover.fence import fence
from failover.ports import SmtpAnswer, Tls, TlsAnswer

LONGEST = 64 * 1024
"""Most bytes of all replies; Postfix's longest EHLO answer is far below 1 KiB."""
SAID = 500
"""Most characters of a reply that are shown."""
PARTING_S = 1.0
GREET_S = 8.0
"""postscreen_greet_wait is 6 s (postconf(5)): its first line comes at once, the last one after that."""
WATCHDOG_S = 0.25

DRAINED = re.compile(r"drain", re.IGNORECASE)
GREYLISTED = re.compile(r"gr[ae]y.?list|try again later", re.IGNORECASE)
TESTED = re.compile(r"4\.3\.2 service currently unavailable", re.IGNORECASE)
"""postscreen's answer to RCPT while its tests past the greeting run (POSTSCREEN_README, "after 220 greeting")."""

Found = tuple[bool, str]
"""As in SmtpAnswer: ok, said."""


class _No(Exception):
    """The server failed a part of the dialogue; the text says which."""


class _Late(_No):
    """Time was up before it came."""


@dataclass(frozen=True, slots=True)
class _Reply:
    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip()


@dataclass(slots=True)
class _Until:
    """The deadline, monotonic; `greeting`: a later one for the end of a greeting that has begun."""

    by: float
    greeting: float


class _Talk:
    """Replies from a socket within one deadline. `begun`: the newest reply, as far as it came; `words`: the first word
    of each of its lines."""

    def __init__(self, sock: socket.socket, until: _Until) -> None:
        self._sock = sock
        self._until = until
        self._rest = b""
        self._size = 0
        self._whole = False
        self.begun: _Reply | None = None
        self.words: set[str] = set()

    def greeting(self) -> _Reply:
        """As `reply`, but a greeting that has begun is waited for longer: postscreen logs a client that hangs up during
        its wait, and lets one that waited in at once for a day."""
        try:
            return self.reply("our connection")
        except _Late:
            if self.begun is None or self.begun.code != 220:
                raise
            self._until.by = self._until.greeting
            return self._rest_of("our connection")

    def reply(self, to: str) -> _Reply:
        """The answer `to` a verb. Raises _No, OSError."""
        self.begun, self.words, self._whole = None, set(), False
        return self._rest_of(to)

    def _rest_of(self, to: str) -> _Reply:
        while True:
            line = self._line(to)
            if not re.match(rb"[2-5]\d\d([ -]|$)", line):  # RFC 5321, 4.2
                raise _No(f"no SMTP reply to {to}: {_printable(line)!r}")
            text = _printable(line[4:])
            self.words.add(text.partition(" ")[0].upper())
            self.begun = _Reply(int(line[:3]), f"{self.begun.text} {text}".strip()[:SAID] if self.begun else text)
            if line[3:4] != b"-":
                self._whole = True
                return self.begun

    def say(self, words: str) -> _Reply:
        self._send(words.encode() + b"\r\n")
        return self.reply(words.split()[0])

    def _send(self, data: bytes) -> None:
        self._sock.settimeout(self._left())
        self._sock.sendall(data)

    def starttls(self) -> datetime:
        """The end of the certificate, after STARTTLS was agreed. Raises as `certificate_end`."""
        self._whole = False  # no more is said in the open
        until, say = certificate_end(self._send, lambda: self._receive("TLS"))
        self._until.by = min(self._until.by, time.monotonic() + PARTING_S)
        with suppress(_No, OSError):
            say(b"QUIT\r\n")
        return until

    def part(self) -> None:
        """QUIT, so that its log has no "lost connection"; not while a reply is unfinished."""
        self._until.by = min(self._until.by, time.monotonic() + PARTING_S)
        with suppress(_No, OSError):
            for words in ("RSET", "QUIT") if self._whole else ():
                self.say(words)

    def _line(self, to: str) -> bytes:
        while b"\n" not in self._rest:
            self._rest += self._receive(to)
        line, _, self._rest = self._rest.partition(b"\n")
        return line.rstrip(b"\r")

    def _receive(self, to: str) -> bytes:
        self._sock.settimeout(self._left())
        try:
            data = self._sock.recv(4096)
        except TimeoutError:
            raise _Late(f"no answer to {to}") from None
        self._size += len(data)
        if not data:
            raise _No(f"closed the connection at {to}")
        if self._size > LONGEST:
            raise _No(f"no SMTP reply to {to}: more than {LONGEST} bytes")
        return data

    def _left(self) -> float:
        return max(0.001, self._until.by - time.monotonic())


class SmtpLooker:
    """Never raises for what a server or a network does. Answers within the patience, even if bytes drip; within
    `greet_s` if a greeting has begun by then."""

    def __init__(self, helo: str | None = None, *, greet_s: float = GREET_S) -> None:
        """`helo`: our name; by default this machine's own, without a look-up."""
        self._helo = helo or platform.node() or "localhost"
        self._greet_s = greet_s

    def banner(self, at: Endpoint, *, patience_s: float) -> SmtpAnswer:
        return _look(at, _banner, patience_s, self._greet_s)

    def dialogue(self, at: Endpoint, recipient: str, *, patience_s: float) -> SmtpAnswer:
        """With the null sender, so that nothing can bounce to anybody.

        Raises ConfigError when `recipient` cannot be put into an SMTP command; nothing was sent then.
        """
        if not re.fullmatch(r"[^\s<>\x00-\x1f\x7f]+@[^\s<>\x00-\x1f\x7f]+", recipient):
            raise ConfigError(f"no recipient address: {recipient!r}", try_="write it as postmaster@example.net")
        verbs = (f"EHLO {self._helo}", "MAIL FROM:<>", f"RCPT TO:<{recipient}>")
        return _look(at, lambda talk: _dialogue(talk, verbs), patience_s, self._greet_s)

    def certificate(self, at: Endpoint, *, patience_s: float) -> TlsAnswer:
        shown = _Shown()
        answer = _look(at, lambda talk: _starttls(talk, f"EHLO {self._helo}", shown), patience_s, self._greet_s)
        return TlsAnswer(shown.tls, answer.said, shown.until)


@dataclass(slots=True)
class _Shown:
    """The progress of STARTTLS."""

    tls: Tls = Tls.UNKNOWN
    until: datetime | None = None


def _starttls(talk: _Talk, hello: str, shown: _Shown) -> Found:
    if (found := _greeted(talk)) is not None:
        return found
    reply = talk.say(hello)
    if reply.code >= 500 or (reply.code == 250 and "STARTTLS" not in talk.words):
        shown.tls = Tls.NOT_OFFERED
        return True, "offers no STARTTLS"
    if reply.code != 250:
        return _judged("EHLO", reply)
    try:
        return _shaken(talk, shown)
    except _Late:
        raise
    except (_No, ConnectionError):
        shown.tls = Tls.BROKEN
        raise


def _shaken(talk: _Talk, shown: _Shown) -> Found:
    reply, said = talk.say("STARTTLS"), "offers STARTTLS, and "
    if reply.code != 220:
        shown.tls = Tls.BROKEN
        return False, f"{said}answers it with {reply}"
    try:
        shown.until = talk.starttls()
    except (ssl.SSLError, NoCertificate) as e:
        shown.tls = Tls.BROKEN
        why = f"no TLS comes about ({e.reason or type(e).__name__})" if isinstance(e, ssl.SSLError) else str(e)
        return False, said + why
    shown.tls = Tls.SHOWN
    return True, "shows a certificate"


def _banner(talk: _Talk) -> Found:
    return _greeted(talk) or (True, str(talk.begun))


def _dialogue(talk: _Talk, verbs: tuple[str, ...]) -> Found:
    found = _greeted(talk)
    for words in verbs if found is None else ():
        reply = talk.say(words)
        if not 200 <= reply.code < 300:
            return _judged(words.split()[0], reply)
    return found or (True, str(talk.begun))


def _greeted(talk: _Talk) -> Found | None:
    """None: a whole 220 came. We send nothing before it: postscreen blocklists clients that talk too early."""
    try:
        reply = talk.greeting()
    except _Late:
        if talk.begun is not None and talk.begun.code == 220:
            return True, f"postscreen makes us wait: 220-{talk.begun.text}"
        raise
    return None if reply.code == 220 else _judged("our connection", reply)


def _judged(to: str, reply: _Reply) -> Found:
    """A healthy server may say "not now": waiting, greylisting, our own drain."""
    if reply.code == 421 and DRAINED.search(reply.text):
        return True, f"drained on purpose: {reply}"
    if to == "RCPT" and reply.code in (450, 451) and GREYLISTED.search(reply.text):
        return True, f"greylists us: {reply}"
    if to == "RCPT" and reply.code == 450 and TESTED.search(reply.text):
        return True, f"postscreen still tests us: {reply}"
    return False, f"answered {to} with {reply}"


def _look(at: Endpoint, ask: Callable[[_Talk], Found], patience_s: float, greet_s: float) -> SmtpAnswer:
    began = time.monotonic()
    try:
        with fence(str(at)):
            return _looked(at, ask, patience_s, _Until(began + patience_s, began + max(patience_s, greet_s)))
    except Fault as e:
        return SmtpAnswer(False, str(e), time.monotonic() - began, ours=True)


def _looked(at: Endpoint, ask: Callable[[_Talk], Found], patience_s: float, until: _Until) -> SmtpAnswer:
    began = time.monotonic()
    errand: Errand[SmtpAnswer] = Errand()

    def answer(ok: bool, said: str, *, ours: bool = False) -> SmtpAnswer:
        return SmtpAnswer(ok, said, time.monotonic() - began, ours)

    def work() -> SmtpAnswer:
        with connect(at.host, at.port, timeout_s=patience_s) as sock:
            errand.holds(sock)
            errand.at(Stage.GREET)
            talk = _Talk(sock, until)
            found = answer(*ask(talk))
            talk.part()
            return found

    try:
        return errand.run(work, lambda _: until.by + WATCHDOG_S)
    except _No as e:
        return answer(False, f"{e}, after {duration(time.monotonic() - began)}")
    except Overdue as e:  # only the resolver takes longer than it may
        return answer(False, f"no end at {at} in {duration(e.seconds)}", ours=e.stage is Stage.CONNECT)
    except socket.gaierror as e:
        return answer(False, f"cannot resolve {at.host}: {e.strerror}", ours=True)
    except TimeoutError:
        return answer(False, f"no connection for {duration(time.monotonic() - began)}")
    except OSError as e:
        return answer(False, f"{(e.strerror or str(e)).lower()} at {at}", ours=e.errno in OURS)


def _printable(raw: bytes, longest: int = 300) -> str:
    return clean(raw[:longest].decode("utf-8", "replace")).strip()
