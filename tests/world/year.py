"""Random nights: some normal life, sometimes an incident, a pause, a controller that is killed; each by its seed alone.

python -m tests.world.year SEED [SEED]     plays these nights, and tells what happened in them
"""

from __future__ import annotations

import math
import random
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from failover.core.decide.past import Pause
from failover.world.incidents import INCIDENTS, Incident
from failover.world.life import KINDS
from failover.world.life_kind import Kind
from failover.world.world import World
from tests.world.invariants import Cause
from tests.world.nights import CRON, FOREVER, WATCH, Night, going_back_by_itself, playbooks

MINUTE, HOUR = 60.0, 3600.0
LEAST_S, SPAN = 20 * MINUTE, {CRON: (HOUR / 3, 2 * HOUR), WATCH: (15 * MINUTE, 30 * MINUTE)}
"""From, to; short ones more often than long ones."""
BLIND = {"quiet", "suspended", "own-link", "own-link-flaps", "packet-loss", "pager-down", "firewall"}
"""Kinds in which an incident may well go unnoticed for a while."""


@dataclass
class Played:
    """What one night came to. `broken`: laws that did not hold in it."""

    seed: int
    story: list[str]
    cycles: int = 0
    hours: float = 0.0
    runs: Counter[str] = field(default_factory=Counter)
    incidents: int = 0
    kills: int = 0
    pages: int = 0
    mails: int = 0
    broken: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"night {self.seed} ({'; '.join(self.story)})"


class Play:
    """One night, or several in a row in the same world, from its seed."""

    def __init__(self, seed: int) -> None:
        self.chance = chance = random.Random(seed)
        every = CRON if chance.random() < 0.95 else WATCH
        books = playbooks() if chance.random() < 0.5 else going_back_by_itself(playbooks())
        self.world = World(seed, horizon=2 * FOREVER)
        self.night = Night(self.world, every, books)
        self.played = Played(seed, ["cron" if every == CRON else "watch"])
        self.world.traffic(rate=10 ** chance.uniform(-2, -0.4), until=FOREVER)

    def __call__(self, nights: int = 1) -> Played:
        for _ in range(nights):
            self.dusk()
            self.night.go(self.ends_at)
            self.night.go(self.over + 2 * MINUTE)
            for end in self.night.ends:
                end()
            self.night.go(self.world.now + (25 if self.night.ends else 6) * MINUTE)  # 15 until it may go back
            self.morning()
        self.night.let_mail_through()
        self.count()
        return self.played

    def dusk(self) -> None:
        """What will be tonight."""
        self.began = self.world.now
        self.ends_at = self.over = self.began + math.exp(self.chance.uniform(*map(math.log, SPAN[self.night.every])))
        self.some_life()
        if self.chance.random() < 0.4:
            self.an_incident(self.chance.choice(list(INCIDENTS.values())))
        if self.chance.random() < 0.1:
            self.world.at(self.at_some_time(), self.pause)
        if self.chance.random() < 0.15:
            self.world.at(self.at_some_time(), self.kill)

    def at_some_time(self) -> float:
        return self.chance.uniform(self.began + 2 * MINUTE, self.ends_at - 5 * MINUTE)

    # What happens -----------------------------------------------------------------

    def some_life(self) -> None:
        for name in self.chance.sample(sorted(KINDS), self.chance.choice((0, 1, 1, 2, 2, 3, 4))):
            kind, at = KINDS[name], self.at_some_time()
            host = self.chance.choice(kind.hosts)
            self.played.story.append(f"{name} {host} at {at:.0f}")
            self.world.at(at, partial(self.begin, kind, host))

    def begin(self, kind: Kind, host: str) -> None:
        self.over = max(self.over, self.world.now + kind.cause(self.world, host, self.chance))

    def an_incident(self, incident: Incident) -> None:
        begins, ends = self.at_some_time(), self.ends_at + 2 * HOUR
        hosts = list(self.world.machines) if incident.everywhere else [self.chance.choice(("mx1", "mx1", "mx2"))]
        self.played.story.append(f"{incident.name} {','.join(hosts)} at {begins:.0f}")
        self.played.incidents += len(hosts)
        for host in hosts:
            self.night.invariants.causes.append(Cause(incident.cure, host, begins, ends, steady=not incident.again))
            self.world.at(begins, partial(self.strike, incident, host))

    def strike(self, incident: Incident, host: str) -> None:
        self.night.ends.append(incident.begin(self.world, host))

    def pause(self) -> None:
        now, host = self.world.clock.now(), self.chance.choice((None, "mx1", "mx2"))
        until = now + timedelta(minutes=self.chance.uniform(5, 60))
        self.played.story.append(f"pause of {host or 'all'} at {self.world.now:.0f}")
        self.world.store.pause(Pause(host, "ann", "works on it", now, until))

    def kill(self) -> None:
        self.played.story.append(f"kill at {self.world.now:.0f}")
        self.played.kills += 1
        self.world.moments.kill_at = len(self.world.moments.seen) + self.chance.randint(1, 40)

    # What it came to --------------------------------------------------------------

    def morning(self) -> None:
        """A person looks at what the night has left, and takes back what still stands."""
        self.night.invariants.at_the_end()
        self.somebody_cared()
        self.night.take_back()
        self.night.ends.clear()
        self.played.hours += (self.world.now - self.began) / HOUR

    def somebody_cared(self) -> None:
        """An incident of tonight that lasts is cured, or a person knows: never neither."""
        laws, names = self.night.invariants, {s.split()[0] for s in self.played.story}
        said = " ".join(m.title for m in self.night.pages)
        for c in (c for c in laws.causes if c.steady and c.begins >= self.began):
            cured = any(r.plan.playbook == c.playbook and laws.host(r) == c.host for r in laws.records())
            if not cured and c.host not in said and self.over - c.begins > LEAST_S and not names & BLIND:
                laws.fail(f"{c.host} was sick from {c.begins:.0f} s, and nobody did or said anything")

    def count(self) -> None:
        p = self.played
        p.cycles, p.pages, p.mails = self.night.turns, len(self.night.pages), len(self.world.sent)
        p.runs.update(self.night.runs)
        p.broken = self.night.invariants.broken


def play(seed: int, nights: int = 1) -> Played:
    try:
        return Play(seed)(nights)
    except BaseException as e:
        e.add_note(f"in night {seed}: python -m tests.world.year {seed}")
        raise


def figures(nights: Iterable[Played]) -> str:
    played = list(nights)
    runs = sum((p.runs for p in played), Counter[str]())
    pages = sum(p.pages for p in played) / max(1, len(played))
    return (
        f"{len(played)} nights, {sum(p.hours for p in played):.0f} h, {sum(p.cycles for p in played)} cycles, "
        f"{sum(p.mails for p in played)} mails, {sum(p.incidents for p in played)} incidents, "
        f"{sum(p.kills for p in played)} kills, "
        f"runs: {', '.join(f'{n} {name}' for name, n in sorted(runs.items())) or 'none'}, "
        f"{pages:.2f} pages a night, {sum(len(p.broken) for p in played)} violations"
    )


def main(seeds: list[str]) -> None:
    for seed in seeds:
        p = Play(int(seed))
        done = p()
        print(done, f"{done.cycles} cycles", *done.broken, sep="\n  ")  # noqa: T201
        for r in p.night.invariants.records():
            print("  run", r.id, r.opened, p.night.invariants.view(r).state.value)  # noqa: T201
        for at, _, m in p.world.notifier.sent:
            print(f"  {at:%H:%M:%S}", m.severity, "over" if m.resolves else "", m.title)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
