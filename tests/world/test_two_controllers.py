"""One controller stands still in the middle of whatever it does; another takes over; then the first one wakes up.

It must find out, at each of its next steps, that the hosts are no longer its own. More rounds with FAILOVER_SOAK_KILLS.
"""

from __future__ import annotations

import random

import pytest

from failover.controller.cycle import cycle
from failover.core.runs.journal import RunState
from failover.errors import Refused
from failover.runs.service import Runs
from failover.world.incidents import Incident
from failover.world.ports import ports
from tests.world.nights import CRON, Night
from tests.world.test_dead_controller import CURED, ROUNDS, moments, struck

pytestmark = pytest.mark.slow


def stands_by(night: Night, minutes: int) -> None:
    """The other controller, on another machine with the same store, each minute."""
    world = night.world
    other = Runs(ports(world), world.store.elsewhere(world.moments))
    for _ in range(minutes):
        world.advance(60)
        try:
            cycle(other, night.books)
        except Refused:
            continue  # the first one still has the lead


@pytest.mark.parametrize("incident", CURED, ids=lambda i: i.name)
def test_who_wakes_up_after_another_took_over_does_no_harm(incident: Incident) -> None:
    for n in range(ROUNDS):
        chance = random.Random(f"two {incident.name} {n}")
        night = struck(incident, CRON, n)
        world = night.world
        after, minutes = chance.randint(1, moments(incident.name, CRON)), chance.choice((1, 3, 4, 8, 30))
        where = f"round {n}, standing still at moment {after} for {minutes} min"
        world.moments.hooks[len(world.moments.seen) + after] = lambda night=night, m=minutes: stands_by(night, m)  # type: ignore[misc]
        night.go(20 * CRON)
        night.go(world.now + 3 * CRON)
        assert not world.moments.hooks, f"{where}: it never came to that"
        running = [r.id for r in night.invariants.records() if night.invariants.view(r).state is RunState.RUNNING]
        assert not running, f"{where}: left open"
        assert night.runs, f"{where}: nobody cured it"
        night.invariants.settled()
        night.invariants.at_the_end()
        for end in night.ends:
            end()
        world.advance(60)
        night.take_back()
        night.let_mail_through()
        assert not night.invariants.broken, f"{where}: {night.invariants.broken}"
