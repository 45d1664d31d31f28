"""A zone in memory with the port's rules, that can lose answers, be edited by others, and kill whoever writes to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from failover.core.mx import MxSet
from failover.errors import Changed, OutcomeUnknown, Unreachable
from failover.ports import CheckLease, by_hand
from failover.world.faults import Moments


@dataclass
class Zone:
    """`faults` are for the next swaps, one each; `before_swap` runs once, between the caller's read and its write.
    Right before and right after a write are moments at which the writer can die."""

    now: MxSet
    faults: list[str] = field(default_factory=list)
    before_swap: Callable[[], object] | None = None
    bad_names: Mapping[str, str] = field(default_factory=dict)
    swaps: int = 0
    history: list[MxSet] = field(default_factory=list)
    moments: Moments = field(default_factory=Moments)
    stale: MxSet | None = None

    def mx(self, name: str) -> MxSet:
        if self.faults[:1] == ["unreadable"]:
            self.faults.pop(0)
            raise Unreachable("no route", try_="wait")
        return self.now

    def swap(self, name: str, *, expected: MxSet, wanted: MxSet, check_lease: CheckLease = by_hand) -> None:
        self._reads(expected, wanted)
        serial = len(self.history)
        check_lease()
        if edit := self.before_swap:
            self.before_swap = None
            edit()
            if len(self.history) != serial:
                return self.swap(name, expected=expected, wanted=wanted, check_lease=check_lease)
        fault = self.faults.pop(0) if self.faults else ""
        self.moments("swap")
        if fault == "lost":
            raise OutcomeUnknown("no answer", try_="look")
        self._reads(expected, wanted)
        self.edit(wanted)
        self.swaps += 1
        self.moments("swapped")
        if fault == "done, answer lost":
            raise OutcomeUnknown("no answer", try_="look")

    def _reads(self, *sets: MxSet) -> None:
        if self.now not in sets:
            raise Changed(f"{self.now} is there", try_="plan again")

    def edit(self, to: MxSet) -> None:
        self.now = to
        self.history.append(to)

    def seen(self, name: str) -> Mapping[str, MxSet | str]:
        return {"192.0.2.53": self.now, "192.0.2.54": self.stale or self.now}

    def trouble(self, exchange: str) -> str | None:
        return self.bad_names.get(exchange)
