"""`queue.hold` and `queue.release` on the simulated world: planned, run, rolled back, let go, and cut off half-way."""

from __future__ import annotations

from pathlib import Path

import pytest

from failover.config.playbooks import load_playbook
from failover.core.runs.journal import RunState, RunView
from failover.errors import Refused
from failover.ports import RunRecord
from failover.runs.service import Runs
from failover.world.faults import Fault, FaultKind
from failover.world.ports import ports
from failover.world.postfix import Mail, Queue
from failover.world.world import World

BOOK = """\
version: 1
name: mine
summary: Mail of one recipient waits.
params: {{who: {{type: string}}}}
steps:
  - id: it
    action: queue.{verb}
    with: {{host: mx1, recipient: "${{who}}"{more}}}
    verify: {{none: the step reads it}}
"""
SICK = "someone@lab.test"


@pytest.fixture
def world() -> World:
    """mx1's filter hangs, and mail waits behind it."""
    ours = World.august_11(7, rate=1.0, hang_at=5, until=60)
    ours.advance(61)
    return ours


def run(world: World, tmp_path: Path, verb: str, who: str, more: str = "") -> tuple[Runs, RunRecord, RunView]:
    path = tmp_path / "mine.yaml"
    path.write_text(BOOK.format(verb=verb, more=more))
    c = Runs(ports(world), world.store)
    return c, *c.run(c.plan(load_playbook(path), {"who": who}))


def waiting(world: World) -> list[Mail]:
    return [m for m in world.machines["mx1"].postfix.of(Queue.ACTIVE, Queue.DEFERRED, Queue.INCOMING) if not m.doing]


def on_hold(world: World) -> set[int]:
    return {m.id for m in world.machines["mx1"].postfix.of(Queue.HOLD)}


def test_held_until_it_is_rolled_back_and_theirs_stays(world: World, tmp_path: Path) -> None:
    theirs, *others = waiting(world)
    who = theirs.to[0]
    world.machines["mx1"].postfix.hold(theirs)
    ours = {m.id for m in others if who in m.to}
    c, record, view = run(world, tmp_path, "hold", who, ", expires: 1h")
    assert view.state is RunState.SUCCEEDED
    assert on_hold(world) == {theirs.id, *ours}
    (standing,) = c.mitigations()
    assert standing.step.says == f"what waits of recipient={who} is put on hold"
    assert c.rollback(record).state is RunState.ROLLED_BACK
    assert on_hold(world) == {theirs.id}


def test_released_by_the_same_words(world: World, tmp_path: Path) -> None:
    who = waiting(world)[0].to[0]
    with pytest.raises(Refused, match="there is nothing to let go"):
        run(world, tmp_path, "release", who)
    run(world, tmp_path, "hold", who)
    assert on_hold(world)
    assert run(world, tmp_path, "release", who)[2].state is RunState.SUCCEEDED
    assert not on_hold(world)


def test_nothing_of_it_waits(world: World, tmp_path: Path) -> None:
    _, _, view = run(world, tmp_path, "hold", "nobody@lab.test")
    assert "nothing waits of recipient=nobody@lab.test" in str(view.steps["it"].error)


@pytest.mark.parametrize(
    "fault",
    [Fault(FaultKind.CUT_UNDONE), Fault(FaultKind.CUT_DONE), *(Fault(FaultKind.DIES, at=n) for n in range(1, 6))],
    ids=str,
)
def test_cut_off_anywhere_it_is_settled_and_leaves_nothing_held(world: World, tmp_path: Path, fault: Fault) -> None:
    who, faults = waiting(world)[0].to[0], [fault]
    world.remote.hook = lambda call: faults.pop() if call.verb == "hold" and faults else None
    c, record, view = run(world, tmp_path, "hold", who)
    if view.state is RunState.SUCCEEDED:
        assert on_hold(world)
    c.rollback(record)
    assert not on_hold(world)
    assert not c.mitigations()


def test_text_that_a_parameter_brought_is_refused(world: World, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is no address"):
        run(world, tmp_path, "hold", "ALL -r")
