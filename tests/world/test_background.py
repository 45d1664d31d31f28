"""While a run on one host waits for its effect, the others are looked at, remembered and told of; and nothing is begun.

mx1's handler works off a queue for minutes, under a run; 20 s into that, mx2's filter hangs. Here the run waits to its
end all the same; that it gives way is in test_giving_way.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from failover.actions import wait
from failover.actions.base import Context
from failover.controller import background
from failover.controller.cycle import cycle
from failover.controller.leader import LEAD_S, LEADER
from failover.controller.result import CycleResult
from failover.core.alerting.alert import Message
from failover.core.observe.diagnosis import STILL_S
from failover.core.observe.signal import Samples
from failover.core.runs.journal import Did, RunState
from failover.core.runs.playbook import Playbook, StepSpec
from failover.errors import Refused, Unreachable
from failover.runs.service import Runs
from failover.world.ports import ports
from failover.world.postfix import Daemon
from failover.world.world import World
from tests.world.invariants import Cause
from tests.world.nights import CRON, FOREVER, WATCH, Night
from tests.world.runs import scene

pytestmark = pytest.mark.slow

BACKLOG = 1800
USUAL_S = 120.0
"""For so long a host that fails is nobody's worry yet: it may be a restart."""


@pytest.fixture(autouse=True)
def _no_run_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "more_urgent", lambda situation, run: "")


@dataclass
class Drain:
    """`seen`: the moments of it, and when; the drain begins and ends at `began` and `ended`."""

    night: Night
    seen: list[tuple[str, float]] = field(default_factory=list)
    during: Callable[[str], object] = lambda label: None

    @classmethod
    def of(cls, every: float = WATCH) -> Drain:
        world = World(3, horizon=2 * FOREVER)
        night = Night(world, every)
        for host, playbook in (("mx1", "handler-down"), ("mx2", "spam-filter-hung")):
            world.traffic(rate=0.3, until=FOREVER, via=host)
            night.invariants.causes.append(Cause(playbook, host, 0, FOREVER))
        night.go(60)
        world.handler("mx1", Daemon.DOWN)
        world.machines["mx1"].postfix.handle_s = (2.5, 3.5)
        for _ in range(BACKLOG):
            world.send(via="mx1")
        drain = cls(night)
        world.moments.watch = drain._watch
        return drain

    def _watch(self, label: str) -> None:
        self.night.invariants.at(label)
        if label == "after acted drain" and not self.drains:
            self.night.world.at(self.world.now + 20, lambda: self.world.spamd("mx2", Daemon.HUNG))
        self.seen.append((label, self.world.now))
        if self.drains:
            self.during(label)

    @property
    def world(self) -> World:
        return self.night.world

    @property
    def drains(self) -> bool:
        labels = [label for label, _ in self.seen]
        return "after acted drain" in labels and "after closed" not in labels

    def first(self, label: str) -> float:
        return next(at for found, at in self.seen if found == label)

    @property
    def began(self) -> float:
        return self.first("after acted drain")

    @property
    def ended(self) -> float:
        return self.first("after closed")

    @property
    def hung(self) -> float:
        return self.began + 20

    def go(self, minutes: int = 12) -> None:
        """Until mx2 was cured, too."""
        until = self.world.now + 60 * minutes
        while self.night.runs != ["handler-down mx1", "spam-filter-hung mx2"] and self.world.now < until:
            self.night.go(self.world.now + self.night.every)

    def told(self) -> list[tuple[float, Message]]:
        start = self.world.timeline.datetime - timedelta(seconds=self.world.now)
        return [((at - start).total_seconds(), m) for at, _, m in self.world.notifier.sent]


@pytest.mark.parametrize("every", [WATCH, CRON])
def test_an_incident_elsewhere_is_told_in_its_usual_time_and_cured_at_once_after_the_run(every: float) -> None:
    d = Drain.of(every)
    d.go()
    assert d.ended - d.began > 240
    looked = [at for label, at in d.seen if label == "after remember" and d.began < at < d.ended]
    gaps = [b - a for a, b in zip([d.began, *looked], [*looked, d.ended], strict=True)]
    assert max(gaps) < 30, gaps
    before = [(at, m) for at, m in d.told() if at < d.ended - 1]
    assert [m.key for _, m in before] == ["mx2/spam-filter-hung"], "of mx1 its run tells"
    at, page = before[0]
    assert USUAL_S <= at - d.hung < USUAL_S + 60 + STILL_S
    assert "is at work on mx1" in page.text
    opened = [r.opened for r in d.night.invariants.records()]
    start = d.world.timeline.datetime - timedelta(seconds=d.world.now)
    waited = (opened[1] - start).total_seconds() - d.ended
    assert 0 < waited < every + 12, "three looks more would be 20 s more"
    assert not d.night.invariants.broken


def through(d: Drain, c: Runs | None = None, alive: Callable[[], object] = lambda: None) -> CycleResult:
    """One cycle after another, up to the one that made the run."""
    c = c or d.night.controller()
    while not d.night.runs:
        d.world.advance(5)
        turn = cycle(c, d.night.books, alive=alive)
    return turn


def test_it_shows_that_it_is_alive_only_after_a_look() -> None:
    d, beats = Drain.of(), list[float]()
    assert through(d, alive=lambda: beats.append(d.world.now)).missed == ""
    ends = [at for label, at in d.seen if label == "after ended" and at < d.ended]
    assert beats == ends[-len(beats) :]
    assert len([b for b in beats if b > d.began]) >= 8


@pytest.mark.faults
@pytest.mark.parametrize(
    ("error", "said"),
    [(Unreachable("no disk", try_="look"), "no disk"), (ZeroDivisionError("a bug"), "report it: ZeroDivisionError at")],
)
def test_what_fails_in_it_does_not_fail_the_run(error: Exception, said: str) -> None:
    d = Drain.of()
    c = d.night.controller()
    calm = c.ports.look

    def look(hosts: Iterable[str], names: frozenset[str] | None, waited: float = 0.0) -> Samples:
        if names is None and d.drains:
            raise error
        return calm(hosts, names, waited)

    turn = through(d, Runs(replace(c.ports, look=look), c.store))
    assert turn.runs[0][1].state is RunState.SUCCEEDED
    assert said in turn.missed
    assert any("succeeded" in m.title for _, m in d.told())


# Who leads --------------------------------------------------------------------


def test_another_controller_does_not_take_the_lead_from_one_that_looks() -> None:
    d, other = Drain.of(), list[Runs]()
    refused: list[float] = []

    def stands_by() -> None:
        other.append(other[0] if other else Runs(ports(d.world), d.world.store.elsewhere()))
        with pytest.raises(Refused, match="another controller decides"):
            cycle(other[0], d.night.books)
        refused.append(d.world.now)

    for second in range(150, 400, 10):
        d.world.at(second, stands_by)
    turn = through(d)
    assert turn.runs[0][1].state is RunState.SUCCEEDED
    assert len([at for at in refused if at < d.ended]) > 20
    assert d.ended - d.began > 2 * LEAD_S


def test_one_that_hangs_loses_the_lead_and_keeps_its_run() -> None:
    """Its own lease holds longer than the lead; who leads instead looks, tells, and leaves mx1 alone."""
    d, taken = Drain.of(), list[str]()
    other = Runs(ports(d.world), d.world.store.elsewhere())

    def hangs(label: str) -> None:
        if label == "before call look" and d.world.now > d.began + 60 and not taken:
            d.world.advance(LEAD_S + 1)
            lease = other.store.lease(LEADER, ("controller",), seconds=FOREVER, now=other.now)
            taken.append(lease.run)

    d.during = hangs
    with pytest.raises(Refused, match="another controller took over"):
        through(d)
    (record,) = d.night.invariants.records()
    assert taken == [LEADER]
    assert d.night.invariants.view(record).state is RunState.SUCCEEDED
    assert d.told() == [], "who has no lead tells nobody"


# Killed in it -------------------------------------------------------------------

MOMENTS = ("remember", "tell", "ended", "sent")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("what", MOMENTS)
def test_killed_in_it_the_next_cycle_finishes_the_run_and_all_is_told(what: str, when: str) -> None:
    d = Drain.of()
    moments, killed = d.world.moments, list[float]()

    def kill(label: str) -> None:
        if label == f"{when} {what}" and d.world.now > d.began + 100 and not killed:
            killed.append(d.world.now)
            moments.kill_at = len(moments.seen)

    d.during = kill
    d.go()
    assert killed, "it never came to that"
    assert [d.night.invariants.view(r).state for r in d.night.invariants.records()] == [RunState.SUCCEEDED] * 2
    pages = [m for _, m in d.told() if m.title.startswith("mx2 is failing")]
    assert len(pages) in {1, 1 + (when == "before" and what == "sent")}
    d.world.advance(30)
    d.night.invariants.at_the_end()
    assert not d.night.invariants.broken


# What a wait has to spare ---------------------------------------------------------


def test_whatever_a_wait_is_used_for_the_verify_answers_in_time() -> None:
    s = scene(rate=6, until=300)
    s.mx1.postfix.reload = lambda: None  # type: ignore[method-assign]
    engine, given = s.engine(), list[float]()

    def all_of_it(spare_s: float) -> None:
        given.append(spare_s)
        s.world.advance(max(0.0, spare_s))

    engine.background = all_of_it
    assert engine.start(s.record).state is RunState.ROLLED_BACK
    at = {e.kind: e.at for e in s.world.store.events(s.record.id) if e.step == "bypass"}
    within = s.record.plan.steps[0].verify[0].within
    assert within <= (at[Did.FAILED] - at[Did.ACTED]).total_seconds() < within + 10
    assert max(given) < within


def test_a_step_that_only_waits_leaves_its_time() -> None:
    s = scene()
    engine, given = s.engine(), list[float]()
    engine.background = given.append
    rest = StepSpec("rest", "wait", wait.Wait.model_validate({"for": 60.0}))
    step = wait.ACTION.plan(rest, Context(engine.ports, Playbook("rest", "", ()), ()))
    record = replace(s.record, plan=replace(s.record.plan, steps=(step,), preconditions=()))
    began = s.world.now
    assert engine.start(record).state is RunState.SUCCEEDED
    assert 59 < s.world.now - began < 62
    assert given[0] == 60
    assert len(given) > 30
