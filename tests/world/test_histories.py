"""Random histories of a run: several things go wrong, several sessions follow; the end is the same.

More of them with FAILOVER_SOAK=N (examples).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from hypothesis import given, note, settings
from hypothesis import strategies as st

from failover.core.runs.journal import RunState
from failover.errors import Refused
from failover.world.faults import Fault, FaultKind, Killed
from failover.world.machine import Sshd
from failover.world.postfix import MASTER, Daemon
from tests.examples import examples
from tests.world.runs import Scene, scene

EXAMPLES = int(os.environ.get("FAILOVER_SOAK", "0")) or examples(60)


@dataclass(frozen=True)
class Session:
    """One process's time at the run: what it does, when it is killed, what befalls it at which moment or call."""

    direction: str
    kill_at: int | None
    befalls: tuple[tuple[int, str], ...]
    faults: tuple[tuple[int, Fault], ...]
    pause: float


BEFALLS: dict[str, Callable[[Scene], object]] = {
    "mx1 is cut off for a minute": lambda s: _for(s, 60, _link),
    "mx1 is cut off for ten minutes": lambda s: _for(s, 600, _link),
    "sshd hangs for two minutes": lambda s: _for(s, 120, _sshd),
    "the handler is down for a minute": lambda s: _for(s, 60, _handler),
    "the filter answers for twenty seconds": lambda s: _for(s, 20, _filter),
    "somebody adds a service": lambda s: s.mx1.files[MASTER].update({"submission/inet": "x"}),
    "somebody reloads Postfix": lambda s: s.mx1.postfix.reload(),
    "somebody flushes": lambda s: s.mx1.postfix.flush(),
    "a minute passes": lambda s: s.world.advance(60),
}


def _for(s: Scene, seconds: float, what: Callable[[Scene, bool], None]) -> None:
    what(s, True)
    s.world.timeline.after(seconds, partial(what, s, False))


def _link(s: Scene, on: bool) -> None:
    s.mx1.link_up = not on


def _sshd(s: Scene, on: bool) -> None:
    s.mx1.sshd = Sshd.HUNG if on else Sshd.OK


def _handler(s: Scene, on: bool) -> None:
    s.world.handler("mx1", Daemon.DOWN if on else Daemon.OK)


def _filter(s: Scene, on: bool) -> None:
    s.world.spamd("mx1", Daemon.OK if on else Daemon.HUNG)


faults = st.builds(
    Fault,
    st.sampled_from(FaultKind),
    st.sampled_from([1.0, 15.0, 100.0]),
    st.integers(1, 6),
)
sessions = st.builds(
    Session,
    st.sampled_from(["forward", "forward", "back"]),
    st.none() | st.integers(1, 60),
    st.lists(st.tuples(st.integers(1, 60), st.sampled_from(sorted(BEFALLS))), max_size=2).map(tuple),
    st.lists(st.tuples(st.integers(1, 15), faults), max_size=2).map(tuple),
    st.sampled_from([0.0, 5.0, 200.0]),
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 3), st.sampled_from(["smtpd-pipe", "main-pipe", "no-pipe"]), st.lists(sessions, max_size=4))
def test_any_history_ends_with_all_as_it_was_and_every_message_once(
    seed: int, wiring: str, history: list[Session]
) -> None:
    s = scene(seed, wiring=wiring)
    for session in history:
        _sit(s, session)
    s.world.advance(700)  # whatever was cut off is back, whatever is late has come
    s.world.remote.faults.clear()
    s.world.moments.hooks.clear()
    _ends_well(s)


def _sit(s: Scene, session: Session) -> None:
    seen, calls = len(s.world.moments.seen), len(s.world.remote.calls)
    s.world.moments.kill_at = seen + session.kill_at if session.kill_at else None
    s.world.moments.hooks = {seen + at: partial(BEFALLS[what], s) for at, what in session.befalls}
    s.world.remote.faults = {calls + n: fault for n, fault in session.faults}
    opened = s.world.store.run(s.record.id) is not None
    try:
        view = s.rollback() if session.direction == "back" and opened else s.resume()
        note(f"{view.state}: {view.because}")
        assert view.state is not RunState.RUNNING
    except Killed as e:
        note(str(e))
    except Refused as e:
        note(f"refused: {e}")
    s.world.reborn()
    s.world.advance(session.pause)


def _ends_well(s: Scene) -> None:
    s.heal()
    if s.world.store.run(s.record.id) is not None:
        if s.view.state is not RunState.SUCCEEDED:
            honest_after(s)
        view = s.rollback()
        assert view.state is RunState.ROLLED_BACK, view.because
    found = s.world.files()
    found["mx1"][MASTER].pop("submission/inet", None)
    assert found == s.world.pristine
    s.mx1.postfix.reload()  # for what somebody added and did not reload
    s.settle_mail()


def honest_after(s: Scene) -> None:
    if s.bypassed and s.view.state is not RunState.RUNNING:
        assert s.view.steps["bypass"].owed
