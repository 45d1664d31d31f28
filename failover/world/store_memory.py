"""The controller's memory on a simulated disk, by the durable store's rules."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import attrgetter

from failover.core.alerting.alert import Message, Told
from failover.core.decide.past import Cycle
from failover.core.observe.signal import Samples
from failover.core.runs.retention import OLDEST_PROPOSAL, forgotten
from failover.ports import Proposal, Unsent
from failover.world.faults import Moments


@dataclass
class Memory:
    """The part that survives a process."""

    looks: list[tuple[datetime, Samples]] = field(default_factory=list)
    incidents: dict[str, Told] = field(default_factory=dict)
    outbox: dict[int, Unsent] = field(default_factory=dict)
    proposals: dict[str, Proposal] = field(default_factory=dict)
    cycle: Cycle | None = None
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))


class MemoryOnDisk:
    """The second half of the Store port. Every write is a moment, as in the first half."""

    def __init__(self, memory: Memory, moments: Moments) -> None:
        self._memory = memory
        self._moments = moments

    # Looks ---------------------------------------------------------------------

    def remember(self, look: Samples) -> None:
        if look:
            self._moments("before remember")
            self._memory.looks.append((max(s.at for s in look), look))
            self._moments("after remember")

    def samples(self, since: datetime) -> Samples:
        looks = sorted((one for one in self._memory.looks if one[0] >= since), key=lambda one: one[0])
        return tuple(sorted((s for _, look in looks for s in look), key=attrgetter("at")))

    def thin(self, now: datetime, *, kept: timedelta = timedelta()) -> int:
        memory, before = self._memory, len(self._memory.looks)
        going = frozenset(forgotten([at for at, _ in memory.looks], now))
        listed = {k: p for k, p in memory.proposals.items() if p.until >= now - OLDEST_PROPOSAL}
        self._moments("before thin")
        memory.looks = [one for one in memory.looks if one[0] not in going]
        memory.proposals = listed
        self.forget_runs(now, kept)
        self._moments("after thin")
        return before - len(memory.looks)

    def forget_runs(self, now: datetime, kept: timedelta) -> None:
        """The runs are in the first half."""

    # Incidents and what is said of them ----------------------------------------

    def told(self) -> tuple[Told, ...]:
        return tuple(sorted(self._memory.incidents.values(), key=lambda t: (t.first, t.key)))

    def tell(
        self, rows: Iterable[Told], gone: Iterable[str], out: Iterable[tuple[str, Message]], *, at: datetime
    ) -> None:
        known, over, messages = {row.key: row for row in rows}, frozenset(gone), tuple(out)
        if not (known or over or messages):
            return
        self._moments("before tell")
        kept = {k: t for k, t in self._memory.incidents.items() if k not in over}
        self._memory.incidents = kept | known
        for channel, message in messages:
            self._put_out(channel, message, at)
        self._moments("after tell")

    def _put_out(self, channel: str, message: Message, at: datetime) -> None:
        same = (channel, message.key, message.resolves)
        waiting = self._memory.outbox
        for n in [n for n, u in waiting.items() if (u.channel, u.message.key, u.message.resolves) == same]:
            del waiting[n]
        number = next(self._memory.numbers)
        waiting[number] = Unsent(number, channel, message, at, at)

    def unsent(self) -> tuple[Unsent, ...]:
        return tuple(self._memory.outbox.values())

    def sent(self, number: int) -> None:
        self._moments("before sent")
        self._memory.outbox.pop(number, None)
        self._moments("after sent")

    def put_off(self, number: int, *, due: datetime, why: str) -> None:
        self._moments("before put off")
        if one := self._memory.outbox.get(number):
            self._memory.outbox[number] = replace(one, due=due, why=why, tries=one.tries + 1)
        self._moments("after put off")

    def drop(self, number: int) -> None:
        self.sent(number)

    # Proposals and cycles --------------------------------------------------------

    def propose(self, proposal: Proposal) -> None:
        self._moments("before propose")
        self._memory.proposals[proposal.key] = proposal
        self._moments("after propose")

    def proposal(self, key: str) -> Proposal | None:
        return self._memory.proposals.get(key)

    def proposals(self, now: datetime | None = None) -> tuple[Proposal, ...]:
        wanted = (p for p in self._memory.proposals.values() if now is None or p.until > now)
        return tuple(sorted(wanted, key=lambda p: (p.at, p.key), reverse=True))

    def ended(self, cycle: Cycle) -> None:
        self._moments("before ended")
        self._memory.cycle = replace(cycle, seen=dict(cycle.seen))
        self._moments("after ended")

    def cycle(self) -> Cycle | None:
        return self._memory.cycle
