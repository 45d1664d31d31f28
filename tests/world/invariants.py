"""What must be so at every moment of every night, whatever happens: the laws, checked against the world's own truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from failover.core.runs.journal import NEEDS_PERSON, RunState, RunView, fold
from failover.core.runs.plan import Step
from failover.core.runs.playbook import Limits
from failover.ports import RunRecord
from failover.world.postfix import MASTER, Daemon, Files
from failover.world.remote import Call
from failover.world.world import World

ACTING = {"bypass", "restore", "requeue", "flush", "restart"}
LATE_S = 120.0
"""An act may come so long after its cause is gone: it was decided, planned and guarded before."""


@dataclass(frozen=True, slots=True)
class Cause:
    """An incident as it really is: from when to when, where, and which playbook may be run for it.

    `steady`: it is there all the time.
    """

    playbook: str | None
    host: str
    begins: float
    ends: float
    steady: bool = True


@dataclass
class Invariants:
    world: World
    limits: Mapping[str, Limits]
    causes: list[Cause] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world.moments.watch = self.at

    def at(self, moment: str) -> None:
        when, _, what = moment.partition(" ")
        if what.startswith("call ") and when == "before" and what[5:] in ACTING:
            call = self.world.remote.calls[-1]
            if not self._shut_out(call):
                self.acting(call.args["run"], call.host)
                if call.verb in {"bypass", "restart"}:
                    self.curing()
        elif what.startswith("swap ") and when == "before":
            self.acting(None, what.removeprefix("swap "))
            self.curing()
        elif moment == "after open":
            self.opened(list(self.records())[-1])
        elif when == "after" and what.startswith("undo_intent "):
            self.undoing(what.removeprefix("undo_intent "))

    # At a moment ----------------------------------------------------------------

    def acting(self, run: str | None, subject: str) -> None:
        now = self.world.clock.now()
        if any(p.until > now and p.host in {None, subject} for p in self.world.store.disk.pauses):
            self.fail(f"acts on {subject} during a pause")
        open_ = [r for r in self.records() if self.view(r).state is RunState.RUNNING]
        if not any((run in {None, r.id}) and subject in self.subjects(r) for r in open_):
            self.fail(f"acts on {subject} outside of any run")

    def _shut_out(self, call: Call) -> bool:
        """The host will refuse it, or answer it as it did before: another controller has been there since."""
        m, a = self.world.machines[call.host], call.args
        return int(a["epoch"]) < m.epoch or (a["run"], a["step"], a["attempt"]) in m.results

    def opened(self, new: RunRecord) -> None:
        playbook, host = new.plan.playbook, self.host(new)
        others = [r for r in self.records() if r.id != new.id]
        for r in others:
            if self.view(r).open and self.subjects(r) & self.subjects(new) and not self._beside(r, new):
                self.fail(f"{new.id} is opened beside {r.id} on {self.subjects(r) & self.subjects(new)}")
        if not self.justified(new):
            self.fail(f"{playbook} runs on {host}, where nothing asks for it")
        same = [r for r in others if (r.plan.playbook, self.host(r)) == (playbook, host) and not self._beside(r, new)]
        self._within_limits(new, same)

    def _beside(self, r: RunRecord, new: RunRecord) -> bool:
        """The same cure of the same host, for another domain."""
        domains = [set(x.plan.domains) for x in (r, new)]
        return self.host(r) == self.host(new) and all(domains) and domains[0].isdisjoint(domains[1])

    def curing(self) -> None:
        """A decision is old news once what it was made for is over: whoever went on with it then would do harm."""
        for r in self.records():
            view = self.view(r)
            if view.state is RunState.RUNNING and not view.backwards and not self.justified(r):
                self.fail(f"{r.id} acts on {self.host(r)}, where nothing asks for it any more")

    def justified(self, r: RunRecord) -> bool:
        return any(self.holds(c) for c in self.causes if (c.playbook, c.host) == (r.plan.playbook, self.host(r)))

    def _within_limits(self, new: RunRecord, before: list[RunRecord]) -> None:
        """One that never began anything is no attempt."""
        limits = self.limits[new.plan.playbook]
        since = [new.opened - r.opened for r in before if any(s.attempts for s in self.view(r).steps.values())]
        if any(timedelta() <= s < timedelta(seconds=limits.cooldown) for s in since):
            self.fail(f"{new.id} is opened within the cooldown")
        if sum(timedelta() <= s < timedelta(seconds=limits.per) for s in since) >= limits.max_runs:
            self.fail(f"{new.id} is more than its limits allow")

    def undoing(self, step: str) -> None:
        record = next(r for r in self.records() if (v := self.view(r)).state is RunState.RUNNING and v.backwards)
        if self.view(record).steps[step].no_effect:
            return  # what mitigated nothing may go back while the trouble lasts
        for host in self._trouble_behind(next(s for s in record.plan.steps if s.id == step), record):
            self.fail(f"{step} of {record.id} is undone while {host} is still sick")

    def _trouble_behind(self, step: Step, record: RunRecord) -> list[str]:
        """By what the hosts really are just now, not by what anybody saw."""
        sick = self.host(record)
        m = self.world.machines[sick]
        if step.action == "spam.bypass" and m.postfix.spamd is not Daemon.OK:
            return [sick]
        if step.action == "dns.prefer" and not (m.link_up and m.postfix.takes_mail):
            return [sick]
        return []

    # After each cycle, and at the end -------------------------------------------

    def after_cycle(self) -> None:
        for name, zone in self.world.zones.items():
            if any(not s.targets or not zone.history[0].names <= s.names for s in zone.history):
                self.fail(f"an MX record of {name} is missing")
        away = {self.host(r) for r in self.records() for s in r.plan.steps if self._keeps_away(r, s)}
        if len(away) > 1:
            self.fail(f"mail is kept away from {away}")

    def _keeps_away(self, r: RunRecord, s: Step) -> bool:
        return s.action == "dns.prefer" and self.view(r).steps[s.id].owed

    def at_the_end(self) -> None:
        """Every run has ended, or waits for a person and says why; whatever stands has an end or was told."""
        told = " ".join(f"{m.title} {m.text}" for _, _, m in self.world.notifier.sent)
        for r in self.records():
            view = self.view(r)
            if view.state is RunState.RUNNING:
                self.fail(f"{r.id} has not ended")
            if view.state in NEEDS_PERSON and not view.because:
                self.fail(f"{r.id} is {view.state.value} and does not say why")
            if view.open and r.id not in told:
                self.fail(f"{r.id} waits for a person, and nobody was told")
            for s in r.plan.steps:
                if s.undoable and view.steps[s.id].owed and not s.expires_s and r.id not in told:
                    self.fail(f"{s.id} of {r.id} stands without an end, and nobody was told")

    def settled(self) -> None:
        """Each change is there whole, or not at all, as the runs have it; and Postfix runs with what its files say."""
        owed = [s for r in self.records() for s in r.plan.steps if self.view(r).steps[s.id].owed]
        for name, m in self.world.machines.items():
            bypass = next((s for s in owed if s.action == "spam.bypass" and s.host == name), None)
            whole = bypass is None or all(m.read(*k.split(" ", 1)) == v for k, v in bypass.want.items())
            untouched = bypass is not None or _filters(m.files) == _filters(self.world.pristine[name])
            if not (whole and untouched and m.postfix.loaded == m.files):
                self.fail(f"the bypass on {name} is half-done")
        for name, zone in self.world.zones.items():
            moved = len(zone.now.targets) > len(zone.history[0].targets)
            if moved is not any((s.action, s.domain) == ("dns.prefer", name) for s in owed):
                self.fail(f"the zone of {name} reads {zone.now}")

    def as_before(self) -> None:
        """What our playbooks change reads as it did at first."""
        for name, m in self.world.machines.items():
            if _filters(m.files) != _filters(self.world.pristine[name]):
                self.fail(f"{name} does not read as before")
        for name, zone in self.world.zones.items():
            if zone.now != zone.history[0]:
                self.fail(f"the zone of {name} reads {zone.now}")

    # Small ones -------------------------------------------------------------------

    def fail(self, what: str) -> None:
        self.broken.append(f"{self.world.now:.0f} s: {what}")

    def holds(self, c: Cause) -> bool:
        return c.begins <= self.world.now <= c.ends + LATE_S

    def view(self, record: RunRecord) -> RunView:
        return fold(record.plan, self.world.store.events(record.id))

    def records(self) -> list[RunRecord]:
        return list(self.world.store.disk.records.values())

    def host(self, record: RunRecord) -> str:
        return str(record.plan.params["sick"])

    def subjects(self, record: RunRecord) -> set[str]:
        named = {str(v) for v in record.plan.params.values()}
        return {*record.plan.subjects, *(n for n in named if n in self.world.machines or n in self.world.fleet.domains)}


def _filters(files: Files) -> dict[str, str]:
    """What our playbooks change in Postfix; the rest may be an admin's."""
    return {k: v for k, v in files[MASTER].items() if "spamassassin" in k or "content_filter" in k}
