"""The controller's machine sleeps while a run looks for its effect: on waking a new look decides, not the clock."""

from __future__ import annotations

import pytest

from failover.core.runs.journal import Phase, RunState, RunView
from tests.world.runs import Scene, scene
from tests.world.test_kills import honest, told

pytestmark = pytest.mark.slow

HOUR = 3600.0
"""Past the run's own deadline, and past every patience of its steps."""


def asleep_at(s: Scene, moment: int) -> RunView:
    s.world.moments.hooks[s.first + moment] = lambda: s.world.clock.suspend(HOUR)
    return s.start()


def while_it_looks(step: str) -> list[tuple[int, str]]:
    whole = scene(always_drains=True)
    whole.start()
    seen = list(enumerate(whole.world.moments.seen[whole.first :], 1))
    acted, verified = ([at for _, at in seen].index(f"after {did} {step}") for did in ("acted", "verified"))
    return seen[acted : verified + 1]


@pytest.mark.parametrize("step", ["bypass", "drain"])
def test_what_was_done_is_seen_on_waking_and_the_run_goes_on(step: str) -> None:
    for moment, label in while_it_looks(step):
        with told(f"asleep at moment {moment}, {label}"):
            s = scene(always_drains=True)
            view = asleep_at(s, moment)
            assert view.state is RunState.SUCCEEDED, view.because
            assert view.steps[step].phase is Phase.VERIFIED
            honest(s, view)


def test_what_had_no_effect_is_seen_too_and_put_back() -> None:
    for moment, label in while_it_looks("bypass")[::6]:
        with told(f"asleep at moment {moment}, {label}"):
            s = scene(rate=1, until=2 * HOUR)  # all of it is looked at: of a longer queue a part would tell nothing
            s.mx1.postfix.reload = lambda: None  # type: ignore[method-assign]
            view = asleep_at(s, moment)
            assert view.state is RunState.ROLLED_BACK, view.because
            assert s.world.files() == s.world.pristine
