"""The controller is killed at any moment of a cycle: the next one leaves nothing half-done, and says what it left.

More rounds with FAILOVER_SOAK_KILLS.
"""

from __future__ import annotations

import os
import random
from dataclasses import replace
from functools import lru_cache

import pytest

from failover.core.runs.journal import RunState
from failover.world.incidents import INCIDENTS, Incident
from failover.world.world import World
from tests.world.invariants import Cause
from tests.world.nights import CRON, FOREVER, WATCH, Night, playbooks

pytestmark = pytest.mark.slow

ROUNDS = int(os.environ.get("FAILOVER_SOAK_KILLS", "4"))
CURED = [i for i in INCIDENTS.values() if i.cure]


def struck(incident: Incident, every: float, seed: int) -> Night:
    world = World(seed, horizon=2 * FOREVER)
    night, hosts = Night(world, every, playbooks()), ("mx1", "mx2") if incident.everywhere else ("mx1",)
    for host in hosts:
        world.traffic(rate=0.3, until=FOREVER, via=host)
    night.go(100)
    for host in hosts:
        night.invariants.causes.append(Cause(incident.cure, host, world.now, FOREVER))
        night.ends.append(incident.begin(world, host))
    return night


@lru_cache
def moments(name: str, every: float) -> int:
    """How many there are, undisturbed, from the incident to a cycle after its last run."""
    night = struck(INCIDENTS[name], every, 1)
    first, runs = len(night.world.moments.seen), 2 if INCIDENTS[name].everywhere else 1
    while len(night.runs) < runs:
        night.go(night.world.now + every)
    night.go(night.world.now + every)
    return len(night.world.moments.seen) - first


@pytest.mark.parametrize("incident", CURED, ids=lambda i: i.name)
def test_killed_anywhere_the_next_cycle_leaves_nothing_half_done(incident: Incident) -> None:
    for n in range(ROUNDS):
        chance = random.Random(f"{incident.name} {n}")
        every = chance.choice((CRON, CRON, WATCH))
        night = struck(incident, every, n)
        world, seen = night.world, len(night.world.moments.seen)
        world.moments.kill_at = seen + chance.randint(1, moments(incident.name, every))
        where = f"round {n}, every {every:g} s, killed at moment {world.moments.kill_at - seen}"
        while world.moments.kill_at is not None and world.now < 1200:
            night.go(world.now + every)
        assert world.now < 1200, f"{where}: it never came to that"
        night.go(world.now + every)
        running = [r.id for r in night.invariants.records() if night.invariants.view(r).state is RunState.RUNNING]
        assert not running, f"{where}: left open"
        night.invariants.settled()
        night.go(world.now + 300)
        night.invariants.at_the_end()
        for end in night.ends:
            end()
        world.advance(60)
        night.take_back()
        night.let_mail_through()
        assert not night.invariants.broken, f"{where}: {night.invariants.broken}"


@pytest.mark.parametrize("moment", ["after open", "after begun", "after intent"])
@pytest.mark.parametrize("name", ["filter-hung", "handler-down", "mx-cut"])
def test_nothing_is_begun_hours_later_on_a_host_that_is_well_again(name: str, moment: str) -> None:
    """The controller's machine went down right then, and stayed so; somebody has mended the host meanwhile."""
    night = struck(INCIDENTS[name], CRON, 1)
    world = night.world
    killed_at(night, moment)
    for end in night.ends:
        end()
    night.invariants.causes = [replace(c, ends=world.now) for c in night.invariants.causes]
    world.advance(2 * 3600)
    night.go(world.now + 300)
    assert not night.invariants.broken


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("filter-hung", "after open"),
        ("filter-hung", "after intent"),
        ("handler-down", "after open"),
        ("handler-down", "after intent"),
        ("mx-cut", "after intent"),
    ],
)
def test_nothing_is_begun_on_waking_up_from_a_long_sleep(name: str, moment: str) -> None:
    """The controller's machine is paused for 40 minutes right then; ten minutes into it the host is well again."""
    night = struck(INCIDENTS[name], CRON, 1)
    world, laws = night.world, night.world.moments.watch

    def watch(label: str) -> None:
        laws(label)
        if label.startswith(moment):
            world.moments.watch = laws
            world.at(world.now + 600, lambda: [end() for end in night.ends])
            night.invariants.causes = [replace(c, ends=world.now + 600) for c in night.invariants.causes]
            world.clock.suspend(40 * 60)

    world.moments.watch = watch
    night.go(1200)
    assert world.moments.watch is laws, "it never came to that"
    assert not night.invariants.broken


def killed_at(night: Night, moment: str) -> None:
    laws, moments = night.world.moments.watch, night.world.moments

    def watch(label: str) -> None:
        laws(label)
        if label.startswith(moment):
            moments.kill_at = len(moments.seen)
            moments.watch = laws

    moments.watch = watch
    while moments.watch is not laws and night.world.now < 1200:
        night.go(night.world.now + night.every)
