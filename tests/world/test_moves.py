"""Nights in which MX hosts die: who can look says so, and mail moves only where senders would lose time."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from failover.world.machine import Sshd
from failover.world.world import World, fleet
from tests.world.nights import CRON, Night


def _night(hosts: int, dead: Iterable[int]) -> Night:
    """They refuse at once, so that a look does not take longer for each."""
    night = Night(World(5, of=fleet(hosts - 1)), CRON)
    night.world.advance(30)
    for n in dead:
        night.world.machines[f"mx{n}"].under.sshd.lay(Sshd.REFUSED)
        night.world.machines[f"mx{n}"].under.postfix.lay(False)
    night.go(7 * 60.0)
    return night


@pytest.mark.parametrize("dead", [[1, 2, 3], [1, 3, 4], [1, 4, 5]])
def test_of_five_any_two_that_live_say_that_the_first_is_dead(dead: list[int]) -> None:
    night = _night(5, dead)
    assert night.runs == ["mx-down mx1"]
    assert any("mx1" in m.title for m in night.pages)


@pytest.mark.slow
def test_of_thirty_two_live_and_people_are_told_of_the_others() -> None:
    night = _night(30, range(2, 30))
    told = {m.title.split()[0] for m in night.pages}
    assert {f"mx{n}" for n in range(2, 30)} <= told
    assert not any("cannot be judged" in m.title for m in night.pages)
