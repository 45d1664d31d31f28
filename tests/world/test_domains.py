"""Three hosts and two domains: `mx-down` moves the mail of both, towards a host that is fit, and puts both back."""

from __future__ import annotations

import pytest

from failover.core.mx import mx_set
from failover.core.runs.journal import RunState
from failover.runs.service import Runs
from failover.world.ports import ports
from failover.world.postfix import HOMES
from failover.world.world import World, fleet
from tests.world.invariants import Cause
from tests.world.nights import CRON, FOREVER, Night, going_back_by_itself, playbooks

pytestmark = pytest.mark.slow

MINUTE = 60.0


def cut_off(seed: int) -> Night:
    """mx1 is cut off from its fifth minute on, in all ways."""
    world = World(seed, horizon=2 * FOREVER, of=fleet(standbys=2, domains=HOMES))
    night = Night(world, CRON, going_back_by_itself(playbooks()))
    world.traffic(rate=0.3, until=FOREVER)
    night.invariants.causes.append(Cause("mx-down", "mx1", 5 * MINUTE, 60 * MINUTE))
    world.at(5 * MINUTE, lambda: night.ends.append(world.machines["mx1"].under.link.lay(False)))
    return night


def first(night: Night) -> list[set[str]]:
    """Whom senders try first, domain by domain."""
    return [{n.split(".")[0] for n in zone.now.first} for zone in night.world.zones.values()]


def test_both_domains_are_moved_and_both_come_back() -> None:
    night = cut_off(7)
    night.go(13 * MINUTE)
    assert night.runs == ["mx-down mx1", "mx-down mx1"]
    one, two = night.invariants.records()
    assert (one.plan.params["domain"], two.plan.params["domain"]) == HOMES
    assert (two.opened - one.opened).total_seconds() < CRON, "in one cycle"
    assert first(night) == [{"mx2"}, {"mx2"}]
    night.go(30 * MINUTE)
    assert [m.title for m in night.pages] == ["mx1 is failing: unreachable"], "once, and cared for since"

    for end in night.ends:
        end()
    night.go(60 * MINUTE)
    assert first(night) == [{"mx1"}, {"mx1"}]
    assert len(night.runs) == 2
    assert {night.invariants.view(r).state for r in night.invariants.records()} == {RunState.ROLLED_BACK}
    night.let_mail_through()
    night.invariants.at_the_end()
    night.invariants.as_before()
    assert not night.invariants.broken
    assert {s.to[0].rpartition("@")[2] for s in night.world.sent} == set(HOMES)
    assert night.world.ledger().accepted > 900


def test_a_domain_that_needs_no_move_keeps_none_from_the_other() -> None:
    night = cut_off(10)
    zone = night.world.zone
    zone.now = mx_set(60, [(5, "mx2.lab.test"), (10, "mx1.lab.test"), (30, "mx3.lab.test")])
    zone.history[:] = [zone.now]
    night.go(13 * MINUTE)
    assert night.runs == ["mx-down mx1"]
    assert first(night) == [{"mx2"}, {"mx2"}]
    assert len(zone.history) == 1
    assert not night.invariants.broken


def test_the_next_host_takes_the_mail_where_the_first_is_full() -> None:
    night = cut_off(8)
    night.world.at(4 * MINUTE, lambda: night.world.machines["mx2"].under.disk_free.lay(7.0))
    night.go(13 * MINUTE)
    assert first(night) == [{"mx3"}, {"mx3"}]
    reasons = [r.reason for r in night.invariants.records()]
    assert all("mail goes to mx3, as mx2 is nearly full: disk.free" in r for r in reasons)
    for end in night.ends:
        end()
    night.go(40 * MINUTE)
    night.let_mail_through()
    assert not night.invariants.broken


def test_a_second_host_that_goes_down_is_a_persons_for_both_domains() -> None:
    night = cut_off(9)
    night.world.at(15 * MINUTE, lambda: night.ends.append(night.world.machines["mx2"].under.link.lay(False)))
    night.go(30 * MINUTE)
    assert first(night) == [{"mx2"}, {"mx2"}]
    assert night.runs == ["mx-down mx1", "mx-down mx1"]
    (page,) = [m for m in night.pages if m.key.startswith("mx2/") and "failover run mx-down" in m.text]
    assert "mail is kept away from mx1 already" in page.text
    for end in night.ends:
        end()
    night.go(60 * MINUTE)
    night.let_mail_through()
    assert not night.invariants.broken


def test_a_person_is_recommended_what_is_not_done_yet() -> None:
    night = cut_off(11)
    night.go(5 * MINUTE)
    night.world.advance(30.0)
    person, done = Runs(ports(night.world), night.world.store), []
    for _ in HOMES:
        verdict, _ = person.recommend(night.books)
        book = next(b for b in night.books if b.name == verdict.playbook)
        record, view = person.run(person.plan(book, dict(verdict.params or {})))
        done.append((view.state, record.plan.params["domain"]))
    assert done == [(RunState.SUCCEEDED, home) for home in HOMES]
