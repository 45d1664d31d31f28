"""Who plays a night: the controller with the product's own playbooks, and naive contestants beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

from failover.config.catalogue import list_all
from failover.config.playbooks import load_playbook
from failover.controller.cycle import cycle
from failover.controller.result import CycleResult
from failover.core.decide.verdict import Decision
from failover.core.fleet import Mode, Policy
from failover.core.mx import mx_set
from failover.core.runs.playbook import Playbook
from failover.errors import Refused
from failover.runs.service import Runs
from failover.world.machine import Machine
from failover.world.ports import ports
from failover.world.postfix import Queue
from failover.world.restarts import _begin
from failover.world.world import World
from tests.judge.deeds import Deeds
from tests.judge.scene import CRON, Scene
from tests.judge.truth import Truth

FOR_S = 50.0
"""`failover tick --for 50s`, as in deploy/."""
LONG = 50
"""SimpleLogin's alarm: more than 50 messages, more than 10 times at 60 s."""
TIMES = 10
SILENT = 3


@dataclass(frozen=True, slots=True)
class Page:
    at: float
    title: str
    text: str


@dataclass
class Played:
    deeds: Deeds
    pages: list[Page]
    notes: list[str] = field(default_factory=list)


@lru_cache
def playbooks() -> tuple[Playbook, ...]:
    return tuple(load_playbook(path) for path in list_all(None).values())


def ticks(world: World, every: float, truth: Truth, deeds: Deeds) -> Iterator[None]:
    while (at := (math.floor(world.now / every) + 1) * every) <= truth.ends and not truth.settled(deeds.done, at):
        world.advance(at - world.now)
        yield


def controller(scene: Scene, truth: Truth, told: Callable[[str], object] = lambda line: None) -> Played:
    """Its cycle in mode auto: from cron as a process of its own each minute, else resident."""
    world, deeds = scene.world, Deeds(scene.world)
    world.fleet = replace(world.fleet, policy=Policy(mode=Mode.AUTO))
    resident = Runs(ports(world, at_once=True), world.store)
    before = ""
    span = FOR_S if scene.every == CRON else 0.0
    for _ in ticks(world, scene.every, truth, deeds):
        if scene.every == CRON:
            world.store = world.store.reborn()
            resident = Runs(ports(world, world.store.samples(world.clock.now()), at_once=True), world.store)
        try:
            seen = _line(cycle(resident, playbooks(), budget_s=span, calm_s=span))
        except Refused:
            continue
        if seen != before:
            told(f"{world.now:.0f} s {seen}")
            before = seen
    return Played(deeds, _pages(world))


def _line(seen: CycleResult) -> str:
    hosts = "; ".join(f"{h} {d.state.value}: {d.summary}" for h, d in seen.situation.diagnoses().items())
    v = seen.verdict
    because = "" if v.kind is Decision.HOLD else f": {'; '.join(v.because)[:300]}"
    return f"{hosts} | {v.kind.value} {v.playbook or ''} {v.host or ''}{because}"


def _pages(world: World) -> list[Page]:
    """What wakes a person."""
    dawn = world.timeline.unix - world.now
    loud = ((at, m) for at, _, m in world.notifier.sent if m.severity != "info" and not m.resolves)
    return [Page(at.timestamp() - dawn, m.title, m.text) for at, m in loud]


# Naive ones ---------------------------------------------------------------------


@dataclass
class Naive:
    """Looks at the length of the queue each minute, pages by SimpleLogin's alarm, and does `act`."""

    act: Callable[[World, Deeds], None]
    long: dict[str, int] = field(default_factory=dict)
    silent: dict[str, int] = field(default_factory=dict)

    def __call__(self, scene: Scene, truth: Truth) -> Played:
        world, pages = scene.world, list[Page]()
        deeds = Deeds(world)
        for _ in ticks(world, 60.0, truth, deeds):
            self.act(world, deeds)
            for name, m in world.machines.items():
                pages += self._alarm(world, name, m)
        return Played(deeds, pages)

    def _alarm(self, world: World, name: str, m: Machine) -> Iterator[Page]:
        self.long[name] = self.long.get(name, 0) + 1 if waiting(m) > LONG else 0
        self.silent[name] = 0 if m.greets() else self.silent.get(name, 0) + 1
        if self.long[name] == TIMES + 1 or self.silent[name] == SILENT:
            yield Page(world.now, f"{name}: alarm", "")


def waiting(m: Machine) -> int:
    return len(m.postfix.of(Queue.INCOMING, Queue.ACTIVE))


def nothing(world: World, deeds: Deeds) -> None:
    pass


def flush(world: World, deeds: Deeds) -> None:
    for name, m in world.machines.items():
        if m.link_up and m.postfix.takes_mail:
            deeds.act("flush", name)
            m.postfix.flush()


def restart_all(world: World, deeds: Deeds) -> None:
    for name, m in world.machines.items():
        if m.link_up and waiting(m) > LONG:
            for what in ("restart:postfix", "restart:filter", "restart:handler"):
                deeds.act(what, name)
            for unit in ("postfix", "spamd", m.container):
                _begin(m, unit)


def move(world: World, deeds: Deeds) -> None:
    """The first MX is put behind all others."""
    zone = world.zone
    order = [name for _, name in sorted(zone.now.targets)]
    if waiting(world.machines[order[0].partition(".")[0]]) > LONG:
        before = zone.now
        zone.edit(mx_set(60, [(10 * n, name) for n, name in enumerate((*order[1:], order[0]), 1)]))
        deeds.moved(before, zone.now)


NAIVE = {
    "do nothing": nothing,
    "flush each minute": flush,
    "restart all on a long queue": restart_all,
    "move MX on a long queue": move,
}
