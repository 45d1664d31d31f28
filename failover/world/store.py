"""The Store port in memory, by the rules of the durable one: what was written survives its process."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from failover.core.plain import plain
from failover.core.runs.journal import Did, Event
from failover.core.runs.retention import LEAST_RUNS, newest_alike, outlived
from failover.core.runs.summary import Folded, Summary, outline
from failover.errors import Refused
from failover.ports import Lease, Pause, RunRecord
from failover.world.faults import Moments
from failover.world.store_memory import Memory, MemoryOnDisk


@dataclass
class Disk:
    """The state that survives a process. `dead`: holders that have ended, as this machine knows."""

    records: dict[str, RunRecord] = field(default_factory=dict)
    events: dict[str, list[Event]] = field(default_factory=dict)
    folded: dict[str, Folded] = field(default_factory=dict)
    leases: dict[str, Lease] = field(default_factory=dict)
    epoch: int = 0
    pauses: list[Pause] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)
    dead: set[str] = field(default_factory=set)
    names: Iterable[int] = field(default_factory=itertools.count)


class MemoryStore(MemoryOnDisk):
    """One process's view of a disk. Every write is a moment: the process can die right before and after it."""

    def __init__(
        self, disk: Disk | None = None, moments: Moments | None = None, *, machine: str = "controller"
    ) -> None:
        self.disk = disk or Disk()
        self.holder = f"{machine}/{next(iter(self.disk.names))}"
        super().__init__(self.disk.memory, moments or Moments())

    def reborn(self, moments: Moments | None = None) -> MemoryStore:
        """A new process on the same machine, after this one died."""
        self.disk.dead.add(self.holder)
        return MemoryStore(self.disk, moments or self._moments, machine=self.holder.split("/")[0])

    def elsewhere(self, moments: Moments | None = None) -> MemoryStore:
        """Another controller, alive, on another machine, with the same store."""
        return MemoryStore(self.disk, moments, machine="elsewhere")

    # Leases --------------------------------------------------------------------

    def lease(self, run: str, scopes: Iterable[str], *, seconds: float, now: datetime) -> Lease:
        wanted = tuple(sorted(set(scopes))) or (run,)
        for scope, held in self.disk.leases.items():
            if (scope in wanted or held.run == run) and not self._free(held, run, now):
                raise Refused(
                    f"{scope} is held by run {held.run} ({held.holder}) until {held.until}", try_="failover status"
                )
        self.disk.epoch = max(self.disk.epoch + 1, int(now.timestamp()))
        lease = Lease(wanted, run, self.disk.epoch, now + timedelta(seconds=seconds), self.holder)
        self._moments("before lease")
        self.disk.leases = {k: v for k, v in self.disk.leases.items() if v.run != run} | dict.fromkeys(wanted, lease)
        self._moments("after lease")
        return lease

    def _free(self, held: Lease, run: str, now: datetime) -> bool:
        ours = held.run == run and held.holder == self.holder
        same_machine = held.holder.split("/")[0] == self.holder.split("/")[0]
        return ours or held.until <= now or (same_machine and held.holder in self.disk.dead)

    def renew(self, lease: Lease, *, seconds: float, now: datetime) -> Lease:
        self._check(lease)
        longer = replace(lease, until=now + timedelta(seconds=seconds))
        self.disk.leases.update(dict.fromkeys(lease.scopes, longer))
        return longer

    def release(self, lease: Lease) -> None:
        kept = {k: v for k, v in self.disk.leases.items() if v.epoch != lease.epoch}
        self._moments("before release")
        self.disk.leases = kept
        self._moments("after release")

    def holders(self, now: datetime) -> tuple[Lease, ...]:
        live = {v.run: v for v in self.disk.leases.values() if v.until > now and v.holder not in self.disk.dead}
        return tuple(live.values())

    def epoch(self) -> int:
        return self.disk.epoch

    def _check(self, lease: Lease) -> None:
        for scope in lease.scopes:
            held = self.disk.leases.get(scope)
            if held is None or held.epoch != lease.epoch:
                by = f"taken over by run {held.run} ({held.holder})" if held else "released"
                raise Refused(f"the lease of run {lease.run} on {scope} was {by}", try_="failover status")

    # Runs ----------------------------------------------------------------------

    def open(self, record: RunRecord) -> RunRecord:
        known = [r for r in self.disk.records.values() if record.key is not None and r.key == record.key]
        if known:
            return known[0]
        self._moments("before open")
        if record.id in self.disk.records:
            raise Refused(f"there is a run {record.id} already", try_="failover runs")
        self.disk.records[record.id] = record
        self.disk.events[record.id] = []
        self.disk.folded[record.id] = Folded.of(outline(record.plan), record.opened)
        self._moments("after open")
        return record

    def append(self, lease: Lease, kind: Did, step: str | None, data: Mapping[str, Any], *, at: datetime) -> Event:
        self._moments(f"before {kind} {step or ''}".rstrip())
        self._check(lease)
        event = self._write(lease.run, kind, step, data, at)
        self._moments(f"after {kind} {step or ''}".rstrip())
        return event

    def note(self, run: str, kind: Did, step: str | None, data: Mapping[str, Any], *, at: datetime) -> Event:
        return self._write(run, kind, step, data, at)

    def _write(self, run: str, kind: Did, step: str | None, data: Mapping[str, Any], at: datetime) -> Event:
        if run not in self.disk.events:
            raise Refused(f"there is no run {run}", try_="failover runs")
        stored = json.loads(json.dumps(plain(data)))  # as the durable store would give it back
        event = Event(len(self.disk.events[run]) + 1, at, kind, step, stored)
        folded = self.disk.folded[run].after(event)
        self.disk.events[run].append(event)
        self.disk.folded[run] = folded
        return event

    def run(self, run: str) -> RunRecord | None:
        return self.disk.records.get(run)

    def runs(self, limit: int = 50) -> tuple[RunRecord, ...]:
        return tuple(self._newest()[:limit])

    def by_key(self, key: str) -> RunRecord | None:
        return next((r for r in self.disk.records.values() if r.key == key), None)

    def named(self, beginning: str, limit: int = 10) -> tuple[str, ...]:
        return tuple(sorted(run for run in self.disk.records if run.startswith(beginning))[:limit])

    def current(self, since: datetime | None = None, alike: int | None = None) -> tuple[Summary, ...]:
        known = self._summaries()
        recent = tuple(s for s in known if since is not None and s.progress.touched >= since)
        wanted = {s.run for s in (recent if alike is None else newest_alike(recent, alike))}
        return tuple(s for s in known if s.progress.open or s.progress.owes or s.run in wanted)

    def listed(self, limit: int = 50, before: str | None = None) -> tuple[Summary, ...]:
        newest = self._summaries()
        older = [n for n, s in enumerate(newest, start=1) if s.run == before] if before is not None else [0]
        return newest[older[0] :][:limit] if older else ()

    def _summaries(self) -> tuple[Summary, ...]:
        of = self.disk.folded
        return tuple(
            Summary(r.id, r.opened, r.by, r.reason, of[r.id].outline, of[r.id].progress) for r in self._newest()
        )

    def _newest(self) -> list[RunRecord]:
        return sorted(self.disk.records.values(), key=lambda r: (r.opened, r.id), reverse=True)

    def forget_runs(self, now: datetime, kept: timedelta) -> None:
        known = self._summaries()
        nth_newest = known[LEAST_RUNS - 1].opened if len(known) >= LEAST_RUNS else None
        oldest = sorted(known, key=lambda s: s.progress.touched)
        for run in outlived(oldest, nth_newest, now, kept):
            for of in (self.disk.records, self.disk.events, self.disk.folded):
                of.pop(run)

    def events(self, run: str) -> tuple[Event, ...]:
        return tuple(self.disk.events.get(run, ()))

    # Pauses --------------------------------------------------------------------

    def pause(self, pause: Pause) -> None:
        """One per host and one for all; a later one replaces it."""
        self.disk.pauses = [p for p in self.disk.pauses if p.host != pause.host] + [pause]

    def unpause(self, host: str | None) -> int:
        """None lifts every pause."""
        before = len(self.disk.pauses)
        self.disk.pauses = [p for p in self.disk.pauses if host is not None and p.host != host]
        return before - len(self.disk.pauses)

    def pauses(self, now: datetime) -> tuple[Pause, ...]:
        live = (p for p in self.disk.pauses if p.until > now)
        return tuple(sorted(live, key=lambda p: p.host or ""))
