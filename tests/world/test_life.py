"""Normal life is not an incident: the unattended controller sees all of it, acts on none, and wakes hardly anybody.

One seed of each kind here; with script/soak many, and also for the resident controller that looks every 10 s.
"""

from __future__ import annotations

import os
import random
from datetime import timedelta

import pytest

from failover.core.decide.past import Pause
from failover.core.runs.playbook import Playbook
from failover.world.incidents import INCIDENTS, Incident
from failover.world.life import KINDS
from failover.world.life_kind import Kind
from failover.world.world import World
from tests.world.invariants import Cause
from tests.world.nights import CRON, FOREVER, WATCH, Night, going_back_by_itself, playbooks

pytestmark = pytest.mark.slow

MINUTE, HOUR = 60.0, 3600.0
SEEDS = range(int(os.environ.get("FAILOVER_SOAK_LIFE", "5")))


def lived(kind: Kind, every: float, seed: int) -> tuple[Night, str]:
    """Some minutes of quiet, the event just before a look, and twenty minutes more."""
    chance = random.Random(f"{kind.name} {every} {seed}")
    world, host = World(seed, horizon=2 * FOREVER), chance.choice(kind.hosts)
    night = Night(world, every)
    world.traffic(rate=10 ** chance.uniform(-2, -0.4), until=FOREVER)
    night.go(4 * MINUTE - chance.uniform(0, min(kind.span[0], every)) * 0.9)
    lasts = kind.cause(world, host, chance)
    night.go(world.now + lasts + 20 * MINUTE)
    return night, f"{kind.name} on {host}, every {every:g} s, seed {seed}"


def is_nothing(kind: Kind, every: float, seed: int) -> None:
    night, where = lived(kind, every, seed)
    night.invariants.at_the_end()
    night.let_mail_through()
    assert night.runs == [], f"{where}: acted"
    assert len(night.pages) <= kind.pages, f"{where}: {[m.title for m in night.pages]}"
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
    world, hosts = night.world, ("mx1", "mx2") if incident.everywhere else ("mx1",)
    runs = dict.fromkeys(night.runs) if incident.again else night.runs  # how often, the invariants count
    assert list(runs) == [f"{incident.cure} {h}" for h in hosts if incident.cure]
    threads = {m.key: m for m in night.pages}
    assert len(threads) == len(hosts), "one thread for each host's incident"
    most = 3 if incident.again else 1  # told again: it is bad again; and: no more attempts
    assert len(night.pages) <= len(hosts) * most, [m.title for m in night.pages]
    night.invariants.at_the_end()
    night.take_back()
    night.go(world.now + HOUR + 5 * MINUTE)
    assert sorted(m.key for m in night.messages if m.resolves) == sorted(threads), "each is over, once"
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


def test_what_comes_back_after_each_cure_is_a_persons_in_the_end() -> None:
    night = suffered(INCIDENTS["handler-ends-again"], playbooks())
    limits = next(b.limits for b in playbooks() if b.name == "handler-down")
    assert 1 < len(night.runs) <= limits.max_runs
    assert any("handler down" in m.title and m.severity == "critical" for m in night.pages)
    assert not night.invariants.broken


@pytest.mark.parametrize("host", [None, "mx1"])
def test_during_a_pause_nothing_is_done_and_a_person_is_told(host: str | None) -> None:
    world = World(5, horizon=2 * FOREVER)
    night, now = Night(world), world.clock.now()
    world.store.pause(Pause(host, "ann", "works on it", now, now + timedelta(minutes=25)))
    world.traffic(rate=0.3, until=FOREVER)
    night.go(200)
    night.invariants.causes.append(Cause("spam-filter-hung", "mx1", world.now, FOREVER))
    INCIDENTS["filter-hung"].begin(world, "mx1")
    night.go(24 * MINUTE)
    assert night.runs == []
    assert any("mx1" in m.title for m in night.pages)
    night.go(40 * MINUTE)
    assert night.runs == ["spam-filter-hung mx1"], "the pause is over"
    assert not night.invariants.broken


def paused_for_hours(*, sick: bool) -> Night:
    world = World(5, horizon=2 * FOREVER)
    night, now = Night(world), world.clock.now()
    world.store.pause(Pause(None, "ann", "works on it", now, now + timedelta(hours=3)))
    world.traffic(rate=0.05, until=FOREVER)
    night.go(200)
    if sick:
        night.invariants.causes.append(Cause("spam-filter-hung", "mx1", world.now, FOREVER))
        INCIDENTS["filter-hung"].begin(world, "mx1")
    night.go(3 * HOUR + 10 * MINUTE)
    return night


def test_a_pause_that_lasts_while_it_is_bad_is_recalled_each_hour_and_cured_after_it() -> None:
    night = paused_for_hours(sick=True)
    (first, *more), key = night.pages, "mx1/spam-filter-hung"
    assert [m.severity for m in (first, *more)] == ["warning"] * 3, "after 14 min, and each hour"
    assert {m.key for m in night.messages} == {key}
    assert "paused by ann for another" in more[0].text
    assert night.runs == ["spam-filter-hung mx1"]
    assert night.messages[-1].title == "mx1: spam-filter-hung succeeded"


def test_a_pause_while_all_is_well_is_silent() -> None:
    assert paused_for_hours(sick=False).messages == []


def test_what_lasts_is_told_though_some_looks_fail_meanwhile() -> None:
    """A moment in which nobody can see is no end of it."""
    world = World(7, horizon=2 * FOREVER)
    night = Night(world)
    INCIDENTS["disk-full"].begin(world, "mx2")
    world.machines["mx2"].under.sshd_full.lay(0.25)
    night.go(40 * MINUTE)
    assert any("no room" in m.title for m in night.pages)


def test_a_standbys_filter_that_hangs_now_and_then_is_told_in_the_end() -> None:
    """No mail waits there, so nothing is to be done; but whoever relies on the standby has to know."""
    world = World(6, horizon=2 * FOREVER)
    night = Night(world)
    world.traffic(rate=0.1, until=FOREVER)
    night.invariants.causes.append(Cause("spam-filter-hung", "mx2", 200, FOREVER))
    world.at(200, lambda: INCIDENTS["filter-flaps"].begin(world, "mx2"))
    night.go(3 * 3600)
    assert night.runs == []
    (page,) = night.pages
    assert "mx2" in page.title
    assert "It comes and goes: bad for" in page.text
