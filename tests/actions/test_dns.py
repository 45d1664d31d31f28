"""dns.prefer and dns.ttl, planned and driven by the real engine: ours is made once, taken back alone, nobody's lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from failover.actions import ACTIONS, dns_ttl
from failover.actions.arguments import parsed
from failover.actions.base import Context, Ports
from failover.core.fleet import Domain, Endpoint, Fleet, Handler, Host, Role, Spam, SpamEngine
from failover.core.mx import MxSet, mx_set
from failover.core.observe.condition import predicates
from failover.core.observe.signal import CONTROLLER, Outcome, Samples, Signal
from failover.core.runs.journal import Phase, RunState, RunView, fold
from failover.core.runs.plan import Certainty, Plan, Step
from failover.core.runs.playbook import Playbook, Risk, StepSpec, Values, Watch
from failover.dns.rfc2136 import Rfc2136
from failover.errors import Refused
from failover.ports import RunRecord
from failover.runs.engine import Engine as RunEngine
from failover.runs.planner import make_plan
from failover.signals.dns import with_domains
from failover.world.faults import Killed, Moments
from failover.world.store import MemoryStore
from tests.fakes import Clock, Scripted, Silent, Zone

LAB = mx_set(60, [(10, "mx1.lab.test"), (20, "mx2.lab.test")])
MORE = mx_set(60, [(9, "mx2.lab.test"), *LAB.targets])
THEIRS = (30, "mx3.lab.test.")


def host(name: str, role: Role, n: int) -> Host:
    spam = Spam(SpamEngine.SPAMASSASSIN, Endpoint("127.0.0.1", 783))
    return Host(name, role, f"192.0.2.{n}", f"{name}.lab.test", spam=spam, handler=Handler(Endpoint("127.0.0.1", 25)))


FLEET = Fleet(
    {"mx1": host("mx1", Role.PRIMARY, 11), "mx2": host("mx2", Role.STANDBY, 12)},
    {"lab.test": Domain("lab.test", Rfc2136("192.0.2.53"))},
)


@dataclass
class Scene:
    """Hosts are well unless `sick` says of one (host, signal) otherwise."""

    zone: Zone = field(default_factory=lambda: Zone(LAB))
    sick: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)
    store: MemoryStore = field(default_factory=MemoryStore)

    @property
    def ports(self) -> Ports:
        def hosts_only(hosts: Iterable[str], names: frozenset[str] | None, waited: float = 0.0) -> Samples:
            def one(h: str, n: str) -> Signal:
                return Signal(h, n, CONTROLLER, self.sick.get((h, n), Outcome.OK), "as told", self.clock.at)

            return tuple(one(h, n) for h in hosts for n in sorted(names or ()))

        look = with_domains(hosts_only, FLEET, lambda _: self.zone, self.clock)
        return Ports(FLEET, Scripted(), Silent(), self.clock, look, zone=lambda _: self.zone)

    def plan(self, *steps: StepSpec[Values]) -> Plan:
        return make_plan(Playbook("shift-mx", "", steps or (prefer(),)), {}, self.ports, ())

    def start(self, plan: Plan | None = None) -> RunView:
        self.record = RunRecord("run-1", self.clock.at, "test", "", plan or self.plan())
        return self.engine().start(self.record)

    def engine(self) -> RunEngine:
        return RunEngine(self.ports, self.store)

    def resume(self) -> RunView:
        self.store = self.store.reborn()
        return self.engine().resume(self.record, by="test")

    def rollback(self) -> RunView:
        self.store = self.store.reborn()
        return self.engine().rollback(self.record, by="test")

    def other(self) -> RunEngine:
        """A controller elsewhere, once our lease has ended."""
        self.clock.sleep(3600)
        return RunEngine(self.ports, self.store.elsewhere())

    def other_rolls_back(self) -> None:
        self.other().rollback(self.record, by="a person")

    @property
    def view(self) -> RunView:
        return fold(self.record.plan, self.store.events("run-1"))

    def add(self, *records: tuple[int, str], without: Iterable[tuple[int, str]] = ()) -> None:
        self.zone.edit(replace(self.zone.now, targets=(self.zone.now.targets - set(without)) | set(records)))


def prefer(**more: Any) -> StepSpec[Values]:
    seen = Watch("dns.mx", "lab.test", is_="ok", within=30)
    return StepSpec("prefer", "dns.prefer", {"domain": "lab.test", "to": "mx2", **more}, verify=(seen,))


def ttl(seconds: float) -> StepSpec[Values]:
    return StepSpec("ttl", "dns.ttl", {"domain": "lab.test", "ttl": seconds}, no_verify="the step reads it")


@pytest.fixture
def scene() -> Scene:
    return Scene()


# Planning -----------------------------------------------------------------------


def test_the_plan_says_what_changes_what_undoes_it_and_when_it_counts(scene: Scene) -> None:
    plan = scene.plan()
    (step,) = plan.steps
    assert step.says == "lab.test: 9 mx2.lab.test in front of 10 mx1.lab.test"
    assert step.diff == ("+ lab.test. 60 MX 9 mx2.lab.test.",)
    assert (step.certainty, step.risk, step.host, step.domain) == (Certainty.EXACT, Risk.TRAFFIC, None, "lab.test")
    assert "mx1 is well again" in step.undo
    assert {t.host for g in step.guards for t in predicates(g)} == {"mx1"}, "it is to mx1 that traffic goes back"
    assert {t.signal for g in step.guards for t in predicates(g)} >= {"smtp.banner", "handler.banner", "spam.scan"}
    assert {t.host for g in step.requires for t in predicates(g)} == {"mx2"}
    assert any("within 1 min (the TTL)" in w for w in plan.warnings)
    assert plan.scopes == ("domain:lab.test",)
    assert scene.zone.swaps == 0


@pytest.mark.parametrize(
    ("signal", "outcome", "fit"),
    [
        ("smtp.banner", Outcome.FAIL, False),
        ("smtp.banner", Outcome.UNKNOWN, False),
        ("handler.banner", Outcome.FAIL, False),
        ("spam.scan", Outcome.FAIL, False),
        ("smtp.peer", Outcome.FAIL, False),
        ("spam.scan", Outcome.WARN, True),
        ("smtp.peer", Outcome.UNKNOWN, True),
    ],
)
def test_mail_is_moved_only_to_a_host_that_is_seen_to_be_well(
    scene: Scene, signal: str, outcome: Outcome, fit: bool
) -> None:
    scene.sick["mx2", signal] = outcome
    if fit:
        assert scene.plan().changes
        return
    with pytest.raises(Refused, match=f"mx2 is not fit to take the mail of lab.test: {signal}"):
        scene.plan()


@pytest.mark.parametrize(
    ("spec", "zone", "words"),
    [
        (prefer(domain="other.test"), Zone(LAB), "names no domain of hosts.yaml"),
        (prefer(domain=""), Zone(LAB), "is no domain"),
        (prefer(to="mx9"), Zone(LAB), "names no host"),
        (prefer(), Zone(LAB, bad_names={"mx2.lab.test.": "mx2.lab.test is an alias (CNAME)"}), "an alias"),
        (prefer(), Zone(mx_set(60, [(10, "mx1.lab.test")])), "not among the MX names"),
        (prefer(), Zone(MxSet(0, frozenset())), "no MX records"),
        (prefer(), Zone(mx_set(60, [(0, "mx1.lab.test"), (5, "mx2.lab.test")])), "no better preference"),
        (ttl(0.5), Zone(LAB), "no usable ttl"),
        (ttl(60), Zone(MxSet(0, frozenset())), "no MX records"),
    ],
)
def test_what_cannot_or_must_not_be_done_is_refused(spec: StepSpec[Values], zone: Zone, words: str) -> None:
    with pytest.raises(Refused, match=words) as e:
        Scene(zone).plan(spec)
    assert e.value.try_


def test_already_so_changes_nothing_and_owes_nothing(scene: Scene) -> None:
    scene.zone.edit(MORE)
    scene.sick["mx2", "smtp.banner"] = Outcome.FAIL
    plan = scene.plan()
    assert not plan.changes
    assert scene.start(plan).steps["prefer"].phase is Phase.UNCHANGED
    scene.rollback()
    assert (scene.zone.now, scene.zone.swaps) == (MORE, 0)


def test_for_a_host_that_senders_do_not_try_first_nothing_is_moved(scene: Scene) -> None:
    """Senders try a stranger first: to put mx2 in front would take the mail from a host nobody has seen fail."""
    scene.zone = Zone(mx_set(60, [(5, "mx0.lab.test"), *LAB.targets]))
    step = scene.plan(prefer(to="mx2", away="mx1")).steps[0]
    assert step.certainty is Certainty.UNCHANGED
    assert step.says == (
        "lab.test: senders do not try mx1 first (5 mx0.lab.test, 10 mx1.lab.test, 20 mx2.lab.test), "
        "so there is nothing to move"
    )
    scene.zone = Zone(LAB)
    assert scene.plan(prefer(to="mx2", away="mx1")).steps[0].certainty is Certainty.EXACT


def test_a_ttl_shortened_first_is_what_the_shift_stands_on(scene: Scene) -> None:
    plan = scene.plan(ttl(30.0), prefer())
    assert [s.certainty for s in plan.steps] == [Certainty.EXACT, Certainty.ASSUMED]
    assert any("1 min, when the last caches" in w for w in plan.warnings), "the old TTL is the one that counts"
    assert scene.start(plan).state is RunState.SUCCEEDED
    assert scene.zone.now == replace(MORE, ttl=30)
    assert scene.rollback().state is RunState.ROLLED_BACK
    assert scene.zone.now == LAB


def test_weighted_and_swap_come_back_exactly() -> None:
    two = {"mode": "weighted", "names": ("a.lab.test", "b.lab.test"), "new": True}
    for more, first in (
        ({"mode": "swap"}, {"mx2.lab.test."}),
        (two, {"mx1.lab.test.", "a.lab.test.", "b.lab.test."}),
        ({"preference": 3}, {"mx2.lab.test."}),
    ):
        scene = Scene()
        assert scene.start(scene.plan(prefer(**more))).state is RunState.SUCCEEDED
        assert scene.zone.now.first == first
        assert scene.rollback().state is RunState.ROLLED_BACK
        assert scene.zone.now == LAB


# Running ------------------------------------------------------------------------


def test_shifted_and_back(scene: Scene) -> None:
    assert scene.start().state is RunState.SUCCEEDED
    assert scene.zone.now == MORE
    assert scene.rollback().state is RunState.ROLLED_BACK
    assert scene.zone.now == LAB


@pytest.mark.parametrize("edit", [mx_set(60, [*LAB.targets, THEIRS]), replace(LAB, ttl=300)])
def test_an_edit_since_the_plan_is_not_written_over(scene: Scene, edit: MxSet) -> None:
    plan = scene.plan()
    scene.zone.edit(edit)
    view = scene.start(plan)
    assert view.state is RunState.PAUSED
    assert not view.steps["prefer"].owed
    assert (scene.zone.now, scene.zone.swaps) == (edit, 0)


def test_the_target_is_looked_at_again_right_before(scene: Scene) -> None:
    plan = scene.plan()
    scene.sick["mx2", "smtp.banner"] = Outcome.FAIL
    assert scene.start(plan).state is RunState.ABORTED
    assert scene.zone.swaps == 0


def test_what_others_added_removed_and_set_since_stays(scene: Scene) -> None:
    scene.start()
    scene.add(THEIRS, without=[(20, "mx2.lab.test.")])
    scene.zone.edit(replace(scene.zone.now, ttl=300))
    assert scene.rollback().state is RunState.ROLLED_BACK
    assert scene.zone.now == mx_set(300, [*LAB.targets, THEIRS]), "but mx2 keeps a record: it was there before us"
    assert all(seen.names >= LAB.names for seen in scene.zone.history), "at every moment"


def test_an_edit_of_our_record_is_a_conflict_and_left_alone(scene: Scene) -> None:
    scene.start()
    scene.add((5, "mx2.lab.test."), without=[(9, "mx2.lab.test.")])
    edited = scene.zone.now
    assert scene.rollback().state is RunState.CONFLICTS
    assert scene.zone.now == edited


def test_our_record_removed_by_others_is_undone_already(scene: Scene) -> None:
    scene.start()
    scene.add(THEIRS, without=[(9, "mx2.lab.test.")])
    assert scene.rollback().state is RunState.ROLLED_BACK
    assert scene.zone.now == mx_set(60, [*LAB.targets, THEIRS])


def test_nothing_is_taken_back_towards_a_sick_host(scene: Scene) -> None:
    scene.start()
    scene.sick["mx1", "spam.scan"] = Outcome.WARN
    assert scene.rollback().state is RunState.PAUSED
    assert scene.zone.now == MORE
    scene.sick.clear()
    assert scene.rollback().state is RunState.ROLLED_BACK
    assert scene.zone.now == LAB


def test_a_shift_that_one_server_does_not_show_has_moved_mail_all_the_same(scene: Scene) -> None:
    scene.zone.stale = LAB
    view = scene.start()
    assert (view.state, "192.0.2.54 shows 10 mx1" in view.because) == (RunState.PAUSED, True)
    scene.sick["mx1", "smtp.banner"] = Outcome.FAIL
    assert scene.rollback().state is RunState.PAUSED
    assert scene.zone.now == MORE, "the first MX is still sick"


def test_the_last_record_stays(scene: Scene) -> None:
    scene.zone.edit(mx_set(60, [(10, "mx1.lab.test")]))
    scene.start(scene.plan(prefer(new=True)))
    scene.zone.edit(mx_set(60, [(9, "mx2.lab.test")]))
    view = scene.rollback()
    assert view.state is RunState.ROLLBACK_FAILED
    assert "no MX at all" in view.because
    assert scene.zone.now == mx_set(60, [(9, "mx2.lab.test")])


def test_an_edit_in_the_very_moment_of_the_undo_is_kept(scene: Scene) -> None:
    scene.start()
    scene.zone.before_swap = lambda: scene.add(THEIRS)
    assert scene.rollback().state is RunState.ROLLED_BACK
    assert scene.zone.now == mx_set(60, [*LAB.targets, THEIRS])


def test_an_edit_in_the_very_moment_of_the_shift_is_kept(scene: Scene) -> None:
    scene.zone.before_swap = lambda: scene.add(THEIRS)
    view = scene.start()
    assert (view.state, view.steps["prefer"].owed) == (RunState.PAUSED, False)
    assert scene.zone.now == mx_set(60, [*LAB.targets, THEIRS])


def test_who_stood_still_while_another_moved_mail_and_put_it_back_moves_nothing(scene: Scene) -> None:
    """Its lease was its own when it last looked, and every record reads again as it was planned on."""

    def others() -> None:
        scene.other().resume(scene.record, by="another")
        scene.other_rolls_back()

    scene.zone.before_swap = others
    with pytest.raises(Refused, match="lease"):
        scene.start()
    assert scene.zone.history == [MORE, LAB]
    assert scene.view.state is RunState.ROLLED_BACK


def test_who_stood_still_while_another_put_mail_back_and_moved_it_once_more_takes_nothing_back(scene: Scene) -> None:
    scene.start()

    def others() -> None:
        scene.other_rolls_back()
        scene.other().start(replace(scene.record, id="run-2", opened=scene.clock.at))

    scene.zone.before_swap = others
    with pytest.raises(Refused, match="lease"):
        scene.rollback()
    assert scene.zone.history == [MORE, LAB, MORE]
    assert scene.view.state is RunState.ROLLED_BACK


def test_an_edit_of_the_ttl_alone_in_the_very_moment_of_the_shift_is_kept(scene: Scene) -> None:
    scene.zone.before_swap = lambda: scene.zone.edit(replace(LAB, ttl=300))
    assert scene.start().state is RunState.PAUSED
    assert scene.zone.now == replace(LAB, ttl=300)


def test_edited_and_put_back_by_a_person_in_that_moment_it_is_looked_at_again_and_done(scene: Scene) -> None:

    def person() -> None:
        scene.add(THEIRS)
        scene.zone.edit(LAB)

    scene.zone.before_swap = person
    assert scene.start().state is RunState.SUCCEEDED
    assert scene.zone.now == MORE


@pytest.mark.parametrize("fault", ["lost", "done, answer lost"])
def test_a_lost_answer_is_settled_by_reading(scene: Scene, fault: str) -> None:
    scene.zone.faults = [fault]
    assert scene.start().state is RunState.SUCCEEDED
    assert (scene.zone.now, scene.zone.swaps) == (MORE, 1)
    scene.zone.faults = [fault]
    assert scene.rollback().state is RunState.ROLLED_BACK
    assert (scene.zone.now, scene.zone.swaps) == (LAB, 2)


# Killed -------------------------------------------------------------------------


def dying(at: int | None) -> Scene:
    """The controller dies at that moment: around each record of the journal, around the write itself."""
    scene, moments = Scene(), Moments()
    moments.kill_at = at
    scene.store, scene.zone.moments = MemoryStore(moments=moments), moments
    return scene


def revive(scene: Scene) -> None:
    scene.zone.moments = Moments()
    scene.store = scene.store.reborn(scene.zone.moments)


def nobody(scene: Scene) -> None: ...


def others_add(scene: Scene) -> None:
    scene.add(THEIRS)


@pytest.mark.parametrize("meanwhile", [nobody, others_add])
def test_killed_at_any_moment_of_the_shift_it_is_made_once_or_not_at_all(meanwhile: Callable[[Scene], None]) -> None:
    whole = dying(None)
    whole.start()
    for n in range(1, len(whole.zone.moments.seen) + 1):
        scene = dying(n)
        with pytest.raises(Killed):
            scene.start()
        shifted = scene.zone.swaps == 1
        revive(scene)
        meanwhile(scene)
        theirs = scene.zone.now.targets & {THEIRS}
        if scene.store.run("run-1") is None:
            continue
        view = scene.resume()
        if theirs and not shifted:
            assert (view.state, view.steps["prefer"].owed) == (RunState.PAUSED, False), "not what was planned on"
            assert scene.zone.now.targets == LAB.targets | theirs
            continue
        assert (view.state, scene.zone.swaps) == (RunState.SUCCEEDED, 1)
        assert scene.zone.now.targets == MORE.targets | theirs
        assert scene.rollback().state is RunState.ROLLED_BACK
        assert scene.zone.now.targets == LAB.targets | theirs


@pytest.mark.parametrize("meanwhile", [nobody, others_add])
def test_killed_at_any_moment_of_taking_it_back(meanwhile: Callable[[Scene], None]) -> None:
    whole = dying(None)
    whole.start()
    shift = len(whole.zone.moments.seen)
    whole.rollback()
    for n in range(shift + 1, len(whole.zone.moments.seen) + 1):
        scene = dying(n)
        scene.start()
        with pytest.raises(Killed):
            scene.rollback()
        revive(scene)
        meanwhile(scene)
        theirs = scene.zone.now.targets & {THEIRS}
        assert scene.rollback().state is RunState.ROLLED_BACK
        assert scene.zone.now.targets == LAB.targets | theirs


def test_an_unreadable_primary_leaves_the_shift_in_force(scene: Scene) -> None:
    scene.start()
    scene.zone.faults = ["unreadable"] * 1000
    view = scene.rollback()
    assert view.state is RunState.ROLLBACK_FAILED
    assert scene.zone.now == MORE
    scene.zone.faults.clear()
    assert scene.rollback().state is RunState.ROLLED_BACK


def test_no_set_was_ever_empty_and_steps_say_what_they_are_of() -> None:
    assert {"dns.prefer", "dns.ttl"} <= ACTIONS.keys()
    scene = Scene()
    context = Context(scene.ports, Playbook("p", "", ()), ())
    step: Step = dns_ttl.ACTION.plan(parsed(ttl(30.0), dns_ttl.Ttl), context)
    assert step.says == "lab.test: TTL of MX 1 min → 30 s"
    assert step.diff == ("- lab.test. 60 MX …", "+ lab.test. 30 MX …")
