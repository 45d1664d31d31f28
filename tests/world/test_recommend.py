"""What a person is recommended: as many looks as the triggers ask for are had in one go; and it cures what is named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from failover.config.catalogue import find
from failover.config.playbooks import bind_playbook, load_playbook
from failover.core.decide.verdict import Decision
from failover.core.observe.signal import Samples
from failover.core.runs.journal import Phase, RunState
from failover.ports import RunRecord
from failover.runs.engine import Engine
from failover.runs.planner import make_plan
from failover.runs.service import Runs
from failover.world.ports import ports
from failover.world.postfix import Daemon
from failover.world.world import World
from tests.world.nights import playbooks


def test_first_look_that_begins_late_leaves_three_that_count() -> None:
    """What it loads first takes its time; looks that are closer than the spacing count as one."""
    world = World(3)
    world.handler("mx1", Daemon.DOWN)
    ours, late = ports(world), [0.4]

    def look(hosts: Iterable[str], names: frozenset[str] | None, waited: float = 0.0) -> Samples:
        world.advance(late.pop() if late else 0.0)
        return ours.look(hosts, names, waited)

    playbook = load_playbook(find("handler-down", None))
    verdict, _ = Runs(replace(ours, look=look), world.store).recommend((playbook,))
    assert (verdict.kind, verdict.host) == (Decision.RUN, "mx1"), verdict.because


def both() -> World:
    world = World(11)
    world.traffic(rate=1.0, until=260)
    world.advance(5)
    world.handler("mx1", Daemon.DOWN)
    world.spamd("mx1", Daemon.HUNG)
    world.advance(70)
    return world


def test_with_the_handler_down_and_the_filter_hung_what_is_recommended_cures_both_in_turn() -> None:
    world, made = both(), []
    for _ in range(2):
        person = Runs(ports(world), world.store)
        verdict, _ = person.recommend(playbooks())
        assert verdict.kind is Decision.RUN, verdict.because
        book = next(p for p in playbooks() if p.name == verdict.playbook)
        _, view = person.run(person.plan(book, dict(verdict.params or {})))
        assert view.state is RunState.SUCCEEDED, view.because
        made.append(f"{verdict.playbook} {verdict.host}")
    assert made == ["handler-down mx1", "spam-filter-hung mx1"]
    assert person.recommend(playbooks())[0].kind is Decision.HOLD
    world.advance(max(0.0, 270 - world.now))
    assert world.drain()
    assert world.ledger().exact


def test_mail_that_a_closed_handler_refuses_is_not_called_drained() -> None:
    """The wrong one of the two, by name: the bypass sends mail on to a port that is closed."""
    world = both()
    given = {"sick": "mx1"}
    bound = bind_playbook(load_playbook(find("spam-filter-hung", None)), given, world.fleet)
    record = RunRecord("run-1", world.clock.now(), "test", "", make_plan(bound, given, ports(world), ()))
    view = Engine(ports(world), world.store).start(record)
    assert view.state is not RunState.SUCCEEDED, view
    assert Phase.VERIFIED not in {view.steps["drain"].phase, view.steps["bypass"].phase}
