"""What each host answers to `look`, and the fleet that is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import current_thread

from failover.core.fleet import Domain, Endpoint, Fleet, Handler, Host, Role, Spam, SpamEngine
from failover.core.observe.signal import Outcome, Signal
from failover.dns.rfc2136 import Rfc2136
from failover.errors import FailoverError
from failover.ports import Reply
from failover.signals.family import Visit
from tests.fakes import AT

HEALTHY = """\
now 1795489920.5
postfix running
queue incoming 1
queue active 2
queue deferred 0
queue hold 4
queue maildrop 0
oldest 3
filter spamassassin -
frozen spamassassin 2 1 3 3
spam.ping ok 5 PONG
spam.scan ok 31 -
handler ok 12 220 mx1 Python SMTP 1.4.6
container running 812 2026-11-24T01:05:10.5Z 0 false 0 -
load 0.40 4
top 12 spamd 4242
disk 61 9000000000 /var/spool/postfix
debt saved 0
debt epoch 5
inodes 88 /var/spool/postfix"""


def host(name: str, last: int, **changes: object) -> Host:
    spam = Spam(SpamEngine.SPAMASSASSIN, Endpoint("127.0.0.1", 783), "spamd")
    handler = Handler(Endpoint("127.0.0.1", 20381), "Python SMTP", "sl-email")
    given: dict[str, object] = {"spam": spam, "handler": handler, **changes}
    role = Role.PRIMARY if last == 11 else Role.STANDBY
    return Host(name, role, f"192.0.2.{last}", **given)  # type: ignore[arg-type]


def fleet(*hosts: Host) -> Fleet:
    chosen = hosts or (host("mx1", 11), host("mx2", 12))
    return Fleet({h.name: h for h in chosen}, {"example.net": Domain("example.net", Rfc2136("192.0.2.53"))})


def visit(of: Host, *peers: Host, at: datetime = AT) -> Visit:
    """One host in one look, as a family's readers take it."""
    return Visit(fleet(of, *peers), of, at, peers=peers)


def position(host: str, value: str = "812:1000", ago_s: float = 60) -> Signal:
    """Where an earlier look found the end of its log."""
    return Signal(host, "log.position", host, Outcome.OK, "read", AT - timedelta(seconds=ago_s), value)


def facts(*changes: str, rc: int = 0) -> Reply:
    """The healthy look, with lines changed: a new line replaces the one with its key, `-key` takes one away."""
    lines = HEALTHY.splitlines()
    for change in changes:
        key = _key(change.removeprefix("-"))
        lines = [line for line in lines if _key(line) != key]
        lines += [] if change.startswith("-") else [change]
    return Reply("look", rc, tuple(_fields(line) for line in lines))


def _key(line: str) -> tuple[str, ...]:
    words = line.split(" ")
    return tuple(
        words[:3]
        if words[0] == "master"
        else words[:2]
        if words[0] in {"queue", "peer", "error", "frozen"}
        else words[:1]
    )


def _fields(line: str) -> tuple[str, ...]:
    """The last field of an answer may hold spaces."""
    most = {"handler": 3, "spam.ping": 3, "spam.scan": 3, "peer": 4, "error": 2, "because": 1}
    words = line.split(" ", 1)
    return (words[0], *words[1].split(" ", most.get(words[0], 9) - 1))


@dataclass
class Remote:
    """Answers `look` per host: facts, or the error to raise. Peers read healthy unless the facts say otherwise."""

    answers: Mapping[str, Reply | FailoverError] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)
    meanwhile: Callable[[Host], object] = lambda _: None

    def call(self, host: Host, verb: str, args: Mapping[str, str], *, limit_s: float) -> Reply:
        assert verb == "look"
        assert limit_s > 0
        self.asked.append((host.name, dict(args)))
        self.threads.add(current_thread().name)
        self.meanwhile(host)
        answer = self.answers.get(host.name, facts())
        if isinstance(answer, FailoverError):
            raise answer
        if answer.rc:
            return answer
        told = {row[1] for row in answer.rows if row[0] == "peer" and len(row) > 1}
        peers = [p for p in args.get("peers", "").split(",") if p and p not in told]
        return replace(answer, rows=(*answer.rows, *(("peer", p, "ok", "9", "220 hello") for p in peers)))
