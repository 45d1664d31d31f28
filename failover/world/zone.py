"""The DnsZone port in memory: a primary that compares and swaps, and a secondary that follows at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from failover.core.mx import MxSet, mx_set
from failover.errors import Changed
from failover.ports import CheckLease, by_hand
from failover.world.faults import Moments
from failover.world.network import Network

SERVERS = ("10.77.0.53", "10.77.0.54")


def usual(hosts: Iterable[str] = ("mx1", "mx2")) -> MxSet:
    """The hosts in their order, with room between them."""
    return mx_set(60, [(10 * place, f"{host}.lab.test") for place, host in enumerate(hosts, 1)])


@dataclass
class WorldZone:
    """`history`: the first set, and every set since."""

    network: Network
    moments: Moments
    now: MxSet = field(default_factory=usual)
    history: list[MxSet] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.history.append(self.now)

    def mx(self, name: str) -> MxSet:
        self.network.try_(SERVERS[0])
        return self.now

    def swap(self, name: str, *, expected: MxSet, wanted: MxSet, check_lease: CheckLease = by_hand) -> None:
        self.network.try_(SERVERS[0])
        while self.now != wanted:
            if self.now != expected:
                raise Changed(f"{name} reads {self.now}, not {expected}", try_="plan again")
            serial = len(self.history)
            check_lease()
            self.moments(f"before swap {name}")
            if len(self.history) == serial:
                self.edit(wanted)
        self.moments(f"after swap {name}")

    def edit(self, to: MxSet) -> None:
        self.now = to
        self.history.append(to)

    def seen(self, name: str) -> Mapping[str, MxSet | str]:
        return {s: "no answer" if self.network.lost() else self.now for s in SERVERS}

    def trouble(self, exchange: str) -> str | None:
        return None
