"""A run that the release before planned, and began, is finished and put back by this one, by the rules of its plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from failover.adapters.journal_json import dumps, loads
from failover.core.runs.journal import Did, RunState
from failover.world.faults import Killed
from tests.world.runs import Scene, scene

TEXT = (Path(__file__).parents[1] / "releases" / "plan-1.json").read_text()
"""`failover plan spam-filter-hung --out FILE` of the release before, of the simulated mx1."""


@pytest.fixture
def before() -> Scene:
    ours = scene(1)
    ours.record = replace(ours.record, plan=loads(TEXT))
    return ours


def test_its_plan_reads_as_it_was_written() -> None:
    plan = loads(TEXT)
    assert [w.stops_growing or w.age_below for s in plan.steps for w in s.verify] == [5.0, 15.0, 15.0]
    assert loads(dumps(plan)) == plan


def test_begun_before_and_in_force_it_is_finished_and_put_back(before: Scene) -> None:
    """upgrade: a controller of this release resumes the run, and later rolls it back."""
    before.world.moments.kill_at = before.first + 12
    with pytest.raises(Killed):
        before.start()
    before.world.reborn()
    view = before.resume()
    assert (view.state, before.bypassed) == (RunState.SUCCEEDED, True), view.because
    before.heal()
    assert (before.rollback().state, before.bypassed) == (RunState.ROLLED_BACK, False)
    assert Did.UNDONE in {e.kind for e in before.world.store.events(before.record.id)}
    before.settle_mail()
