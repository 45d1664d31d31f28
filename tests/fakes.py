"""Ends of the ports that do as a test tells them: time, a remote, SMTP, a channel, a zone. A test of several hosts that
deliver mail takes `failover.world` instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from failover.actions.base import Ports
from failover.core.fleet import Channel, Endpoint, Fleet, Host
from failover.core.mx import MxSet
from failover.core.observe.signal import Samples
from failover.errors import Changed, OutcomeUnknown, Unreachable
from failover.ports import CheckLease, Message, Remote, Reply, SmtpAnswer, Tls, TlsAnswer, by_hand
from failover.world.faults import Moments

AT = datetime(2026, 11, 24, 3, 12, tzinfo=UTC)
Rows = tuple[tuple[str, ...], ...]


@dataclass
class Clock:
    """Sleeping is what lets time pass."""

    at: datetime = AT

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Scripted:
    """Answers every verb with the same rows, and remembers what it was asked."""

    rows: Rows = ()
    rc: int = 0
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def call(self, host: Host, verb: str, args: Mapping[str, str], *, limit_s: float) -> Reply:
        self.asked.append((verb, args))
        return Reply(verb, self.rc, self.rows)


class Silent:
    """Nobody listens."""

    def send(self, channel: Channel, message: Message) -> None: ...


def unseen(hosts: Iterable[str], names: frozenset[str] | None, waited: float = 0.0) -> Samples:
    return ()


def ports(fleet: Fleet, remote: Remote | None = None, look: Callable[..., Samples] = unseen) -> Ports:
    """Where nobody listens, and nothing is seen but what `look` shows."""
    return Ports(fleet, remote or Scripted(), Silent(), Clock(), look)


@dataclass
class Smtp:
    """The same answer at every host unless its address says otherwise."""

    answers: Mapping[str, SmtpAnswer] = field(default_factory=dict)
    shown: Mapping[str, TlsAnswer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def banner(self, at: Endpoint, *, patience_s: float) -> SmtpAnswer:
        self.asked.append(f"banner {at}")
        return self.answers.get(at.host, SmtpAnswer(True, "220 mx1 ESMTP", 0.009))

    def dialogue(self, at: Endpoint, recipient: str, *, patience_s: float) -> SmtpAnswer:
        self.asked.append(f"dialogue {at} {recipient}")
        return self.answers.get(at.host, SmtpAnswer(True, f"250 for {recipient}", 0.02))

    def certificate(self, at: Endpoint, *, patience_s: float) -> TlsAnswer:
        self.asked.append(f"certificate {at}")
        return self.shown.get(at.host, TlsAnswer(Tls.SHOWN, "shows a certificate", AT + timedelta(days=60)))


@dataclass
class Zone:
    """A zone in memory with the port's rules: it loses answers, others edit it, and whoever writes to it dies.

    `faults` are for the next swaps, one each; `before_swap` runs once, between the caller's read and its write.
    Right before and right after a write are moments at which the writer can die."""

    now: MxSet
    faults: list[str] = field(default_factory=list)
    before_swap: Callable[[], object] | None = None
    bad_names: Mapping[str, str] = field(default_factory=dict)
    swaps: int = 0
    history: list[MxSet] = field(default_factory=list)
    moments: Moments = field(default_factory=Moments)
    stale: MxSet | None = None
    shown: Mapping[str, MxSet | str] | None = None

    def mx(self, name: str) -> MxSet:
        if self.faults[:1] == ["unreadable"]:
            self.faults.pop(0)
            raise Unreachable("no route", try_="wait")
        return self.now

    def swap(self, name: str, *, expected: MxSet, wanted: MxSet, check_lease: CheckLease = by_hand) -> None:
        self._reads(expected, wanted)
        serial = len(self.history)
        check_lease()
        if edit := self.before_swap:
            self.before_swap = None
            edit()
            if len(self.history) != serial:
                return self.swap(name, expected=expected, wanted=wanted, check_lease=check_lease)
        fault = self.faults.pop(0) if self.faults else ""
        self.moments("swap")
        if fault == "lost":
            raise OutcomeUnknown("no answer", try_="look")
        self._reads(expected, wanted)
        self.edit(wanted)
        self.swaps += 1
        self.moments("swapped")
        if fault == "done, answer lost":
            raise OutcomeUnknown("no answer", try_="look")

    def _reads(self, *sets: MxSet) -> None:
        if self.now not in sets:
            raise Changed(f"{self.now} is there", try_="plan again")

    def edit(self, to: MxSet) -> None:
        self.now = to
        self.history.append(to)

    def seen(self, name: str) -> Mapping[str, MxSet | str]:
        return self.shown or {"192.0.2.53": self.now, "192.0.2.54": self.stale or self.now}

    def trouble(self, exchange: str) -> str | None:
        return self.bad_names.get(exchange)
