"""A fault of our own in one run ends there: it is said at the run and paged, and every other host is looked after."""

from __future__ import annotations

from dataclasses import replace

import pytest

from failover.config.catalogue import find
from failover.config.playbooks import load_playbook
from failover.controller.cycle import cycle
from failover.core.fleet import Mode, Policy
from failover.core.runs.journal import Phase, RunState, RunView
from failover.core.runs.plan import Plan
from failover.errors import Fault
from failover.ports import RunRecord
from failover.runs.service import Runs
from failover.world.faults import Killed
from failover.world.ports import ports
from failover.world.postfix import Daemon
from tests.world.runs import Scene, scene

BOOK = load_playbook(find("spam-filter-hung", None))


def killed(s: Scene) -> None:
    """Its process dies when the bypass is done and nothing is recorded of that."""
    s.world.moments.kill_at = s.first + 20
    with pytest.raises(Killed):
        s.start()
    assert s.bypassed
    assert s.view.steps["bypass"].phase is Phase.INTENT
    s.world.reborn()


def cut_off() -> Scene:
    """A run on mx1 whose process died in the middle; then the filter of mx2 hangs. The controller may act."""
    s = scene(until=100)
    killed(s)
    s.world.fleet = replace(s.world.fleet, policy=Policy(mode=Mode.AUTO))
    s.world.traffic(rate=0.6, until=1e9, via="mx2")
    s.world.spamd("mx2", Daemon.HUNG)
    return s


def ticks(s: Scene, n: int) -> Runs:
    c = Runs(ports(s.world), s.world.store)
    for _ in range(n):
        cycle(c, (BOOK,), budget_s=45.0)
        s.world.advance(15)
    return c


def helped(s: Scene) -> list[str]:
    return [r.id for r in s.world.store.disk.records.values() if r.plan.params["sick"] == "mx2"]


@pytest.mark.faults
def test_a_fault_of_ours_in_one_run_ends_there_and_is_paged(monkeypatch: pytest.MonkeyPatch) -> None:
    s = cut_off()
    whole = Runs.resume

    def broken(self: Runs, record: RunRecord) -> RunView:
        if record.id == s.record.id:
            raise KeyError("mx1")
        return whole(self, record)

    monkeypatch.setattr(Runs, "resume", broken)
    ticks(s, 4)
    assert helped(s), "the run on mx2"
    pages = [m for _, _, m in s.world.notifier.sent if "a fault of failover's own" in m.text and s.record.id in m.text]
    assert [m.severity for m in pages] == ["critical"], "once"


@pytest.mark.faults
def test_a_fault_of_ours_in_a_session_is_said_at_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(plan: Plan, view: RunView) -> None:
        raise KeyError("mx1")

    s = scene()
    s.start()
    s.heal()
    monkeypatch.setattr("failover.runs.engine.next_", broken)
    with pytest.raises(Fault, match="a fault of failover's own"):
        s.rollback()
    monkeypatch.undo()
    view = s.view
    assert (view.state, view.steps["bypass"].phase) == (RunState.PAUSED, Phase.VERIFIED)
    assert "a fault of failover's own" in view.because
    assert s.rollback().state is RunState.ROLLED_BACK
