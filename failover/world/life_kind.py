"""A kind of event in the life of a mail system, as a value, and its end."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from failover.world.layers import Layers
from failover.world.machine import Machine
from failover.world.postfix import Daemon
from failover.world.world import World

Cause = Callable[[World, str, random.Random], float]
"""Begin it now on this host; it ends by itself after the returned seconds."""

Lift = Callable[[], object]
BOTH = ("mx1", "mx2")
MINUTE, HOUR = 60.0, 3600.0


@dataclass(frozen=True, slots=True)
class Kind:
    """`span`: how long it lasts, from and to, in seconds. `pages`: how often it may wake a person.

    `hosts`: where it happens; trouble of the controller itself names the first, and means none.
    """

    name: str
    about: str
    cause: Cause
    span: tuple[float, float]
    hosts: tuple[str, ...] = BOTH
    pages: int = 0


def after(world: World, seconds: float, lifts: Iterable[Lift]) -> float:
    """Remove these influences after so many seconds."""
    for lift in lifts:
        world.timeline.after(seconds, lift)
    return seconds


def again_and_again(world: World, every: float, until: float, do: Callable[[], object]) -> None:
    """Now, and each `every` seconds, up to the world's second `until`."""

    def once() -> None:
        if world.now < until:
            do()
            world.timeline.after(every, once)

    once()


def at_random(world: World, chance: random.Random, count: int, seconds: float, do: Callable[[], object]) -> None:
    """So many times within these seconds, each by itself."""
    for _ in range(count):
        world.timeline.after(chance.uniform(0, seconds), lambda: do())


def down(world: World, layer: Layers[Daemon], seconds: float, state: Daemon = Daemon.DOWN, at: float = 0.0) -> None:
    """A daemon in this state for some seconds, beginning `at` seconds from now."""
    world.timeline.after(at, lambda: after(world, seconds, [layer.lay(state)]))


def off(world: World, layer: Layers[bool], seconds: float, at: float = 0.0) -> None:
    world.timeline.after(at, lambda: after(world, seconds, [layer.lay(False)]))


def busy(m: Machine, load: float, command: str, percent: float) -> list[Lift]:
    """`load`: what it adds to the one-minute load of the machine."""
    return [m.under.load.lay(load), m.under.busiest.lay((command, percent))]
