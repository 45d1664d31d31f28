"""Who looks at whose port 25: any host that can, never by its place in the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failover.core.fleet import Fleet, Host, Role
from failover.core.observe.signal import CONTROLLER, Outcome, Samples, Signal
from failover.core.observe.vantages import MOST, Watches, again, watches
from tests.fakes import AT


def _fleet(hosts: int) -> Fleet:
    return Fleet({f"mx{i}": Host(f"mx{i}", Role.STANDBY, f"192.0.2.{i}") for i in range(1, hosts + 1)})


def _ssh(dead: Collection[str], of: Fleet) -> Samples:
    words = {True: Outcome.FAIL, False: Outcome.OK}
    return tuple(Signal(h, "ssh.reach", CONTROLLER, words[h in dead], "", AT) for h in of.hosts)


def _looked(of: Fleet, asked: Watches, dead: Collection[str]) -> Samples:
    """What a first look finds when these hosts are dead: no greeting of theirs, and nothing seen from there."""

    def outcome(watcher: str, target: str) -> Outcome:
        return Outcome.UNKNOWN if watcher in dead else Outcome.FAIL if target in dead else Outcome.OK

    seen = [Signal(t, "smtp.peer", w, outcome(w, t), "", AT) for w, targets in asked.items() for t in targets]
    return (*_ssh(dead, of), *seen)


def _by_target(asked: Watches) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for watcher, targets in asked.items():
        for target in targets:
            found.setdefault(target, set()).add(watcher)
    return found


@given(st.integers(2, 30), st.data())
def test_who_can_look_is_asked_wherever_it_stands_in_the_file(hosts: int, data: st.DataObject) -> None:
    of = _fleet(hosts)
    dead = data.draw(st.sets(st.sampled_from(tuple(of.hosts))))
    first = watches(of, tuple(of.hosts), ())
    more = again(of, tuple(of.hosts), (), _looked(of, first, dead))
    saw = _by_target({w: (*first.get(w, ()), *more.get(w, ())) for w in of.hosts if w not in dead})
    for target in of.hosts:
        able = of.hosts.keys() - dead - {target}
        assert len(saw.get(target, ())) >= min(of.policy.quorum, len(able))
    assert not set(more) & dead


@given(st.integers(2, 30), st.data())
def test_who_could_not_look_last_time_is_asked_last(hosts: int, data: st.DataObject) -> None:
    of = _fleet(hosts)
    dead = data.draw(st.sets(st.sampled_from(tuple(of.hosts)), max_size=hosts - 2))
    first = watches(of, tuple(of.hosts), _ssh(dead, of))
    for target, watchers in _by_target(first).items():
        able = of.hosts.keys() - dead - {target}
        assert len(watchers - dead) == min(of.policy.quorum, len(able))


def test_of_thirty_the_two_that_live_say_so_of_all_others() -> None:
    of = _fleet(30)
    dead = {f"mx{i}" for i in range(1, 29)}
    more = again(of, tuple(of.hosts), (), _looked(of, watches(of, tuple(of.hosts), ()), dead))
    assert set(more) == {"mx29", "mx30"}
    assert all(_by_target(more)[d] == {"mx29", "mx30"} for d in dead - {"mx27", "mx28"})


@pytest.mark.parametrize("dead", [0, 1, 500, 998])
def test_of_a_thousand_nobody_is_asked_for_more_than_it_can_bear(dead: int) -> None:
    of = _fleet(1000)
    gone = {f"mx{i}" for i in range(1, dead + 1)}
    told = watches(of, tuple(of.hosts), _ssh(gone, of))
    load = Counter({watcher: len(targets) for watcher, targets in told.items()})
    quorum, able = of.policy.quorum, 1000 - dead
    assert max(load[w] for w in load if w not in gone) <= min(MOST, -(-quorum * 1000 // able) + quorum)


def test_when_few_can_look_each_host_is_looked_at_once_before_any_is_twice() -> None:
    of = _fleet(MOST + 2)
    dead = {f"mx{i}" for i in range(1, MOST + 1)}
    saw = _by_target({w: t for w, t in watches(of, tuple(of.hosts), _ssh(dead, of)).items() if w not in dead})
    assert all(saw.get(d) for d in dead)


def test_nobody_is_asked_again_when_all_could_look_or_none_else_can() -> None:
    three, two = _fleet(3), _fleet(2)
    assert not again(three, tuple(three.hosts), (), _looked(three, watches(three, tuple(three.hosts), ()), ()))
    assert not again(two, tuple(two.hosts), (), _looked(two, watches(two, tuple(two.hosts), ()), {"mx1"}))


def test_of_one_host_alone_those_are_asked_next_that_were_not_asked_yet() -> None:
    of = _fleet(5)
    first = watches(of, ("mx1",), ())
    assert _by_target(first) == {"mx1": {"mx2", "mx3"}}
    found = tuple(s for s in _looked(of, first, {"mx2", "mx3"}) if s.name == "smtp.peer")
    assert _by_target(again(of, ("mx1",), (), found)) == {"mx1": {"mx4", "mx5"}}
