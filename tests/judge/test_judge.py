"""The judge itself: what it calls right, late, needless, harmful. How well the controller does, script/judge says."""

from __future__ import annotations

import pytest

from failover.core.mx import mx_set
from failover.world.postfix import Daemon
from tests.judge.classes import CLASSES
from tests.judge.deeds import Deed, Deeds, harm
from tests.judge.grade import Verdict, grade
from tests.judge.night import play, stage, still_waiting
from tests.judge.players import NAIVE, Page, Played
from tests.judge.report import text, values
from tests.judge.truth import Sort


def test_there_are_classes_of_each_sort() -> None:
    assert len(CLASSES) >= 25
    assert {c.sort for c in CLASSES.values()} == set(Sort)


@pytest.mark.parametrize("name", CLASSES)
def test_a_night_is_the_same_by_its_seed_and_its_incident_is_seen_in_the_world(name: str) -> None:
    (one, truth), (other, again) = stage(name, 3), stage(name, 3)
    assert (truth.story, truth.begins, one.every) == (again.story, again.begins, other.every)
    assert truth.begins < truth.ends


def graded(
    name: str, seed: int, *deeds: tuple[str, str], paged: float | None = None, title: str = "mx1 mx2"
) -> Verdict:
    """By these acts, half a minute after the begin, and a page so long after it."""
    scene, truth = stage(name, seed)
    watched = Deeds(scene.world)
    scene.world.advance(truth.begins + 100)
    for what, host in deeds:
        watched.act(what, host)
    pages = [Page(truth.begins + paged, title, "")] if paged is not None else []
    return grade(CLASSES[name].sort, truth, Played(watched, pages)).verdict


def sick(name: str, seed: int) -> str:
    return stage(name, seed)[1].hosts[0]


def test_an_act_is_right_late_needless_or_harmful_by_what_the_world_is() -> None:
    host = sick("filter-hung", 1)
    other = next(h for h in stage("filter-hung", 1)[0].hosts if h != host)
    assert graded("filter-hung", 1, ("bypass", host)) is Verdict.RIGHT
    assert graded("filter-hung", 1) is Verdict.SILENT
    assert graded("filter-hung", 1, paged=60, title=host) is Verdict.PAGED
    assert graded("filter-hung", 1, paged=60, title="another.example") is Verdict.SILENT
    assert graded("filter-hung", 1, ("bypass", host), ("bypass", other)) is Verdict.HARMFUL
    assert graded("filter-hung", 1, ("bypass", host), ("flush", other)) is Verdict.NEEDLESS
    assert graded("filter-hung", 1, ("bypass", host), ("restart:container/sl-email", host)) is Verdict.HARMFUL


def test_to_hold_is_to_act_never_and_to_call_in_time() -> None:
    host = sick("qmgr-dies", 1)
    assert graded("qmgr-dies", 1, paged=300, title=host) is Verdict.RIGHT
    assert graded("qmgr-dies", 1, paged=660, title=host) is Verdict.LATE
    assert graded("qmgr-dies", 1) is Verdict.SILENT
    assert graded("qmgr-dies", 1, ("bypass", host), paged=300, title=host) is Verdict.HARMFUL
    slow = sick("slow-filter-1.5", 1)
    assert graded("slow-filter-1.5", 1, ("bypass", slow), paged=300, title=slow) is Verdict.HARMFUL
    advice = f"{slow}: failover run spam-filter-hung --set sick={slow}"
    assert graded("slow-filter-1.5", 1, paged=300, title=advice) is Verdict.MISLED


def test_normal_life_wants_nothing() -> None:
    assert graded("even", 1) is Verdict.RIGHT
    assert graded("even", 1, paged=60) is Verdict.PAGE
    assert graded("even", 1, ("flush", "mx1")) is Verdict.NEEDLESS


def test_a_database_that_all_handlers_wait_for_makes_a_restart_harmful() -> None:
    assert graded("shared-database", 1, ("restart:container/sl-email", "mx1"), paged=60) is Verdict.HARMFUL


def test_to_move_mail_in_the_time_of_a_boot_is_harm() -> None:
    assert graded("mx-cut", 1, ("move", "mx1")) is Verdict.HARMFUL


@pytest.mark.parametrize("state", [Daemon.HUNG, Daemon.DOWN])
def test_what_is_broken_may_be_cured_and_what_works_may_not(state: Daemon) -> None:
    m = stage("even", 1)[0].machine("mx1")
    assert harm("restart:handler", m)
    assert harm("bypass", m)
    assert harm("restart:postfix", m)
    m.under.handler.lay(state)
    m.under.spamd.lay(state)
    m.postfix.frozen = True
    assert not any(harm(what, m) for what in ("restart:handler", "bypass", "restart:postfix"))


def test_a_move_is_harmful_from_an_mx_that_takes_mail_and_to_one_that_does_not() -> None:
    scene, _ = stage("even", 1)
    deeds, zone = Deeds(scene.world), scene.world.zone
    standby = next(n for n in scene.hosts if n != "mx1")
    before = zone.now
    zone.edit(mx_set(60, [(1 if name.startswith(standby) else place, name) for place, name in before.targets]))
    deeds.moved(before, zone.now)
    scene.machine("mx1").under.link.lay(False)
    deeds.moved(before, zone.now)
    scene.machine(standby).under.refuses.lay("451 4.3.0 try again later")
    deeds.moved(before, zone.now)
    assert [d.harm for d in deeds.done] == ["mx1 takes mail", "", f"{standby} is unfit"]


def test_the_controller_and_naive_contestants_play_the_same_night() -> None:
    nights = [play("filter-hung", 2, who) for who in ("failover", *NAIVE)]
    assert len({n.story for n in nights}) == 1
    assert nights[0].grade.verdict is Verdict.RIGHT, nights[0]
    assert all(n.grade.verdict is not Verdict.RIGHT for n in nights[1:])
    assert values(nights)["total"]["right"] == 1
    assert "filter-hung" in text(nights)


def test_an_act_after_which_mail_waits_as_before_cured_nothing() -> None:
    scene, truth = stage("filter-hung", 1)
    (host,) = truth.hosts
    scene.world.advance(truth.begins + 60)
    for _ in range(3):
        scene.world.send(via=host)
    scene.world.advance(20)
    deeds = [Deed(scene.world.now, f"bypass {host}")]
    scene.world.advance(150)
    assert still_waiting(scene, truth, deeds) >= 3
    scene.machine(host).under.spamd.clear(Daemon.OK)
    scene.world.advance(60)
    assert still_waiting(scene, truth, deeds) == 0


def test_to_restart_all_on_a_long_queue_restarts_what_works() -> None:
    assert play("slow-filter-1.5", 2, "restart all on a long queue").grade.verdict is Verdict.HARMFUL
