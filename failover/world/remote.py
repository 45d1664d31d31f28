"""The Remote, SmtpClient and Notifier ports of the simulated world, with faults."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from failover.core.fleet import Channel, Endpoint, Host
from failover.errors import OutcomeUnknown, Unreachable
from failover.ports import Message, Reply, SmtpAnswer, Tls, TlsAnswer
from failover.world.faults import Fault, FaultKind, Moments
from failover.world.machine import Machine, Process, Sshd
from failover.world.network import Network
from failover.world.script import process
from failover.world.timeline import Timeline

TRIP = 0.02
"""There and back, seconds."""
CONNECT_PATIENCE = 3.0
ODD = 1
"""The exit code of a shell when the disk is full; not one of ours."""
GRACE = 2.0
"""Seconds after a call's limit, for an answer that is on its way."""


@dataclass(frozen=True, slots=True)
class Call:
    number: int
    host: str
    verb: str
    args: Mapping[str, str]
    began: float


@dataclass
class WorldRemote:
    """`faults` by the number of the call, from 1; `hook` decides for calls that it recognises."""

    machines: Mapping[str, Machine]
    timeline: Timeline
    moments: Moments
    network: Network
    faults: dict[int, Fault] = field(default_factory=dict)
    hook: Callable[[Call], Fault | None] = lambda call: None
    calls: list[Call] = field(default_factory=list)

    def call(self, host: Host, verb: str, args: Mapping[str, str], *, limit_s: float) -> Reply:
        args = {"limit": str(math.ceil(limit_s)), **args}
        call = Call(len(self.calls) + 1, host.name, verb, args, self.timeline.now)
        self.calls.append(call)
        self.moments(f"before call {verb}")
        fault = self.faults.get(call.number) or self.hook(call)
        m = self.machines[host.name]
        self._connect(m, fault, limit_s)
        reply = self._run(m, call, fault, limit_s)
        self.moments(f"after call {verb}")
        return reply

    def _connect(self, m: Machine, fault: Fault | None, limit_s: float) -> None:
        patience = min(limit_s, CONNECT_PATIENCE)
        self.network.try_(m.name, patience)
        if not m.link_up or m.sshd is Sshd.HUNG or (fault and fault.kind is FaultKind.UNREACHABLE):
            self._pass(patience)
            raise Unreachable(f"cannot connect to {m.name}: no answer in {patience:g} s", try_="check its network")
        if m.sshd is Sshd.REFUSED or (m.sshd_full and m.rng.random() < m.sshd_full):
            self._pass(TRIP)
            raise Unreachable(f"cannot connect to {m.name}: connection refused", try_="check its sshd")
        self._pass(TRIP)

    def _run(self, m: Machine, call: Call, fault: Fault | None, limit_s: float) -> Reply:
        p = process(m, call.verb, call.args)
        kind = fault.kind if fault else None
        if fault and kind is FaultKind.CUT_LATE:
            self.timeline.after(fault.seconds, p.go)
        elif fault and kind is FaultKind.DIES:
            p.killed_at = fault.at
            p.go()
        elif fault and kind is FaultKind.STALLS:
            p.stall = (fault.at, fault.seconds)
            p.go()
        elif kind is not FaultKind.CUT_UNDONE:
            p.go()
        self.moments(f"during call {call.verb}")
        if fault and kind is FaultKind.FULL:
            m.full_until = self.timeline.now + fault.seconds
        if kind in {FaultKind.CUT_UNDONE, FaultKind.CUT_LATE}:
            self._pass(TRIP)
            raise _unknown(m, call.verb, "the connection broke")
        answer = self._answer(m, p, call.verb, limit_s, lost=kind is FaultKind.CUT_DONE)
        return replace(answer, rc=ODD) if kind is FaultKind.ODD else answer

    def _answer(self, m: Machine, p: Process, verb: str, limit_s: float, *, lost: bool) -> Reply:
        """An answer, or the end of patience: a dead process closes at once, a lost answer never comes."""
        ended = self.timeline.run_until(
            self.timeline.now + limit_s + GRACE,
            stop=lambda: not p.alive and m.link_up and self.network.up and not lost,
        )
        if not ended:
            raise _unknown(m, verb, f"no whole answer in {limit_s:g} s")
        if p.rc is None:
            raise _unknown(m, verb, "the answer was cut off")
        return Reply(verb, p.rc, tuple(p.rows))

    def _pass(self, seconds: float) -> None:
        self.timeline.run_until(self.timeline.now + seconds)


def _unknown(m: Machine, verb: str, why: str) -> OutcomeUnknown:
    return OutcomeUnknown(f"{m.name}: {verb} was sent, {why}", try_="look before trying again")


@dataclass
class WorldSmtp:
    """`blind`: hosts whose port 25 the controller alone cannot reach."""

    machines: Mapping[str, Machine]
    timeline: Timeline
    network: Network
    blind: set[str] = field(default_factory=set)

    def banner(self, at: Endpoint, *, patience_s: float) -> SmtpAnswer:
        began = self.timeline.now
        try:
            self.network.try_(str(at), patience_s)
        except Unreachable as e:
            ours = not self.network.up and self.network.noticed
            return SmtpAnswer(ok=False, said=str(e), seconds=self.timeline.now - began, ours=ours)
        found = self._at(at)
        outcome, ms, said = greet(None if found and found.name in self.blind else found, patience_s)
        self.timeline.run_until(self.timeline.now + float(ms) / 1000)
        return SmtpAnswer(ok=outcome == "ok", said=said, seconds=float(ms) / 1000)

    def dialogue(self, at: Endpoint, recipient: str, *, patience_s: float) -> SmtpAnswer:
        answer, m = self.banner(at, patience_s=patience_s), self._at(at)
        if not answer.ok or m is None:
            return answer
        return SmtpAnswer(ok=not m.refuses, said=m.refuses or "250 2.1.5 Ok", seconds=answer.seconds)

    def certificate(self, at: Endpoint, *, patience_s: float) -> TlsAnswer:
        """The answer takes no time."""
        m = self._at(at)
        outcome, _, said = greet(m, patience_s)
        if m is not None and m.certificate is not None and outcome == "ok" and self.network.up:
            return TlsAnswer(Tls.SHOWN, "shows its certificate", m.certificate)
        greets = outcome == "ok" and self.network.up
        return TlsAnswer(Tls.NOT_OFFERED, "offers no STARTTLS") if greets else TlsAnswer(Tls.UNKNOWN, said)

    def _at(self, at: Endpoint) -> Machine | None:
        return next((m for m in self.machines.values() if m.address == at.host), None)


def greet(m: Machine | None, patience_s: float) -> tuple[str, str, str]:
    """OUTCOME, MS, BANNER of a connection to port 25; the length of the queue does not matter."""
    if m is not None and m.link_up and m.port_open and not m.postfix.running:
        return "refused", "1", "connection refused"
    if m is None or not m.greets():
        return "timeout", str(int(patience_s * 1000)), f"no answer in {patience_s:g} s"
    return "ok", "3", f"220 {m.name}.lab.test ESMTP Postfix"


@dataclass
class WorldNotifier:
    """Keeps the messages. `fails`: raises the errors of a channel."""

    timeline: Timeline
    network: Network
    sent: list[tuple[datetime, Channel, Message]] = field(default_factory=list)
    fails: Callable[[Channel, Message], None] = lambda channel, message: None

    def send(self, channel: Channel, message: Message) -> None:
        self.network.try_(channel.id)
        self.fails(channel, message)
        self.sent.append((self.timeline.datetime, channel, message))
