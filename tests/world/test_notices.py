"""What a step of a run tells people is not left open: some minutes after the run it is told as over, once."""

from __future__ import annotations

from failover.core.runs.playbook import Param, Playbook, StepSpec
from failover.world.world import World
from tests.world.invariants import Cause
from tests.world.nights import FOREVER, Night

STEP = StepSpec("tell", "notify", {"text": "mx1 is in our hands", "severity": "warning"}, no_verify="it is only said")
BOOK = Playbook("tell", "", (STEP,), params={"sick": Param("host")})


def test_a_step_that_told_people_is_over_with_its_run() -> None:
    world = World(5, horizon=2 * FOREVER)
    night = Night(world, books=(BOOK,))
    night.invariants.causes.append(Cause("tell", "mx1", 0, FOREVER))
    c = night.controller()
    record, view = c.run(c.plan(BOOK, {"sick": "mx1"}))
    assert not view.open
    night.go(12 * 60)
    (said,) = night.messages
    assert (said.text, said.resolves) == ("mx1 is in our hands", False)
    night.go(40 * 60)
    said, over = night.messages
    assert (over.key, over.resolves, over.title) == (said.key, True, f"resolved: failover run {record.id}")
    assert not night.invariants.broken
