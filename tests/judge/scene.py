"""A night before its incident: a fleet with traffic, a cadence, some noise and some normal life; all by its seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from functools import partial

from failover.world.faults import Fault, FaultKind
from failover.world.life import KINDS
from failover.world.machine import Machine
from failover.world.remote import Call
from failover.world.world import World, fleet

FOREVER = 1e9
CRON = 60.0
SIZES = (2, 2, 2, 2, 2, 2, 3, 3, 4, 5)
MILD = (
    "deploy",
    "spamd-restart",
    "postfix-reload",
    "log-rotation",
    "certificate",
    "configured",
    "migration",
    "probe-queued",
    "sshd-restart",
    "greylisting",
    "bounces",
    "own-clock",
)
"""Normal life that hides no incident."""


class Scene:
    """`begins`: the second at which the incident begins. `cron`: looked at each minute, else each `every` seconds."""

    def __init__(self, name: str, seed: int, *, least: int = 2, mixes: bool = True) -> None:
        self.chance = chance = random.Random(f"{name} {seed}")
        self.cron = chance.random() < 0.6
        self.every = CRON if self.cron else chance.choice((5.0, 7.0, 10.0))
        size = max(least, chance.choice(SIZES))
        self.world = World(chance.randrange(1 << 30), horizon=2 * FOREVER, of=fleet(size - 1))
        self.hosts = list(self.world.machines)
        self.begins = chance.uniform(130, 200)
        self.story = [f"{size} hosts", "cron" if self.cron else f"watch {self.every:g} s"]
        self._flows()
        self.losing = chance.choice((0.0, 0.0, 0.01, 0.03)) if mixes else 0.0
        self._lost = random.Random(f"lost {name} {seed}")
        self.world.remote.hook = self._may_be_lost
        if mixes and chance.random() < 0.35:
            self.some_life(chance.choice(MILD), chance.uniform(60, self.begins + 120))

    def _flows(self) -> None:
        """Most mail for the first MX; the others have some of their own."""
        self.rate = 10 ** self.chance.uniform(-1.0, 0.0)
        self.world.traffic(rate=self.rate, until=FOREVER)
        for host in self.hosts[1:]:
            self.world.traffic(rate=self.rate * self.chance.uniform(0.1, 0.5), until=FOREVER, via=host)
        self.story.append(f"{self.rate:.2f} messages a second")

    def _may_be_lost(self, call: Call) -> Fault | None:
        if call.verb != "look" or self._lost.random() >= self.losing:
            return None
        return Fault(self._lost.choice((FaultKind.UNREACHABLE, FaultKind.CUT_UNDONE, FaultKind.CUT_DONE)))

    # What a class does with it ------------------------------------------------------

    @property
    def first(self) -> str:
        return self.hosts[0]

    def machine(self, host: str) -> Machine:
        return self.world.machines[host]

    def at(self, seconds: float, do: Callable[[], object]) -> None:
        """So many seconds from the incident's begin."""
        self.world.at(self.begins + seconds, do)

    def some_host(self) -> str:
        """The first more often than the others."""
        return self.chance.choice((self.first, self.first, *self.hosts))

    def two_hosts(self) -> tuple[str, str]:
        one, other = self.chance.sample(self.hosts, 2)
        return one, other

    def some_life(self, name: str, at: float) -> None:
        kind = KINDS[name]
        host = self.chance.choice(tuple(h for h in kind.hosts if h in self.hosts))
        self.story.append(f"{name} on {host} at {at:.0f} s")
        self.world.at(at, partial(kind.cause, self.world, host, self.chance))

    def mail(self, rate: float, seconds: float, send: Callable[[], object], at: float = 0.0) -> None:
        """More mail, from `at` seconds after the begin."""
        for _ in range(round(rate * seconds)):
            self.at(at + self.chance.uniform(0, seconds), send)

    def tell(self, *words: str) -> str:
        return "; ".join((*self.story, *words))

    def names(self, hosts: Iterable[str]) -> str:
        return ", ".join(hosts)
