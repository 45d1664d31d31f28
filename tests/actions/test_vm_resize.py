"""`vm.resize` by the real engine and boto3's own client, against a strict AWS: whatever goes wrong, the machine runs.

Time is the simulated world's: sleeping there is what lets an instance stop or start.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from failover.actions import vm_resize
from failover.actions.arguments import parsed
from failover.actions.base import Context, Ports
from failover.actions.machine import Drive
from failover.adapters.ec2 import Ec2Cloud
from failover.core.fleet import Domain, Ec2, Host
from failover.core.mx import mx_set
from failover.core.observe.signal import Samples
from failover.core.runs.journal import Did, Phase, RunState, RunView, exit_code, fold
from failover.core.runs.plan import Certainty, Plan, Step, StepKind
from failover.core.runs.playbook import OnFailure, Playbook, StepSpec, Values
from failover.errors import OutcomeUnknown, Refused
from failover.ports import Instance, RunRecord
from failover.runs.engine import Engine
from failover.runs.planner import make_plan
from failover.world.faults import Killed, Moments
from failover.world.ports import ports as world_hands
from failover.world.world import World
from tests.fakes import Zone
from tests.standins.aws import KEY, Aws

pytestmark = pytest.mark.slow

INSTANCE, OLD, NEW = "i-0123456789abcdef0", "m5.large", "m5.4xlarge"
AWAY = mx_set(300, [(5, "mx2.lab.test"), (10, "mx1.lab.test"), (20, "mx2.lab.test")])
HERE = mx_set(300, [(10, "mx1.lab.test"), (20, "mx2.lab.test")])
CALLS = ("StopInstances", "ModifyInstanceAttribute", "StartInstances")
BY_HAND = f"aws ec2 start-instances --region eu-west-3 --instance-ids {INSTANCE}"


@dataclass
class Momentous:
    """A Cloud at whose calls the controller can be killed."""

    cloud: Ec2Cloud
    moments: Moments
    kill: str

    def machine(self) -> Instance:
        return self.cloud.machine()

    def objection(self, size: str) -> str | None:
        return self.cloud.objection(size)

    def stop(self) -> None:
        self._at("stop", self.cloud.stop)

    def resize(self, size: str) -> None:
        self._at("resize", lambda: self.cloud.resize(size))

    def start(self) -> None:
        self._at("start", self.cloud.start)

    def _at(self, name: str, do: Callable[[], None]) -> None:
        self.moments(f"before call {name}")
        do()
        if name == self.kill:
            self.moments.dead = True
            raise Killed(f"after {name}")
        self.moments(f"after call {name}")


@dataclass
class Scene:
    """mx1 is an EC2 instance, and mx2 takes the mail."""

    aws: Aws
    cloud: Ec2Cloud
    world: World = field(default_factory=lambda: World(1))
    zone: Zone = field(default_factory=lambda: Zone(AWAY))
    with_: dict[str, Any] = field(default_factory=lambda: {"host": "mx1", "size": NEW})
    more: dict[str, Any] = field(default_factory=dict)
    record: RunRecord | None = None
    kill: str = ""

    def __post_init__(self) -> None:
        fleet = self.world.fleet
        mx1 = replace(fleet.hosts["mx1"], cloud=Ec2("eu-west-3", INSTANCE))
        self.world.fleet = replace(fleet, hosts={**fleet.hosts, "mx1": mx1})
        self.aws.reset(self.world.clock.monotonic)
        self.aws.ec2.add(INSTANCE, OLD)

    @property
    def ports(self) -> Ports:
        plain = world_hands(self.world)

        def look(hosts: Iterable[str], names: frozenset[str] | None, waited: float = 0.0) -> Samples:
            self.world.machines["mx1"].link_up = self.state in {"running", "stopping"}  # it answers to its last
            return plain.look(hosts, names, waited)

        def cloud(host: Host) -> Momentous:
            if host.cloud is None:
                raise Refused(f"{host.name} has no cloud", try_="")
            return Momentous(self.cloud, self.world.moments, self.kill)

        def zone(domain: Domain) -> Zone:
            return self.zone

        return replace(plain, look=look, zone=zone, cloud=cloud)

    @property
    def state(self) -> str:
        return self.aws.ec2.instance(INSTANCE).state

    @property
    def runs_as(self) -> str:
        """Its size, if nothing is going to stop it and it runs (given the time to start)."""
        self.world.advance(60)
        self.aws.settle()
        self.world.advance(60)
        i = self.aws.ec2.instance(INSTANCE)
        return i.size if i.state == "running" else f"{i.state} as {i.size}"

    @property
    def spec(self) -> StepSpec[Values]:
        return StepSpec("resize", "vm.resize", self.with_, no_verify="seen by reading", **self.more)

    def plan(self) -> Plan:
        return make_plan(Playbook("scale-up", "", (self.spec,)), {}, self.ports, ())

    def planned(self) -> RunRecord:
        self.record = self.record or RunRecord("run-1", self.world.clock.now(), "test", "", self.plan())
        return self.record

    def start(self) -> RunView:
        return Engine(self.ports, self.world.store).start(self.planned())

    def resume(self) -> RunView:
        if self.world.store.run("run-1") is None:
            return self.start()
        return Engine(self.ports, self.world.store).resume(self.planned(), by="on-call")

    def rollback(self) -> RunView:
        return Engine(self.ports, self.world.store).rollback(self.planned(), by="on-call")

    def view(self) -> RunView:
        return fold(self.planned().plan, self.world.store.events("run-1"))

    def asked(self) -> list[str]:
        """The requests that were to change something and were not merely dry runs."""
        return [r.action for r in self.aws.requests if r.action in CALLS and "DryRun" not in r.params]


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Aws, Ec2Cloud]]:
    with pytest.MonkeyPatch.context() as patch, Aws() as aws:
        aws.lend(patch)
        yield aws, Ec2Cloud(Ec2("eu-west-3", INSTANCE), pause_s=0.01)


@pytest.fixture
def scene(shared: tuple[Aws, Ec2Cloud]) -> Iterator[Scene]:
    ours = Scene(*shared)
    yield ours
    assert not ours.zone.history, "a resize writes no records"


# Planning ---------------------------------------------------------------------------


def test_the_plan_says_what_it_interrupts_and_what_may_change(scene: Scene) -> None:
    plan = scene.plan()
    (step,) = plan.steps
    assert (step.kind, step.certainty, step.risk) == (StepKind.STATE, Certainty.EXACT, "downtime")
    assert step.says == "m5.large → m5.4xlarge: mx1 is stopped and started"
    assert step.diff == ("- size = m5.large", "+ size = m5.4xlarge")
    assert step.undo == "back to m5.large, stopped and started again, once another MX answers and mx1 is not loaded"
    said = " | ".join(plan.warnings)
    assert "mx1 is away for about 3 min" in said
    assert "its public address 198.51.100.11 is no Elastic IP: it comes back with another" in said
    assert scene.asked() == []
    assert scene.runs_as == OLD


def test_an_elastic_address_stays(scene: Scene) -> None:
    scene.aws.ec2.add(INSTANCE, OLD, elastic=True)
    assert not any("Elastic" in w for w in scene.plan().warnings)
    view = scene.start()
    assert view.steps["resize"].result["address"] == scene.aws.ec2.instance(INSTANCE).address


def test_a_size_it_has_already_is_unchanged(scene: Scene) -> None:
    scene.with_["size"] = OLD
    scene.zone.now = HERE
    assert scene.plan().steps[0].certainty is Certainty.UNCHANGED
    assert scene.start().steps["resize"].phase is Phase.UNCHANGED
    assert scene.asked() == []


def spoil_peer(scene: Scene) -> None:
    scene.world.machines["mx2"].link_up = False


REFUSALS: dict[str, tuple[Callable[[Scene], object], str]] = {
    "preferred": (lambda s: setattr(s.zone, "now", HERE), "mx1.lab.test is what senders to lab.test try first"),
    "shared": (
        lambda s: setattr(s.zone, "now", mx_set(60, [(5, "mx1.lab.test"), (5, "mx2.lab.test")])),
        "is what senders to lab.test try first",
    ),
    "unread": (
        lambda s: setattr(s.zone, "faults", ["unreadable"] * 9),
        "the MX of lab.test could not be read: no route",
    ),
    "no domain": (lambda s: setattr(s.world, "fleet", replace(s.world.fleet, domains={})), "for which domains"),
    "no other": (spoil_peer, "no other MX is seen to take mail while mx1 is away"),
    "stopped": (lambda s: s.aws.ec2.meddle(INSTANCE, state="stopped"), "mx1 is stopped, and only one that runs"),
    "unknown size": (lambda s: s.with_.update(size="zz.huge"), "EC2 knows no size zz.huge in eu-west-3"),
    "other kind": (lambda s: s.with_.update(size="m6g.large"), "m6g.large is arm64, the system on"),
    "no right": (lambda s: s.aws.denied.add("StartInstances"), "AWS does not let us call ec2:StartInstances"),
    "no cloud": (lambda s: s.with_.update(host="mx2"), "mx2 has no cloud"),
    "no time": (lambda s: s.more.update(timeout=60.0), "has 1 min for a stop and a start"),
    "no keys": (lambda s: s.aws.keys.clear(), "AWS refused DescribeInstances"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_must_not_or_cannot_be_resized_is_refused_with_a_sentence(scene: Scene, case: str) -> None:
    spoil, words = REFUSALS[case]
    spoil(scene)
    with pytest.raises(Refused) as e:
        scene.plan()
    assert words in str(e.value)
    assert e.value.try_ or case == "no cloud"
    assert scene.asked() == []


def test_who_accepts_the_interruption_is_not_asked_who_takes_the_mail(scene: Scene) -> None:
    scene.zone.now = HERE
    spoil_peer(scene)
    scene.with_["traffic"] = "accepted"
    assert any("or keep the mail and come again" in w for w in scene.plan().warnings)
    assert scene.start().state is RunState.SUCCEEDED
    assert scene.runs_as == NEW


def test_mail_that_an_earlier_step_moves_away_is_counted(scene: Scene) -> None:
    """At plan time as planned; and before it stops anything, as it then reads."""
    scene.zone.now = HERE
    away = {"MX lab.test": AWAY.text}
    moved = Step("shift", "dns.prefer", StepKind.STATE, Certainty.EXACT, "", domain="lab.test", want=away)
    moved = replace(moved, before={"MX lab.test": HERE.text})
    context = Context(scene.ports, Playbook("test", "", ()), (), (moved,))
    step = vm_resize.ACTION.plan(parsed(scene.spec, vm_resize.Resize), context)
    step = replace(step, no_verify="seen by reading")
    scene.record = RunRecord("run-1", scene.world.clock.now(), "test", "", Plan("p", "", (step,)))
    view = scene.start()
    assert view.state is RunState.PAUSED
    assert "is what senders to lab.test try first" in view.because
    assert (scene.asked(), view.steps["resize"].owed) == ([], False)


# Running ----------------------------------------------------------------------------


def test_it_stops_resizes_and_starts_each_once(scene: Scene) -> None:
    view = scene.start()
    assert view.state is RunState.SUCCEEDED
    assert scene.asked() == list(CALLS)
    assert scene.runs_as == NEW
    assert view.steps["resize"].result == {"size": NEW, "address": "198.51.100.12, it was 198.51.100.11"}
    view = scene.rollback()
    assert (view.state, exit_code(view)) == (RunState.ROLLED_BACK, 0)
    assert scene.runs_as == OLD


FAULTS: dict[str, Callable[[Aws, str], None]] = {
    "lost before": lambda aws, call: aws.cut(call, done=False),
    "lost after": lambda aws, call: aws.cut(call, done=True),
    "lost, done late": lambda aws, call: aws.cut(call, done=True, late_s=8.0),
    "half an answer": lambda aws, call: aws.half(call),
    "lost again and again": lambda aws, call: aws.cut(call, done=False, times=5),
    "throttled": lambda aws, call: aws.throttle(call, times=2),
    "throttled for long": lambda aws, call: aws.throttle(call, times=11),
    "an error of AWS's": lambda aws, call: aws.fail(call, "InternalError", status=500, times=2),
}


def test_a_lost_stop_that_comes_late_does_not_leave_it_stopped(scene: Scene) -> None:
    """The second request is refused, and it still reads running: the first may yet be on its way."""
    scene.planned()
    scene.aws.cut("StopInstances", done=True, late_s=8.0)
    scene.aws.fail("StopInstances", "UnauthorizedOperation", status=403)
    view = scene.start()
    assert view.state is RunState.PAUSED
    assert "UnauthorizedOperation" in view.because
    assert scene.runs_as == OLD


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stale_s", [0.0, 7.0])
def test_a_fault_at_any_call_is_found_out_by_looking(scene: Scene, fault: str, call: str, stale_s: float) -> None:
    """Stale: what EC2 shows lags behind, so that each request may be made on old news."""
    scene.planned()
    scene.aws.ec2.stale_s = stale_s
    FAULTS[fault](scene.aws, call)
    view = scene.start()
    assert view.state is RunState.SUCCEEDED, view.because
    assert scene.runs_as == NEW


@pytest.mark.parametrize("fault", ["lost before", "lost after", "throttled for long"])
def test_a_look_that_is_lost_is_repeated(scene: Scene, fault: str) -> None:
    scene.planned()
    for at in range(1, 9):
        scene.world.at(scene.world.now + 4.0 * at, lambda: FAULTS[fault](scene.aws, "DescribeInstances"))
    assert scene.start().state is RunState.SUCCEEDED
    assert scene.runs_as == NEW


def test_somebody_who_starts_it_between_our_look_and_our_request(scene: Scene) -> None:
    scene.planned()
    scene.aws.fail("ModifyInstanceAttribute", "IncorrectInstanceState")
    assert scene.start().state is RunState.SUCCEEDED
    assert scene.runs_as == NEW


def test_on_the_way_back_nothing_that_runs_is_stopped(scene: Scene) -> None:
    """The first start takes, but its answer is lost and EC2 shows it late; the second finds no capacity."""
    scene.planned()
    scene.aws.ec2.stale_s, scene.aws.ec2.start_s = 7.0, 3.0
    scene.aws.cut("StartInstances", done=True)
    scene.aws.fail("StartInstances", "InsufficientInstanceCapacity", status=500)
    assert scene.start().state is RunState.SUCCEEDED
    assert scene.runs_as == NEW
    assert scene.aws.ec2.states(INSTANCE) == ["running", "stopping", "stopped", "pending", "running"]


@pytest.mark.parametrize("how", ["lacking", "falling_back"])
def test_a_size_that_aws_does_not_have_now_is_given_up_and_the_old_one_runs(scene: Scene, how: str) -> None:
    getattr(scene.aws.ec2, how).add(NEW)
    view = scene.start()
    assert (view.state, exit_code(view)) == (RunState.PAUSED, 6)
    assert "apacity" in view.because
    assert "mx1's machine runs as m5.large" in view.because
    assert scene.runs_as == OLD
    assert scene.rollback().state is RunState.ROLLED_BACK
    assert scene.asked().count("StopInstances") == 1, "nothing was left to undo"


def test_on_failure_rollback_ends_rolled_back(scene: Scene) -> None:
    scene.more["on_failure"] = OnFailure.ROLLBACK
    scene.aws.ec2.lacking.add(NEW)
    view = scene.start()
    assert (view.state, exit_code(view)) == (RunState.ROLLED_BACK, 5)
    assert scene.runs_as == OLD


def test_capacity_for_neither_size_is_waited_for(scene: Scene) -> None:
    scene.aws.ec2.lacking |= {OLD, NEW}
    scene.world.at(scene.world.now + 200.0, scene.aws.ec2.lacking.clear)
    assert scene.start().state is RunState.PAUSED
    assert scene.runs_as == OLD


def test_capacity_that_never_comes_is_told_with_what_to_type(scene: Scene) -> None:
    scene.aws.ec2.lacking |= {OLD, NEW}
    view = scene.start()
    assert view.state is RunState.PAUSED
    assert "mx1's machine is stopped as m5.large after 15 min" in view.because
    assert view.steps["resize"].owed
    assert scene.rollback().state is RunState.ROLLBACK_FAILED
    scene.aws.ec2.lacking.clear()
    assert scene.rollback().state is RunState.ROLLED_BACK
    assert scene.runs_as == OLD


def test_a_right_that_is_lost_half_way(scene: Scene) -> None:
    scene.planned()
    scene.aws.denied.add("ModifyInstanceAttribute")
    view = scene.start()
    assert view.state is RunState.PAUSED
    assert "UnauthorizedOperation" in view.because
    assert scene.runs_as == OLD


def test_keys_that_expire_half_way_and_come_back(scene: Scene) -> None:
    scene.planned()
    scene.world.at(scene.world.now + 10.0, lambda: scene.aws.expired.add(KEY))
    scene.world.at(scene.world.now + 130.0, scene.aws.expired.clear)
    assert scene.start().state is RunState.SUCCEEDED
    assert scene.runs_as == NEW


def test_keys_that_expire_for_good_leave_the_question_open_and_resume_answers_it(scene: Scene) -> None:
    scene.planned()
    scene.world.at(scene.world.now + 10.0, lambda: scene.aws.expired.add(KEY))
    view = scene.start()
    assert (view.state, view.steps["resize"].phase) == (RunState.PAUSED, Phase.INTENT)
    assert scene.state == "stopped"
    scene.aws.expired.clear()
    assert scene.resume().state is RunState.SUCCEEDED
    assert scene.runs_as == NEW


def test_a_machine_that_never_stops_stopping(scene: Scene) -> None:
    scene.aws.ec2.stop_s = 1e6
    view = scene.start()
    assert view.state is RunState.PAUSED
    assert "is stopping as m5.large after 15 min: not done within 10 min" in view.because
    failed = next(e for e in scene.world.store.events("run-1") if e.kind is Did.FAILED)
    assert failed.data["class"] == "failed"


def test_a_slow_start_is_not_stopped_again(scene: Scene) -> None:
    """It gets late while it starts: then the new size is there, and that is what was wanted."""
    scene.aws.ec2.start_s = 650.0
    assert scene.start().state is RunState.SUCCEEDED
    assert scene.asked() == list(CALLS)


# Death and others' hands --------------------------------------------------------------


def moments_of_a_run(shared: tuple[Aws, Ec2Cloud]) -> list[str]:
    scene = Scene(*shared)
    scene.planned()
    first = len(scene.world.moments.seen)
    scene.start()
    return scene.world.moments.seen[first:]


@pytest.mark.parametrize("then", ["resume", "rollback"])
def test_killed_at_any_moment_it_resumes_or_goes_back(shared: tuple[Aws, Ec2Cloud], then: str) -> None:
    seen = moments_of_a_run(shared)
    assert {f"after call {c}" for c in ("stop", "resize", "start")} <= set(seen)
    for number, label in enumerate(seen, 1):
        scene = Scene(*shared)
        scene.planned()
        scene.world.moments.kill_at = len(scene.world.moments.seen) + number
        with pytest.raises(Killed):
            scene.start()
        scene.world.reborn()
        if then == "rollback" and scene.world.store.run("run-1") is None:
            continue
        view = scene.resume() if then == "resume" else scene.rollback()
        good = RunState.SUCCEEDED if then == "resume" else RunState.ROLLED_BACK
        assert view.state is good, f"killed {label}: {view.because}"
        assert scene.runs_as == (NEW if then == "resume" else OLD), f"killed {label}"


def killed(scene: Scene, at: str, do: Callable[[], RunView]) -> None:
    """Do it, and die right after AWS was asked to `at`."""
    scene.kill = at
    with pytest.raises(Killed):
        do()
    scene.kill = ""
    scene.world.reborn()


@pytest.mark.parametrize("at", ["stop", "resize", "start"])
def test_killed_in_the_undo_it_goes_on(scene: Scene, at: str) -> None:
    scene.start()
    killed(scene, at, scene.rollback)
    assert scene.resume().state is RunState.ROLLED_BACK
    assert scene.runs_as == OLD


@pytest.mark.parametrize(("at", "later"), [("stop", 0), ("stop", 60), ("resize", 0)])
def test_killed_with_the_other_mx_down_the_machine_is_started_all_the_same(scene: Scene, at: str, later: int) -> None:
    """The guard keeps a running machine from being interrupted, never a stopped one from being started."""
    killed(scene, at, scene.start)
    scene.world.advance(later)
    spoil_peer(scene)
    assert scene.rollback().state is RunState.ROLLED_BACK
    assert scene.runs_as == OLD


@pytest.mark.parametrize(("at", "later"), [("stop", 60), ("resize", 0)])
def test_going_back_half_way_without_capacity_for_the_old_size_starts_the_new_one(
    scene: Scene, at: str, later: int
) -> None:
    killed(scene, at, scene.start)
    scene.world.advance(later)
    scene.aws.ec2.lacking.add(OLD)
    assert scene.rollback().state is RunState.ROLLBACK_FAILED
    assert scene.runs_as == NEW


def test_a_second_attempt_never_says_that_nothing_was_done(scene: Scene) -> None:
    """Its first look is lost, again and again; but an earlier attempt has stopped the machine."""
    killed(scene, "stop", scene.start)
    scene.world.advance(60)
    moments = scene.world.moments
    moments.hooks[len(moments.seen) + 6] = lambda: scene.aws.cut("DescribeInstances", done=False, times=12)
    assert scene.resume().state is RunState.SUCCEEDED
    assert sum(r.code == "cut" for r in scene.aws.requests) == 12
    assert scene.runs_as == NEW


def test_attempts_that_all_end_in_the_dark_still_owe_an_undo(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def dark(drive: Drive) -> Instance:
        scene.aws.ec2.meddle(INSTANCE, state="stopped")
        raise OutcomeUnknown("it can no longer be read", try_="")

    scene.planned()
    with monkeypatch.context() as patch:
        patch.setattr(Drive, "run", dark)
        view = scene.start()
    assert (view.state, view.steps["resize"].attempts) == (RunState.PAUSED, 3)
    assert scene.rollback().state is RunState.ROLLED_BACK
    assert scene.runs_as == OLD


def test_killed_before_ec2_shows_the_stop_it_does_not_pass_for_never_begun(scene: Scene) -> None:
    scene.planned()
    scene.aws.ec2.stale_s = 7.0
    killed(scene, "stop", scene.start)
    assert scene.rollback().state is RunState.ROLLED_BACK
    assert scene.runs_as == OLD


@pytest.mark.parametrize("at", ["stop", "resize"])
def test_somebody_elses_size_is_left_alone_half_way_too(scene: Scene, at: str) -> None:
    killed(scene, at, scene.start)
    scene.world.advance(60)
    scene.aws.ec2.meddle(INSTANCE, size="m5.2xlarge")
    view = scene.resume()
    assert (view.state, view.steps["resize"].phase) == (RunState.PAUSED, Phase.CONFLICT)
    assert scene.runs_as == "stopped as m5.2xlarge"


@pytest.mark.parametrize("seed", range(max(15, int(os.environ.get("FAILOVER_SOAK", "0")))))
def test_any_history_ends_with_a_running_machine(shared: tuple[Aws, Ec2Cloud], seed: int) -> None:
    """Faults, old news, scarce sizes and deaths as they come; then AWS is well again and a person goes on or back."""
    scene, chance = Scene(*shared), random.Random(seed)
    scene.planned()
    ec2, moments = scene.aws.ec2, scene.world.moments
    ec2.stale_s, ec2.stop_s, ec2.start_s = chance.choice((0, 3, 8)), chance.uniform(1, 90), chance.uniform(1, 60)
    for _ in range(chance.randrange(6)):
        FAULTS[chance.choice(list(FAULTS))](scene.aws, chance.choice((*CALLS, "DescribeInstances")))
    for _ in range(chance.randrange(3)):
        chance.choice((ec2.lacking, ec2.falling_back)).add(chance.choice((OLD, NEW)))
    if chance.random() < 0.5:
        moments.kill_at = len(moments.seen) + chance.randrange(1, 20)
    with suppress(Killed):
        scene.start()
    scene.world.reborn()
    well(scene.aws)
    last = chance.choice((scene.resume, scene.rollback) if scene.world.store.run("run-1") else (scene.resume,))()
    if last.state is not RunState.SUCCEEDED:
        last = scene.rollback()
    assert scene.runs_as == (NEW if last.state is RunState.SUCCEEDED else OLD), f"{last.state}: {last.because}"
    assert last.state in {RunState.SUCCEEDED, RunState.ROLLED_BACK}


def well(aws: Aws) -> None:
    aws._faults.clear()
    aws.ec2.lacking.clear()
    aws.ec2.falling_back.clear()


def test_the_undo_waits_while_no_other_mx_answers(scene: Scene) -> None:
    scene.start()
    before = scene.asked()
    spoil_peer(scene)
    view = scene.rollback()
    assert (view.state, view.steps["resize"].phase) == (RunState.PAUSED, Phase.UNDO_BLOCKED)
    assert scene.asked() == before
    assert scene.runs_as == NEW


def test_the_undo_waits_while_senders_try_it_first_again(scene: Scene) -> None:
    scene.start()
    before = scene.asked()
    scene.zone.now = HERE
    assert exit_code(scene.rollback()) == 6
    assert scene.asked() == before
    assert scene.runs_as == NEW


def test_an_undo_without_capacity_for_the_old_size_leaves_the_new_one_running(scene: Scene) -> None:
    scene.start()
    scene.aws.ec2.lacking.add(OLD)
    view = scene.rollback()
    assert view.state is RunState.ROLLBACK_FAILED
    assert "runs as m5.4xlarge" in (view.steps["resize"].error or "")
    assert scene.runs_as == NEW


def test_somebody_elses_size_is_left_alone(scene: Scene) -> None:
    scene.start()
    scene.aws.ec2.meddle(INSTANCE, size="m5.2xlarge")
    before = scene.asked()
    view = scene.rollback()
    assert view.state is RunState.CONFLICTS
    assert scene.asked() == before
    assert scene.runs_as == "m5.2xlarge"


@pytest.mark.parametrize("state", ["stopped", "terminated"])
def test_a_machine_that_somebody_else_stops_before_we_begin(scene: Scene, state: str) -> None:
    scene.planned()
    scene.aws.ec2.meddle(INSTANCE, state=state)
    view = scene.start()
    assert view.state is RunState.ABORTED
    assert view.steps["resize"].phase is Phase.FAILED, "drift, and nothing of ours to undo"
    assert not view.steps["resize"].owed
    assert scene.asked() == []


# Which machine --------------------------------------------------------------------------


def test_another_instance_under_the_name_is_left_alone_and_another_address_is_the_same_machine(scene: Scene) -> None:
    scene.start()
    fleet, mx1 = scene.world.fleet, scene.world.fleet.hosts["mx1"]
    scene.world.fleet = replace(fleet, hosts={**fleet.hosts, "mx1": replace(mx1, cloud=Ec2("eu-west-3", "i-other"))})
    asked = scene.asked()
    view = scene.rollback()
    assert (view.state, view.steps["resize"].owed) == (RunState.ROLLBACK_FAILED, True)
    assert f"EC2 instance {INSTANCE} in eu-west-3, and hosts.yaml has mx1 at EC2 instance i-other" in view.because
    assert scene.asked() == asked

    moved = replace(mx1, address="198.51.100.12")  # no Elastic IP: it came back with another
    scene.world.fleet = replace(fleet, hosts={**fleet.hosts, "mx1": moved})
    scene.world.machines["mx1"].address = moved.address
    assert scene.rollback().state is RunState.ROLLED_BACK
    assert scene.runs_as == OLD
