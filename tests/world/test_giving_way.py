"""The night of 11 August, both at once on one host: its handler has ended and its filter hangs, under other mail.

The first run only waits, for mail to leave, while the other class holds that mail back.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from failover.core.fleet import Mode, Policy
from failover.core.runs.journal import Did, Phase, RunState
from failover.world.postfix import Daemon
from failover.world.world import World
from tests.world.invariants import Cause
from tests.world.nights import CRON, FOREVER, WATCH, Night

pytestmark = pytest.mark.slow

BEGIN_S = 61.0
SOON_S = 40.0
"""The restart itself, and the first look while its drain waits."""


def a_night(every: float, rate: float, *hosts: str) -> Night:
    world = World(3, horizon=2 * FOREVER)
    night = Night(world, every)
    for host in hosts:
        world.traffic(rate=rate, until=FOREVER, via=host)
        for playbook in ("handler-down", "spam-filter-hung"):
            night.invariants.causes.append(Cause(playbook, host, 0, FOREVER))
    night.go(BEGIN_S)
    return night


def ends_well(night: Night) -> None:
    views = [night.invariants.view(r) for r in night.invariants.records()]
    assert [v.state for v in views] == [RunState.SUCCEEDED] * len(views), [v.because for v in views]
    night.let_mail_through()
    assert not night.invariants.broken


@pytest.mark.parametrize("rate", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("every", [WATCH, CRON])
def test_the_filter_is_cured_while_the_handlers_drain_would_wait(every: float, rate: float) -> None:
    night = a_night(every, rate, "mx1")
    night.world.handler("mx1", Daemon.DOWN)
    night.world.spamd("mx1", Daemon.HUNG)
    night.go(BEGIN_S + 300)
    assert night.runs == ["handler-down mx1", "spam-filter-hung mx1"]
    first, second = night.invariants.records()
    assert (second.opened - first.opened).total_seconds() < SOON_S
    drain = night.invariants.view(first).steps["drain"]
    assert (drain.phase, drain.failed_as) == (Phase.FAILED, "gave way")
    assert "since spam-filter-hung is due on mx1" in (drain.error or "")
    ends_well(night)


def test_what_only_a_person_may_begin_is_asked_meanwhile() -> None:
    night = a_night(CRON, 0.3, "mx1")
    policy = Policy(mode=Mode.AUTO, playbooks={"spam-filter-hung": Mode.ASK})
    night.world.fleet = replace(night.world.fleet, policy=policy)
    night.world.handler("mx1", Daemon.DOWN)
    night.world.spamd("mx1", Daemon.HUNG)
    night.go(BEGIN_S + 120)
    (run,), (asked,) = night.invariants.records(), night.world.store.proposals(night.world.clock.now())
    assert (asked.plan.playbook, asked.host) == ("spam-filter-hung", "mx1")
    assert (asked.at - run.opened).total_seconds() < SOON_S
    night.go(BEGIN_S + 600)
    assert len(night.runs) == 1, "it gave way once, and the same is not begun again"


def test_a_wait_is_not_given_up_for_the_same_cure_again() -> None:
    """The handler ends a second time while its mail still leaves: that is its own run's."""
    night = a_night(WATCH, 0.3, "mx1")
    night.world.machines["mx1"].postfix.handle_s = (2.5, 3.5)
    night.world.handler("mx1", Daemon.DOWN)
    for _ in range(300):
        night.world.send(via="mx1")
    at = night.world.now + 100
    night.world.at(at, lambda: night.world.handler("mx1", Daemon.DOWN))
    night.go(BEGIN_S + 170)
    (run,) = night.invariants.records()
    begun = [(e.kind, e.step) for e in night.world.store.events(run.id) if e.at.timestamp() > run.opened.timestamp()]
    assert (Did.ACTED, "drain") in begun
    assert night.invariants.view(run).steps["drain"].failed_as != "gave way"


@pytest.mark.parametrize("every", [WATCH, CRON])
def test_it_gives_way_to_the_cure_of_another_host_as_well(every: float) -> None:
    night = a_night(every, 0.3, "mx1", "mx2")
    night.world.machines["mx1"].postfix.handle_s = (2.5, 3.5)
    night.world.handler("mx1", Daemon.DOWN)
    for _ in range(1800):
        night.world.send(via="mx1")
    hung = night.world.now + 120
    night.world.at(hung, lambda: night.world.spamd("mx2", Daemon.HUNG))
    night.go(hung + 180)
    assert night.runs == ["handler-down mx1", "spam-filter-hung mx2"]
    drain = night.invariants.view(night.invariants.records()[0]).steps["drain"]
    assert "since spam-filter-hung is due on mx2" in (drain.error or "")
    ends_well(night)
