"""What a person is recommended: as many looks as the triggers ask for are had in one go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from failover.config.catalogue import find
from failover.config.playbooks import load_playbook
from failover.core.decide.verdict import Decision
from failover.core.observe.signal import Samples
from failover.runs.service import Runs
from failover.world.ports import ports
from failover.world.postfix import Daemon
from failover.world.world import World


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
