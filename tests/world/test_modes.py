"""What the controller may do by itself: tell, ask, or act; and what it does about a cure that somebody undid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from failover.config.catalogue import find
from failover.config.playbooks import load_playbook
from failover.controller.cycle import cycle
from failover.controller.result import CycleResult
from failover.core.alerting.alert import Message
from failover.core.decide.past import Pause
from failover.core.decide.verdict import Decision
from failover.core.fleet import Mode, Policy
from failover.core.observe.signal import Outcome, Samples
from failover.core.runs.journal import RunState
from failover.core.runs.playbook import Playbook
from failover.errors import Refused
from failover.runs.history import Run, read
from failover.runs.service import Runs
from failover.world.ports import ports
from failover.world.postfix import Daemon
from failover.world.world import World

BOOKS = (load_playbook(find("spam-filter-hung", None)),)


@dataclass
class Watched:
    """A world whose filter hangs at 10 s, and a controller that looks each 10 s."""

    mode: Mode
    world: World = field(default_factory=lambda: World.august_11(5, rate=2, hang_at=10, until=1200))

    def __post_init__(self) -> None:
        self.world.fleet = replace(self.world.fleet, policy=Policy(mode=self.mode))
        self.c = Runs(ports(self.world), self.world.store)

    def until(self, second: float, books: tuple[Playbook, ...] = BOOKS) -> CycleResult:
        while self.world.now < second:
            turn = cycle(self.c, books)
            self.world.advance(10)
        return turn

    @property
    def runs(self) -> tuple[Run, ...]:
        return read(self.c.store, self.c.store.listed())

    @property
    def told(self) -> list[Message]:
        return [m for _, _, m in self.world.notifier.sent]


def test_observe_changes_nothing_and_says_once_what_it_would_have_done() -> None:
    w = Watched(Mode.OBSERVE)
    turn = w.until(400)
    assert (turn.verdict.kind, turn.verdict.playbook, turn.verdict.host) == (Decision.PAGE, "spam-filter-hung", "mx1")
    assert w.world.files() == w.world.pristine
    assert w.runs == ()
    (page,) = w.told
    assert page.key == "mx1/spam-filter-hung"
    assert "failover run spam-filter-hung --set sick=mx1" in page.text


def test_ask_lays_one_plan_before_a_person_and_runs_it_on_their_yes_alone() -> None:
    w = Watched(Mode.ASK)
    w.until(400)
    (question,) = w.told
    (asked,) = w.c.store.proposals()
    assert f"failover run --key {asked.key}" in question.text
    assert w.world.files() == w.world.pristine
    _, view = w.c.run(asked.plan, key=asked.key)
    assert view.state is RunState.SUCCEEDED
    again, _ = w.c.run(asked.plan, key=asked.key)
    assert [r.id for r, _ in w.runs] == [again.id]


def test_a_question_that_nobody_answered_ends_and_is_asked_again_while_it_is_bad() -> None:
    w = Watched(Mode.ASK)
    w.until(400)
    w.until(400 + w.world.fleet.policy.ask_s)
    newest, first = w.c.store.proposals()
    assert newest.at >= first.until
    assert len(w.told) == 2


def test_a_pause_keeps_it_off_and_is_no_page_for_ten_minutes() -> None:
    w = Watched(Mode.AUTO)
    now = w.c.now
    w.c.store.pause(Pause("mx1", "ann", "I am on it", now, now + timedelta(hours=2)))
    turn = w.until(500)
    assert turn.verdict.kind is Decision.HOLD
    assert "paused by ann" in turn.verdict.because[-1]
    assert w.told == []
    w.until(900)
    assert [m.severity for m in w.told] == ["warning"]


def test_a_cure_that_somebody_undid_is_neither_repeated_nor_passed_over() -> None:
    w = Watched(Mode.AUTO)
    w.until(100)
    (record, view) = w.runs[0]
    assert view.state is RunState.SUCCEEDED
    w.world.machines["mx1"].rewire("smtpd-pipe")
    turn = w.until(400)
    assert turn.verdict.kind is Decision.PAGE
    assert f"somebody reverted run {record.id} (" in turn.verdict.because[-1]
    assert len(w.runs) == 1
    assert any(m.severity == "critical" for m in w.told)


def test_a_return_that_its_guard_stops_leaves_the_cure_in_force_and_is_tried_again() -> None:
    """The filter is slow again for just the look before the undo: no reason to keep every cure off the host."""
    w = Watched(Mode.AUTO)
    books = tuple(replace(b, failback=b.failback and replace(b.failback, mode="auto")) for b in BOOKS)
    w.until(100, books)
    w.world.spamd("mx1", Daemon.OK)
    calm, stumbles = w.c.ports.look, [1]

    def look(hosts: Iterable[str], names: frozenset[str] | None, waited: float = 0.0) -> Samples:
        found = calm(hosts, names, waited)
        if names is None or "spam.scan" not in names or not stumbles:
            return found
        stumbles.pop()
        return tuple(replace(s, outcome=Outcome.WARN) if s.name == "spam.scan" else s for s in found)

    w.c = Runs(replace(w.c.ports, look=look), w.world.store)
    w.until(100 + 900 + 20, books)
    (record, view) = w.runs[0]
    assert stumbles == []
    assert (view.state, view.open) == (RunState.SUCCEEDED, False)
    assert "its return waits" in view.because
    w.until(1100, books)
    assert w.c.view(record).state is RunState.ROLLED_BACK
    assert w.world.files() == w.world.pristine
    assert all(m.severity != "critical" for m in w.told)


def test_a_tick_fills_its_minute_with_looks_when_it_is_told_to() -> None:
    w = Watched(Mode.AUTO, World.august_11(5, rate=1, hang_at=5000, until=100))
    cycle(w.c, BOOKS, calm_s=50)
    assert len({s.at for s in w.c.store.samples(w.c.now - timedelta(minutes=2))}) == 4
    assert 45 <= w.world.now < 50


def test_a_second_controller_is_told_who_decides() -> None:
    w = Watched(Mode.AUTO)
    lease = w.c.store.lease("cycle", ("controller",), seconds=60, now=w.c.now)
    other = Runs(ports(w.world), w.world.store.elsewhere())
    with pytest.raises(Refused, match="another controller decides"):
        cycle(other, BOOKS)
    w.c.store.release(lease)
    assert cycle(other, BOOKS).verdict.kind is Decision.HOLD
