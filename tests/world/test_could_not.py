"""A cure that cannot be started is tried again in the next cycle; people are told if it cannot be for long."""

from __future__ import annotations

import pytest

from failover.world.faults import Fault, FaultKind
from failover.world.postfix import Daemon
from failover.world.remote import Call
from failover.world.world import World
from tests.world.nights import WATCH, Night


@pytest.mark.parametrize(("within_s", "told"), [(70.0, False), (600.0, True)])
def test_people_are_told_if_a_cure_cannot_be_started_for_long(within_s: float, told: bool) -> None:
    """Looks succeed; all else that is asked of mx1 until then does not come through."""
    night = Night(World(3), WATCH)
    world = night.world
    world.handler("mx1", Daemon.DOWN)

    def lost(call: Call) -> Fault | None:
        blocked = call.verb != "look" and world.now < within_s
        return Fault(FaultKind.UNREACHABLE) if blocked else None

    world.remote.hook = lost
    night.go(5 * 60.0)
    titles = [m.title for m in night.pages]
    assert ("mx1: handler-down is needed and could not be started" in titles) is told, titles
    assert night.runs == ([] if told else ["handler-down mx1"])
