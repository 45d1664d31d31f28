"""Nights in which MX hosts die: who can look says so, and mail moves only where senders would lose time."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import pytest

from failover.core.mx import mx_set
from failover.world.machine import Sshd
from failover.world.world import World, fleet
from tests.world.nights import CRON, Night


def _night(hosts: int, dead: Iterable[int], order: Iterable[int] = (), *, until: float = 7 * 60.0) -> Night:
    """They refuse at once, so that a look does not take longer for each. `order`: as senders try them."""
    night = Night(World(5, of=fleet(hosts - 1)), CRON)
    if order:
        night.world.zone.now = mx_set(60, [(10 * i, f"mx{n}.lab.test") for i, n in enumerate(order, 1)])
    night.world.advance(30)
    for n in dead:
        night.world.machines[f"mx{n}"].under.sshd.lay(Sshd.REFUSED)
        night.world.machines[f"mx{n}"].under.postfix.lay(False)
    night.go(until)
    return night


@pytest.mark.parametrize("dead", [[1, 2, 3], [1, 3, 4], [1, 4, 5]])
def test_of_five_any_two_that_live_say_that_the_first_is_dead(dead: list[int]) -> None:
    night = _night(5, dead)
    assert night.runs == ["mx-down mx1"]
    assert any("mx1" in m.title for m in night.pages)


@pytest.mark.slow
def test_of_thirty_two_live_and_people_are_told_of_the_others() -> None:
    night = _night(30, range(2, 30), until=4 * 60.0)
    told = {m.title.split()[0] for m in night.pages}
    assert {f"mx{n}" for n in range(2, 30)} <= told
    assert not any("cannot be judged" in m.title for m in night.pages)


FOUR = (1, 2, 3, 4)
_ONE_OR_TWO = [dead for k in (1, 2) for dead in combinations(FOUR, k)]


@pytest.mark.slow
@pytest.mark.parametrize("dead", _ONE_OR_TWO, ids=str)
@pytest.mark.parametrize("order", [FOUR, (2, 4, 1, 3)], ids=str)
def test_what_is_moved_is_what_senders_lose_time_on_and_nothing_else(
    order: tuple[int, ...], dead: tuple[int, ...]
) -> None:
    """A fleet of 10/20/30/40, where the file has the same order as the preferences and another one."""
    night = _night(4, dead, order)
    first, now = f"mx{order[0]}.lab.test.", night.world.zone.now.first
    if order[0] in dead:
        assert night.runs == [f"mx-down mx{order[0]}"]
        assert len(now) == 1
        assert not now & {f"mx{n}.lab.test." for n in dead}
    else:
        assert night.runs == []
        assert now == {first}
    assert {m.key.split("/")[0] for m in night.pages} == {f"mx{n}" for n in dead}


def test_a_healthy_first_mx_keeps_its_mail_when_the_third_dies() -> None:
    night = _night(4, [3], FOUR)
    assert night.runs == []
    assert night.world.zone.now.first == {"mx1.lab.test."}
    (page,) = night.pages
    assert page.key == "mx3/mx-unreachable"
    assert "mx-down is not needed: senders of lab.test try mx1 first, so they lose no time at mx3." in page.text
