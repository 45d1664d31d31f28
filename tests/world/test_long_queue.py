"""A queue of which a look opens only a part, and what waits for the filter lies beyond it."""

from __future__ import annotations

from failover.core.runs.journal import Phase, RunState
from failover.world.faults import Fault, FaultKind
from failover.world.postfix import Mail, Queue
from tests.world.runs import Scene, scene

OTHERS = 9


def behind_others(wiring: str) -> Scene:
    """Mail to a dead destination lies in front of what waits for the filter; a look opens fewer files than that."""
    s = scene(wiring=wiring, until=70)
    postfix = s.mx1.postfix
    for i in range(OTHERS):
        ordinary = Mail(10_000 + i, f"other-{i}", ("someone@dead.test",), None, postfix.clock - 9000.0, Queue.DEFERRED)
        postfix.mails[ordinary.id] = ordinary
    postfix.puts_off = lambda mail: True
    s.mx1.heads = 5
    return s


def test_the_requeue_is_not_skipped_and_what_is_verified_has_left() -> None:
    s = behind_others("no-pipe")
    s.start()
    assert s.view.steps["requeue"].waited["mx1 queue.frozen"] > OTHERS, "counted whole, before it began"
    s.heal()
    view = s.resume()
    assert view.steps["requeue"].phase is Phase.VERIFIED, view.because
    assert not s.mx1.postfix.frozen_mail("spamassassin")


def test_what_cannot_be_counted_is_requeued_all_the_same_and_never_called_verified() -> None:
    s = behind_others("no-pipe")
    s.mx1.heads = 0
    s.world.remote.hook = lambda call: Fault(FaultKind.ODD) if call.verb == "frozen" else None
    s.start()
    s.mx1.heads = 5
    s.heal()
    view = s.resume()
    requeue = view.steps["requeue"]
    assert (view.state, requeue.phase) == (RunState.PAUSED, Phase.ACTED)
    assert int(requeue.result["requeued"]) > 0
    assert "none of the 5 messages examined, of" in view.because
