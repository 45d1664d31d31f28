"""Normal life is not an incident: the unattended controller sees all of it, acts on none, and wakes hardly anybody.

One seed of each kind here; with script/soak many, and also for the resident controller that looks every 10 s.
"""

from __future__ import annotations

import os
import random

import pytest

from failover.core.playbook import Playbook
from failover.world.incidents import INCIDENTS, Incident
from failover.world.life import KINDS
from failover.world.life_kind import Kind
from failover.world.world import World
from tests.world.invariants import Cause
from tests.world.nights import CRON, FOREVER, WATCH, Night, going_back_by_itself, playbooks

MINUTE = 60.0
SEEDS = range(int(os.environ.get("FAILOVER_SOAK_LIFE", "5")))


def lived(kind: Kind, every: float, seed: int) -> tuple[Night, str]:
    """Some minutes of quiet, the event, and twenty minutes more."""
    chance = random.Random(f"{kind.name} {every} {seed}")
    world, host = World(seed, horizon=2 * FOREVER), chance.choice(kind.hosts)
    night = Night(world, every)
    world.traffic(rate=10 ** chance.uniform(-2, -0.4), until=FOREVER)
    night.go(3 * MINUTE + chance.uniform(0, 60))
    lasts = kind.cause(world, host, chance)
    night.go(world.now + lasts + 20 * MINUTE)
    return night, f"{kind.name} on {host}, every {every:g} s, seed {seed}"


def is_nothing(kind: Kind, every: float, seed: int) -> None:
    night, where = lived(kind, every, seed)
    night.invariants.at_the_end()
    night.let_mail_through()
    assert night.runs == [], f"{where}: acted"
    assert len(night.pages) <= max(1, kind.pages), f"{where}: {[m.title for m in night.pages]}"
    assert not night.invariants.broken, f"{where}: {night.invariants.broken}"


def test_there_is_a_life_to_speak_of() -> None:
    assert len(KINDS) >= 30


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_normal_life_is_left_alone(kind: Kind) -> None:
    is_nothing(kind, CRON, seed=0)


@pytest.mark.soak
@pytest.mark.parametrize("every", [CRON, WATCH], ids=["cron", "watch"])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_normal_life_is_left_alone_whatever_its_details(kind: Kind, every: float) -> None:
    for seed in SEEDS if every == CRON else SEEDS[: len(SEEDS) // 3 + 1]:
        is_nothing(kind, every, seed)


# The contrast: what is an incident ---------------------------------------------


def suffered(incident: Incident, books: tuple[Playbook, ...], every: float = CRON) -> Night:
    """The incident for 40 minutes, then half an hour after it."""
    world = World(3, horizon=2 * FOREVER)
    night, hosts = Night(world, every, books), ("mx1", "mx2") if incident.everywhere else ("mx1",)
    for host in hosts:
        world.traffic(rate=0.3, until=FOREVER, via=host)
    night.go(200)
    night.invariants.causes += [Cause(incident.cure, h, world.now, world.now + 40 * MINUTE) for h in hosts]
    night.ends += [incident.begin(world, h) for h in hosts]
    night.go(world.now + 40 * MINUTE)
    for end in night.ends:
        end()
    night.go(world.now + 30 * MINUTE)
    return night


@pytest.mark.parametrize("every", [CRON, pytest.param(WATCH, marks=pytest.mark.soak)], ids=["cron", "watch"])
@pytest.mark.parametrize("incident", INCIDENTS.values(), ids=INCIDENTS)
def test_an_incident_gets_its_cure_once_and_a_person_is_told(incident: Incident, every: float) -> None:
    night = suffered(incident, playbooks(), every)
    hosts = ("mx1", "mx2") if incident.everywhere else ("mx1",)
    assert night.runs == [f"{incident.cure} {h}" for h in hosts if incident.cure]
    assert night.pages, "nobody was told"
    night.invariants.at_the_end()
    night.take_back()
    night.let_mail_through()
    assert not night.invariants.broken


@pytest.mark.parametrize("name", ["filter-hung", "filters-hung", "mx-cut"])
def test_what_may_go_back_by_itself_does_once_it_is_well_again(name: str) -> None:
    night = suffered(INCIDENTS[name], going_back_by_itself(playbooks()))
    states = {night.invariants.view(r).state.value for r in night.invariants.records()}
    assert states == {"rolled_back"}
    night.invariants.as_before()
    night.let_mail_through()
    assert not night.invariants.broken
