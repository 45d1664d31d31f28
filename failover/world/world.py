"""The whole simulated world: MX hosts, senders, the controller's ports, and an account of every message."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from failover.core.drill import Received, Sent, Tally, count
from failover.core.fleet import Channel, Domain, Endpoint, Fleet, Handler, Host, Policy, Role, Spam, SpamEngine
from failover.dns.rfc2136 import Rfc2136
from failover.world.faults import Moments
from failover.world.machine import Machine
from failover.world.network import Network
from failover.world.postfix import HOME, HOMES, Daemon, Files, Queue, Session
from failover.world.remote import WorldNotifier, WorldRemote, WorldSmtp, greet
from failover.world.store import MemoryStore
from failover.world.timeline import Timeline, WorldClock
from failover.world.zone import WorldZone, usual

SENDER_RETRY = 30.0


def fleet(standbys: int = 1, domains: Iterable[str] = (HOME,)) -> Fleet:
    """The lab's fleet: mx1 and mx2, each with its own SpamAssassin and handler; or with more standbys and domains."""
    roles = [Role.PRIMARY, *[Role.STANDBY] * standbys]
    return Fleet(
        hosts={h.name: h for h in (_host(f"mx{i}", role, 10 + i) for i, role in enumerate(roles, 1))},
        domains={d: Domain(d, Rfc2136("10.77.0.53"), ("10.77.0.54",)) for d in domains},
        policy=Policy(),
        notify=(Channel("stderr"),),
    )


def _host(name: str, role: Role, last: int) -> Host:
    return Host(
        name,
        role,
        f"10.77.0.{last}",
        mx=f"{name}.lab.test",
        spam=Spam(SpamEngine.SPAMASSASSIN, Endpoint("127.0.0.1", 783), "spamd"),
        handler=Handler(Endpoint("127.0.0.1", 20381), "Python SMTP", "sl-email"),
    )


class World:
    """Deterministic: the same seed and the same acts give the same history. Times are seconds since it began."""

    def __init__(self, seed: int = 0, *, horizon: float = 24 * 3600.0, of: Fleet | None = None) -> None:
        self.random = random.Random(seed)  # noqa: S311  (a seeded history is the point)
        self.timeline = Timeline(horizon=horizon)
        self.fleet = of or fleet()
        self.received: list[Received] = []
        self.sent: list[Sent] = []
        self.machines = {h.name: self._machine(h) for h in self.fleet.hosts.values()}
        self.moments = Moments()
        self.clock = WorldClock(self.timeline)
        self.network = Network(self.timeline, self.random)
        self.remote = WorldRemote(self.machines, self.timeline, self.moments, self.network)
        self.smtp = WorldSmtp(self.machines, self.timeline, self.network)
        self.notifier = WorldNotifier(self.timeline, self.network)
        self.zones = {d: WorldZone(self.network, self.moments, usual(self.fleet.hosts)) for d in self.fleet.domains}
        self.store = MemoryStore(moments=self.moments)
        self.pristine = self.files()
        self.bounced = 0
        """Messages that an MX refused for good."""
        self.quiet_until = 0.0
        """No mail comes until then."""
        self._sessions: dict[str, Session] = {}
        self._seq = 0

    @classmethod
    def august_11(cls, seed: int = 0, *, rate: float = 1.0, hang_at: float = 10.0, until: float = 600.0) -> World:
        """Traffic of `rate` messages a second up to `until`; the spam filter of mx1 hangs at `hang_at`."""
        world = cls(seed)
        world.traffic(rate=rate, until=until)
        world.at(hang_at, lambda: world.spamd("mx1", Daemon.HUNG))
        return world

    def _machine(self, host: Host) -> Machine:
        m = Machine(host.name, self.timeline, self.random, self.received.append)
        m.address = host.address
        m.see_peer = lambda address: greet(self._by_address(address), 5.0) if m.link_up else greet(None, 5.0)
        return m

    def _by_address(self, address: str) -> Machine | None:
        ip = address.rsplit(":", 1)[0]
        return next((m for m in self.machines.values() if m.address == ip), None)

    # Time and faults -----------------------------------------------------------

    @property
    def now(self) -> float:
        return self.timeline.now

    @property
    def zone(self) -> WorldZone:
        """Of the first domain."""
        return next(iter(self.zones.values()))

    def at(self, when: float, do: Callable[[], object]) -> None:
        self.timeline.at(when, do)

    def advance(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    def spamd(self, host: str, state: Daemon) -> None:
        self.machines[host].under.spamd.rest(state)

    def handler(self, host: str, state: Daemon) -> None:
        self.machines[host].under.handler.rest(state)

    def rewire(self, host: str, wiring: str) -> None:
        self.machines[host].rewire(wiring)
        self.pristine = self.files()

    def reborn(self) -> MemoryStore:
        """A new process with the same store, after the controller died."""
        self.moments.kill_at, self.moments.dead = None, False
        self.store = self.store.reborn()
        return self.store

    # Mail ----------------------------------------------------------------------

    def traffic(self, *, rate: float, until: float, long_sessions: float = 0.2, via: str | None = None) -> None:
        """Messages at random intervals to one or two recipients; a share of them in sessions that outlive reloads."""

        def next_one() -> None:
            if self.now < self.quiet_until:
                self.timeline.at(self.quiet_until, next_one)
            elif self.now < until:
                self.send(long=self.random.random() < long_sessions, via=via)
                self.timeline.after(self.random.expovariate(rate), next_one)

        self.timeline.after(self.random.expovariate(rate), next_one)

    def send(self, *, long: bool = False, to: tuple[str, ...] = (), via: str | None = None) -> str:
        """Send one message, by default to our domain; returns its number. `via`: the MX that the sender tries first."""
        self._seq += 1
        seq = f"{self._seq:05d}"
        if not to:
            names, homes = ("ann", "bob", "cas", "dee"), [d for d in self.fleet.domains if d in HOMES]
            home = homes[0] if len(homes) == 1 else self.random.choice(homes)
            to = tuple(f"{n}@{home}" for n in self.random.sample(names, self.random.choice((1, 1, 2))))
        self._offer(seq, to, long, via)
        return seq

    def _offer(self, seq: str, to: tuple[str, ...], long: bool, via: str | None) -> None:
        """As senders do: the preferred MX, else the next one, else later."""
        for m in self._tried(to[0].rpartition("@")[2], via):
            if m.greets() and m.refuses.startswith("5"):
                self.bounced += 1
                return
            if not m.refuses and m.greets():
                m.postfix.accept(seq, to, self._session(m) if long else None)
                self.sent.append(Sent(seq, to, self.timeline.unix))
                return
        self.timeline.after(SENDER_RETRY, lambda: self._offer(seq, to, long, via))

    def _tried(self, domain: str, via: str | None) -> list[Machine]:
        """Every MX once, in the present order of the zone; there is no cache."""
        zone = self.zones.get(domain, self.zone)
        named = dict.fromkeys(name.split(".")[0] for _, name in sorted(zone.now.targets))
        order = [via, *(n for n in named if n != via)] if via else list(named)
        return [self.machines[n] for n in order if n in self.machines]

    def _session(self, m: Machine) -> Session:
        known = self._sessions.get(m.name)
        if known is None or known.until <= self.now:
            known = self._sessions[m.name] = m.postfix.session(self.random.uniform(20, 120))
        return known

    # The account ---------------------------------------------------------------

    def ledger(self) -> Tally:
        """Accepted against received messages; mail on hold counts as missing."""
        return count(self.sent, self.received)

    def drain(self, within: float = 3600.0) -> bool:
        """Let time pass until nothing but mail on hold is queued; False if that never comes."""
        busy = (Queue.INCOMING, Queue.ACTIVE, Queue.DEFERRED, Queue.MAILDROP)
        empty = lambda: not any(m.postfix.of(*busy) for m in self.machines.values())  # noqa: E731
        return self.timeline.run_until(self.now + within, stop=empty)

    def files(self) -> dict[str, Files]:
        return {name: m.snapshot() for name, m in self.machines.items()}
