"""Restarts: only what hosts.yaml names, seen by their effect, and never in a loop; then the playbook, simulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from failover.actions import ACTIONS
from failover.actions.arguments import parsed
from failover.actions.base import Attempt, Context
from failover.config.playbooks import bind_playbook, load_playbook
from failover.core.fleet import Endpoint, Fleet, Handler, Host, Role, Spam, SpamEngine
from failover.core.runs.journal import RunState, RunView
from failover.core.runs.plan import Step, StepKind
from failover.core.runs.playbook import Playbook, Risk, StepSpec
from failover.errors import Refused, StepFailed
from failover.ports import Rc, RunRecord
from failover.runs.engine import Engine as RunEngine
from failover.runs.planner import make_plan
from failover.world.faults import Killed
from failover.world.ports import ports as world_hands
from failover.world.postfix import Daemon
from failover.world.world import World
from tests.fakes import Rows, Scripted, ports

EXITED: Rows = (("manager", "docker"), ("now", "exited", "0", "x"), ("restarts", "1", "3", "600"))
MX1 = Host(
    "mx1",
    Role.PRIMARY,
    "192.0.2.11",
    spam=Spam(SpamEngine.SPAMASSASSIN, Endpoint("127.0.0.1", 783), "spamd"),
    handler=Handler(Endpoint("127.0.0.1", 20381), "Python SMTP", "sl-email"),
)


def planned(action: str, rows: Rows = EXITED, *, host: Host = MX1, **with_: str) -> Step:
    context = Context(ports(Fleet({"mx1": host}), Scripted(rows)), Playbook("test", "", ()), ())
    verb, given = ACTIONS[action], StepSpec("restart", action, {"host": "mx1", **with_})
    return verb.plan(parsed(given, verb.with_), context)


def asked(step: Step, host: Host = MX1) -> Mapping[str, str]:
    remote = Scripted((("was", "exited", "0", "x"), ("now", "running", "9", "y")))
    ACTIONS[step.action].act(step, Attempt("run-1", "restart", "do-1", 7), ports(Fleet({"mx1": host}), remote))
    assert [verb for verb, _ in remote.asked] == ["restart"]
    return remote.asked[0][1]


def test_what_ended_is_started_and_what_runs_is_restarted() -> None:
    step = planned("container.restart")
    assert (step.kind, step.repeat_safe, step.undoable) == (StepKind.EVENT, True, False)
    assert step.says == "container sl-email, exited: docker start; it must answer at 127.0.0.1:20381"
    hung: Rows = (("manager", "docker"), ("now", "running", "7", "x"), ("restarts", "0", "3", "600"))
    assert "running: docker restart -t 10" in planned("container.restart", hung).says


def test_a_host_without_systemd_says_so_in_the_plan() -> None:
    rows: Rows = (("manager", "sysv"), ("now", "running", "7", "x"), ("restarts", "0", "3", "600"))
    step = planned("service.restart", rows, unit="spamd")
    assert step.says == (
        "service spamd, running: service spamd restart (no systemd there); it must answer at 127.0.0.1:783"
    )


def test_each_unit_is_asked_what_it_serves() -> None:
    """Postfix must greet, a filter must scan, and a running Postfix is missed by its senders for a moment."""
    spamd = planned("service.restart", unit="spamd")
    assert {k: asked(spamd)[k] for k in ("kind", "name", "answers", "speaks")} == {
        "kind": "service",
        "name": "spamd",
        "answers": "127.0.0.1:783",
        "speaks": "spamassassin",
    }
    postfix = planned("service.restart", unit="postfix")
    assert asked(postfix)["answers"] == "127.0.0.1:25,192.0.2.11:25"
    assert (spamd.risk, postfix.risk) == (Risk.NONE, Risk.DOWNTIME)


@pytest.mark.parametrize("unit", ["ssh", "sl-email", "spamd2"])
def test_no_other_service_is_ever_started(unit: str) -> None:
    with pytest.raises(Refused, match="no other is ever started"):
        planned("service.restart", unit=unit)


def test_a_plan_from_elsewhere_starts_nothing_that_the_fleet_does_not_name() -> None:
    forged = replace(planned("service.restart", unit="spamd"), how={"kind": "service", "name": "ssh"})
    with pytest.raises(Refused, match="no other is ever started"):
        asked(forged)


def test_a_handler_without_a_container_is_nobodys_to_start() -> None:
    bare = replace(MX1, handler=Handler(Endpoint("127.0.0.1", 20381)))
    with pytest.raises(Refused, match="names no container of mx1's mail handler"):
        planned("container.restart", host=bare)


def test_the_fourth_restart_in_ten_minutes_is_not_even_planned() -> None:
    looping: Rows = (*EXITED[:2], ("restarts", "3", "3", "600"))
    with pytest.raises(Refused, match=r"3 restarts in the last 10 min: .* a person has to look") as refused:
        planned("container.restart", looping)
    assert "docker logs --tail 50 sl-email" in refused.value.try_


def test_somebodys_pause_is_theirs() -> None:
    with pytest.raises(Refused, match="somebody has paused sl-email"):
        planned("container.restart", (EXITED[0], ("now", "paused", "7", "x"), EXITED[2]))


def test_started_without_an_answer_is_a_failed_step() -> None:
    remote = Scripted((("because", "sl-email was restarted, and does not answer"),), Rc.FAILED)
    ours = ports(Fleet({"mx1": MX1}), remote)
    with pytest.raises(StepFailed, match="does not answer"):
        ACTIONS["container.restart"].act(planned("container.restart"), Attempt("r", "s", "do-1", 7), ours)


# The playbook in the simulated world --------------------------------------------


PLAYBOOK = Path(__file__).parents[2] / "playbooks" / "handler-down.yaml"


@dataclass
class Scene:
    world: World
    record: RunRecord

    def start(self) -> RunView:
        return RunEngine(world_hands(self.world), self.world.store).start(self.record)

    def resume(self) -> RunView:
        if self.world.store.run(self.record.id) is None:
            return self.start()
        return RunEngine(world_hands(self.world), self.world.store).resume(self.record, by="on-call")

    def account_is_exact(self) -> None:
        self.world.advance(max(0.0, 120 - self.world.now))
        assert self.world.drain()
        tally = self.world.ledger()
        assert tally.exact, f"lost {tally.missing[:3]}, doubled {tally.doubled[:3]}"
        assert tally.accepted > 30


def scene(state: Daemon, run: str = "run-1", *, relapsing: bool = False) -> Scene:
    world = World(3)
    world.traffic(rate=0.6, until=110)
    world.advance(5)
    world.handler("mx1", state)
    world.advance(30)
    world.machines["mx1"].relapsing = {"sl-email"} if relapsing else set()
    return Scene(world, record(world, run))


def record(world: World, run: str) -> RunRecord:
    bound = bind_playbook(load_playbook(PLAYBOOK), {"sick": "mx1"}, world.fleet)
    return RunRecord(run, world.clock.now(), "test", "", make_plan(bound, {"sick": "mx1"}, world_hands(world), ()))


@pytest.mark.parametrize("state", [Daemon.DOWN, Daemon.HUNG])
def test_a_handler_that_ended_or_hangs_is_cured_and_nothing_is_lost(state: Daemon) -> None:
    it = scene(state)
    assert it.start().state is RunState.SUCCEEDED
    waited = it.world.now
    it.account_is_exact()
    assert waited < 70, "the flush spares mail its back-off"


def test_killed_at_any_moment_it_resumes_to_the_same_end() -> None:
    undisturbed = scene(Daemon.DOWN)
    first = len(undisturbed.world.moments.seen)
    undisturbed.start()
    for moment in range(first + 1, len(undisturbed.world.moments.seen) + 1):
        it = scene(Daemon.DOWN)
        it.world.moments.kill_at = moment
        with pytest.raises(Killed):
            it.start()
        it.world.reborn()
        assert it.resume().state is RunState.SUCCEEDED, f"killed at moment {moment}"
        assert len(it.world.machines["mx1"].restarts) <= 2
        it.account_is_exact()


def test_what_ends_again_at_once_pauses_the_run_and_four_such_runs_restart_thrice() -> None:
    it = scene(Daemon.DOWN, relapsing=True)
    view = it.start()
    assert view.state is RunState.PAUSED
    assert "ended again at once" in view.because
    for _ in range(2):
        assert it.resume().state is RunState.PAUSED
    assert "restarted 3 times" in it.resume().because
    assert len(it.world.machines["mx1"].restarts) == 3
    with pytest.raises(Refused, match="a person has to look"):
        record(it.world, "run-2")
