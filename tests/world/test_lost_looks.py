"""One look that is lost ends no automation: it is repeated, and a run that began nothing or only waits bars nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from failover.core.observe.signal import Outcome, Samples
from failover.core.runs.journal import Did, Phase, RunState
from failover.core.runs.playbook import OnFailure
from failover.runs.engine import Engine
from failover.world.ports import ports
from tests.world.runs import Scene, scene


def blind(s: Scene, signal: str, lost: Callable[[], bool]) -> Engine:
    """Looks that ask for this signal see nothing while `lost`; each takes some seconds, as one that times out."""
    ours = ports(s.world)

    def look(hosts: Iterable[str], names: frozenset[str] | None, waited: float = 0.0) -> Samples:
        seen = ours.look(hosts, names, waited)
        if signal not in (names or ()) or not lost():
            return seen
        s.world.advance(8)
        return tuple(replace(x, outcome=Outcome.UNKNOWN, value=None, reason="lost") for x in seen)

    return Engine(replace(ours, look=look), s.world.store)


@pytest.mark.parametrize("lost_s", [1, 20])
def test_a_guard_that_is_not_seen_is_looked_at_again(lost_s: float) -> None:
    s = scene()
    until = s.world.now + lost_s
    assert blind(s, "ssh.reach", lambda: s.world.now < until).start(s.record).state is RunState.SUCCEEDED


def test_a_run_that_began_nothing_is_closed() -> None:
    s = scene()
    bypass, *others = s.record.plan.steps
    plan = replace(s.record.plan, steps=(replace(bypass, on_failure=OnFailure.PAUSE), *others))
    view = blind(s, "ssh.reach", lambda: True).start(replace(s.record, plan=plan))
    assert (view.state, view.open, view.order) == (RunState.ABORTED, False, ())
    assert "nothing was begun: bypass: ssh.reach on mx1 is unknown" in view.because


def test_a_bypass_is_done_though_its_drain_was_not_seen() -> None:
    s = scene(always_drains=True)

    def drains() -> bool:
        return any((e.kind, e.step) == (Did.ACTED, "drain") for e in s.world.store.events(s.record.id))

    view = blind(s, "queue.frozen", drains).start(s.record)
    assert (view.state, view.open, view.steps["bypass"].phase) == (RunState.SUCCEEDED, False, Phase.VERIFIED)
    assert "went on without drain (queue.frozen on mx1 could not be read" in view.because
