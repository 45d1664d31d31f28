"""What a run says when an answer is odd, an epoch is stale, or its own state cannot be written."""

from __future__ import annotations

import pytest

from failover.core.runs.journal import Did, Phase, RunState, exit_code
from failover.errors import ConfigError, FailoverError, NeedsPerson, OutcomeUnknown, Unreachable
from failover.world.faults import Fault, FaultKind
from failover.world.remote import Call
from tests.world.runs import Scene, scene

AHEAD = 10_000_000
LOST = "the disk of the state is full"


def first(verb: str, fault: Fault) -> Scene:
    """The first attempt of that verb meets the fault."""
    s = scene()

    def hook(call: Call) -> Fault | None:
        return fault if call.verb == verb and call.args["attempt"] in {"do-1", "undo-1"} else None

    s.world.remote.hook = hook
    return s


def test_an_answer_of_no_table_is_settled_and_found_done() -> None:
    """safety 2: the bypass was done, code 1 came back, and the run was closed as if nothing had been."""
    s = first("bypass", Fault(FaultKind.ODD))
    view = s.start()
    assert s.bypassed
    assert (view.state, view.steps["bypass"].was_verified) == (RunState.SUCCEEDED, True), view.because


def test_an_answer_of_no_table_to_an_undo_is_settled_as_well() -> None:
    """safety 2, the other way: what was put back is put back, whatever code came."""
    s = first("restore", Fault(FaultKind.ODD))
    s.start()
    s.heal()
    assert s.rollback().state is RunState.ROLLED_BACK
    assert s.world.files() == s.world.pristine


def test_a_full_disk_there_is_a_refusal_and_what_it_hides_is_unknown() -> None:
    """safety 2: nothing is begun without room for its result; a result that cannot be settled is unknown."""
    s = first("bypass", Fault(FaultKind.FULL, 400))
    view = s.start()
    assert (view.state, s.bypassed) == (RunState.ROLLED_BACK, False)
    assert "cannot write the epoch" in view.because

    s = first("bypass", Fault(FaultKind.CUT_DONE))
    s.world.moments.watch = lambda label: _fill(s) if label == "during call bypass" else None
    view = s.start()
    assert s.bypassed
    assert (view.state, view.steps["bypass"].owed) == (RunState.PAUSED, True)
    s.world.advance(1000)
    assert s.resume().state is RunState.SUCCEEDED


def _fill(s: Scene) -> None:
    """Once the act has its room."""
    s.world.timeline.after(0.5, lambda: setattr(s.mx1, "full_until", s.world.now + 900))


def test_a_stale_epoch_is_told_with_host_both_epochs_and_the_cure() -> None:
    """safety 13: a tick was silent with exit 0, and paged "it ended half-way" a minute later."""
    s = scene()
    s.mx1.epoch = seen = int(s.world.clock.now().timestamp()) + AHEAD
    view = s.start()
    assert (view.state, exit_code(view), s.bypassed) == (RunState.PAUSED, 6, False)
    assert not view.steps["bypass"].owed, "the host refused it: nothing is in force"
    came = max(int(e.data["epoch"]) for e in s.world.store.events("run-1") if e.kind is Did.BEGUN)
    for word in ("mx1", str(seen), str(came), "failover host status mx1", f"--reset-epoch {seen}"):
        assert word in view.because

    s.mx1.epoch = 0
    assert s.resume().state is RunState.SUCCEEDED


@pytest.mark.parametrize("moment", ["settle", "undo"])
def test_a_stale_epoch_later_on_leaves_in_force_what_is_and_says_so(moment: str) -> None:
    """safety 13, its siblings: an open attempt that cannot be settled, and an undo that is refused."""
    s = first("bypass", Fault(FaultKind.CUT_DONE)) if moment == "settle" else scene()
    seen = int(s.world.clock.now().timestamp()) + AHEAD
    if moment == "settle":
        s.world.moments.watch = lambda label: setattr(s.mx1, "epoch", seen) if label == "before call settle" else None
        view = s.start()
    else:
        s.start()
        s.heal()
        s.mx1.epoch = seen
        view = s.rollback()
    assert s.bypassed
    assert view.steps["bypass"].owed
    assert view.state in {RunState.PAUSED, RunState.ROLLBACK_FAILED}
    assert f"--reset-epoch {seen}" in view.because

    s.world.moments.watch = lambda label: None
    s.mx1.epoch = 0
    s.heal()
    assert s.rollback().state is RunState.ROLLED_BACK
    assert s.world.files() == s.world.pristine


@pytest.mark.parametrize("error", [ConfigError, Unreachable, OutcomeUnknown])
@pytest.mark.parametrize("kind", [Did.ACTED, Did.VERIFIED, Did.UNDONE])
def test_a_state_that_cannot_be_written_after_an_act_needs_a_person(
    error: type[FailoverError], kind: Did, monkeypatch: pytest.MonkeyPatch
) -> None:
    """safety 19: "disk is full" between act and record ended with 2, "a file is wrong; nothing was contacted"."""
    s = scene()
    real = s.world.store.append

    def append(*args: object, **more: object) -> object:
        if args[1] is kind:
            raise error(LOST, try_="free space")
        return real(*args, **more)  # type: ignore[arg-type]

    if kind is Did.UNDONE:
        s.start()
        s.heal()
    monkeypatch.setattr(s.world.store, "append", append)
    with pytest.raises(NeedsPerson, match=f"bypass.*{LOST}") as e:
        s.rollback() if kind is Did.UNDONE else s.start()
    assert e.value.exit_code == 6
    assert "failover runs resume run-1" in e.value.try_
    assert s.view.steps["bypass"].phase in {Phase.INTENT, Phase.ACTED, Phase.UNDO_INTENT}
    monkeypatch.undo()
    assert s.resume().state is (RunState.ROLLED_BACK if kind is Did.UNDONE else RunState.SUCCEEDED)


def test_a_state_that_cannot_be_written_before_anything_was_begun_keeps_its_own_word() -> None:
    s = scene()
    s.world.store.append = lambda *a, **k: (_ for _ in ()).throw(ConfigError(LOST, try_="x"))  # type: ignore[method-assign]
    with pytest.raises(ConfigError):
        s.start()
    assert not s.bypassed
