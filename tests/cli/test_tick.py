"""`tick` is silent when it holds, `why` explains, and a person's yes is one short command. In the simulated world."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from failover.controller.leader import LEAD_S, LEADER
from failover.core.fleet import Mode, Policy
from failover.runs.service import Runs
from failover.world.ports import ports
from failover.world.postfix import Daemon
from failover.world.world import World
from tests.cli.conftest import Cli, Said


@pytest.fixture
def world() -> World:
    return World.august_11(3, rate=2, hang_at=30, until=4000)


def mode(world: World, mode: Mode) -> None:
    world.fleet = replace(world.fleet, policy=Policy(mode=mode))


def ticks(cli: Cli, world: World, until: float) -> list[Said]:
    said = []
    while world.now < until:
        said.append(cli("tick"))
        world.advance(60 - world.now % 60)
    return said


def test_it_prints_nothing_when_it_holds_and_one_line_when_it_acted(cli: Cli, world: World) -> None:
    mode(world, Mode.AUTO)
    said = [s for s in ticks(cli, world, 400) if s.out or s.code]
    (acted,) = said
    (record,) = world.store.runs()
    assert (acted.code, acted.out) == (0, f"run {record.id} succeeded; see: failover runs show {record.id}\n")


def test_standing_by_is_silent_and_a_lead_that_was_lost_is_said(cli: Cli, world: World) -> None:
    other = Runs(ports(world), world.store.elsewhere())
    lease = other.store.lease(LEADER, ("controller",), seconds=30, now=other.now)
    assert cli("tick") == Said(0, "", "")
    assert "another controller decides" in cli("tick", "-v").out
    other.store.release(lease)

    def hangs(label: str) -> None:
        if label == "before call look":
            world.moments.watch = lambda _: None
            world.advance(LEAD_S + 1)
            other.store.lease(LEADER, ("controller",), seconds=900, now=other.now)

    world.moments.watch = hangs
    lost = cli("tick")
    assert (lost.code, lost.out) == (4, "")
    assert "error: another controller took over meanwhile" in lost.err


def test_why_says_value_threshold_and_how_many_looks_also_of_what_was_not_done(cli: Cli, world: World) -> None:
    mode(world, Mode.OBSERVE)
    ticks(cli, world, 240)
    said = cli("why").out
    assert "would do: page a person: spam-filter-hung would help on mx1, but policy says observe" in said
    assert "yes   spam.scan on mx1 is fail: no answer in 5 s, wanted fail, 3 of 3 looks" in said
    assert "no sign of" in said
    one = cli("why", "mx-down").out
    assert "mx-down on mx1: does not fire" in one
    assert "wanted fail for 3 min" in one
    document = cli("why", "--json").document
    assert document["decision"]["kind"] == "page"
    (fires,) = [c for c in document["considered"] if c["fires"]]
    assert fires["barrier"]["rule"] == "mode"


def test_why_before_the_first_cycle_looks_once_and_says_so(cli: Cli, world: World) -> None:
    said = cli("why").out
    assert said.startswith("the controller has not run yet")
    assert world.store.cycle() is None, "only tick and watch remember"
    assert world.store.samples(datetime.fromtimestamp(0, UTC)) == ()


def test_a_yes_is_one_command_and_a_stale_or_late_one_is_refused(cli: Cli, world: World) -> None:
    mode(world, Mode.ASK)
    ticks(cli, world, 240)
    (asked,) = world.store.proposals()
    assert f"yes: failover run --key {asked.key}" in cli("status").out
    assert cli("run", "--key", "nobody-asked", "--yes").code == 2
    assert cli("run", "--key", asked.key).code == 4, "nobody is here to ask"
    assert world.files() == world.pristine
    yes = cli("run", "--key", asked.key, "--yes", "--json").document
    assert yes["state"] == "succeeded"
    assert cli("run", "--key", asked.key, "--yes", "--json").document["run"] == yes["run"]


def test_a_question_past_its_time_is_no_order(cli: Cli, world: World) -> None:
    mode(world, Mode.ASK)
    ticks(cli, world, 240)
    (asked,) = world.store.proposals()
    world.spamd("mx1", Daemon.OK)
    world.advance(world.fleet.policy.ask_s + 60)
    late = cli("run", "--key", asked.key, "--yes")
    assert late.code == 4
    assert f"the question {asked.key} ended" in late.err
