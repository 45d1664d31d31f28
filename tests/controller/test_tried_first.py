"""DNS says which MX senders try first. A look asks for some seconds only, for there may be thousands of domains."""

from __future__ import annotations

from dataclasses import dataclass, replace

from failover.controller.observe import ASKED_S, _tried_first
from failover.core.mx import MxSet
from failover.runs.service import Runs
from failover.world.ports import ports
from failover.world.world import World
from failover.world.zone import WorldZone

TAKES_S = 2.0


@dataclass
class Slow(WorldZone):
    """Its name server takes its time."""

    world: World | None = None

    def mx(self, name: str) -> MxSet:
        assert self.world is not None
        self.world.advance(TAKES_S)
        return super().mx(name)


def test_name_servers_are_asked_for_some_seconds_however_many_domains_there_are() -> None:
    world = World(1)
    (one,) = world.fleet.domains.values()
    names = [f"d{n}.example" for n in range(1000)]
    world.fleet = replace(world.fleet, domains={name: replace(one, name=name) for name in names})
    world.zones = {name: Slow(world.network, world.moments, world=world) for name in names}
    found = _tried_first(Runs(ports(world), world.store), names)
    assert list(found) == names[: int(ASKED_S / TAKES_S) + 1]
    assert set(found.values()) == {frozenset({"mx1"})}
