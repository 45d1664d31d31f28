"""Several that wait at once: it takes as long as the longest, in the same order each time."""

from __future__ import annotations

from functools import partial

import pytest

from failover.world.ports import ports
from failover.world.postfix import Daemon
from failover.world.timeline import Timeline, WorldClock
from failover.world.together import side_by_side
from failover.world.world import World, fleet


def test_it_takes_as_long_as_the_longest_and_events_come_in_their_order() -> None:
    timeline, seen = Timeline(), list[str]()
    clock = WorldClock(timeline)
    timeline.at(4.0, lambda: seen.append("event 4"))

    def job(name: str, *naps: float) -> str:
        for nap in naps:
            clock.sleep(nap)
            seen.append(f"{name} {timeline.now:g}")
        return name

    assert side_by_side(timeline, [partial(job, "a", 5), partial(job, "b", 3, 2), partial(job, "c")]) == ["a", "b", "c"]
    assert seen == ["b 3", "event 4", "a 5", "b 5"]
    assert (timeline.now, timeline.waits) == (5.0, None)


def test_one_that_waits_for_an_event_goes_on_when_it_comes() -> None:
    timeline, there = Timeline(), list[bool]()
    timeline.at(2.0, lambda: there.append(True))

    def waits() -> tuple[bool, float]:
        return timeline.run_until(10.0, stop=lambda: bool(there)), timeline.now

    def gives_up() -> tuple[bool, float]:
        return timeline.run_until(1.0), timeline.now

    assert side_by_side(timeline, [waits, gives_up]) == [(True, 2.0), (False, 1.0)]
    assert timeline.now == 2.0


def test_within_one_of_several_there_may_be_several() -> None:
    timeline = Timeline()

    def nap(seconds: float) -> bool:
        return timeline.run_until(timeline.now + seconds)

    def inner() -> int:
        return len(side_by_side(timeline, [partial(nap, 2), partial(nap, 3)]))

    assert side_by_side(timeline, [inner, lambda: int(nap(4))]) == [2, 0]
    assert timeline.now == 4.0


def test_an_error_of_one_comes_out_when_all_have_ended() -> None:
    timeline = Timeline()

    def fails() -> bool:
        raise ValueError("of mine")

    with pytest.raises(ValueError, match="of mine"):
        side_by_side(timeline, [fails, lambda: timeline.run_until(7.0)])
    assert (timeline.now, timeline.waits) == (7.0, None)


def test_a_look_at_five_hosts_whose_filters_hang_takes_as_long_as_one() -> None:
    def lasts(*, at_once: bool) -> float:
        world = World(1, of=fleet(4))
        for m in world.machines.values():
            m.under.spamd.lay(Daemon.HUNG)
        ports(world, at_once=at_once).look(world.machines, None)
        return world.now

    assert lasts(at_once=True) < 7 < 5 * 5 < lasts(at_once=False)
