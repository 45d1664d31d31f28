"""The one place where the stages meet: look, decide, plan, run, undo. It owns the clock and the names of runs."""

from __future__ import annotations

import getpass
import random
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from failover.actions.base import Mitigation, Ports
from failover.core.alerting import debts
from failover.core.decide.candidates import Situation
from failover.core.decide.past import Past
from failover.core.decide.verdict import LOOKS, Verdict, recommend
from failover.core.ids import new_run_id
from failover.core.observe.signal import Samples
from failover.core.runs.journal import Did, Phase, RunState, RunView, fold
from failover.core.runs.plan import Plan, as_told, differences
from failover.core.runs.playbook import Playbook
from failover.core.runs.recovery import Reading
from failover.core.runs.summary import UNKNOWN
from failover.core.words import duration
from failover.errors import ConfigError, Elsewhere, FailoverError, NeedsPerson, Refused
from failover.fence import fence
from failover.ports import Ready, RunRecord, Store
from failover.runs import history
from failover.runs.engine import Engine
from failover.runs.in_force import stands
from failover.runs.planner import make_plan

TWIN_LOOKS = 5
"""How often a call that was refused its hosts looks whether its twin, with the same key, has opened the run."""


def whoami() -> str:
    return f"{getpass.getuser()}@{socket.gethostname()}"


@dataclass(slots=True)
class Runs:
    ports: Ports
    store: Store
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.engine = Engine(self.ports, self.store)

    @property
    def now(self) -> datetime:
        return self.ports.clock.now()

    # Seeing and deciding --------------------------------------------------------

    def recommend(self, playbooks: tuple[Playbook, ...]) -> tuple[Verdict, Situation]:
        """For a person: look until a trigger fires or none can, at most LOOKS times. Raises what the store raises."""
        samples: Samples = ()
        next_look, past = self.now, self.past(playbooks)
        spacing = timedelta(seconds=self.ports.fleet.policy.spacing_s)
        for _ in range(LOOKS):
            self.ports.clock.sleep(max(0.0, (next_look - self.now).total_seconds()))
            found = self.weighed(self.ports.look(self.ports.fleet.hosts, None))
            next_look = max((s.at for s in found), default=self.now) + spacing  # closer than this they count as one
            samples = (*samples, *found)
            situation = Situation(self.ports.fleet, playbooks, samples, self.now, past)
            verdict = recommend(situation)
            if not verdict.undecided:
                break
        return verdict, situation

    def weighed(self, samples: Samples) -> Samples:
        """What a host has in force, and our records do not tell of, fails."""
        return debts.weighed(samples, partial(history.amiss, self.store), epoch=self.store.epoch())

    # Planning -------------------------------------------------------------------

    def plan(self, playbook: Playbook, given: dict[str, str]) -> Plan:
        """Raises ConfigError (parameters), Refused, Unreachable, OutcomeUnknown. Changes nothing."""
        from failover.config.playbooks import bind_playbook

        ready = bind_playbook(playbook, given, self.ports.fleet)
        return make_plan(ready, given, self.ports, self.mitigations())

    def same(self, approved: Plan, now: Plan) -> None:
        """Raises Refused, naming every difference, unless `now` is what was approved."""
        now = as_told(approved, now)
        if approved.fingerprint == now.fingerprint:
            return
        raise Refused(
            "the world is not as it was when this plan was made: " + "; ".join(differences(approved, now)),
            try_="read the new plan (`failover plan`) and approve that one",
        )

    # Acting ---------------------------------------------------------------------

    def run(self, plan: Plan, *, reason: str = "", key: str | None = None, by: str = "") -> tuple[RunRecord, RunView]:
        """`by`: who wants it, if not whoever calls. Raises Refused: paused, an open run on these hosts, no change."""
        if first := self.by_key(key):
            return first, self.view(first)
        self._may_act(plan)
        self._no_open_run(plan)
        run = new_run_id(plan.playbook, self.now, random.SystemRandom())
        record = RunRecord(run, self.now, by or whoami(), reason, plan, key)
        try:
            view = self.engine.start(record)
        except Refused:
            if first := self._opened_meanwhile(key):  # the same call, made twice at once: the other one won
                return first, self.view(first)
            raise
        return self.store.run(run) or self.by_key(key) or record, view

    def _opened_meanwhile(self, key: str | None) -> RunRecord | None:
        for _ in range(TWIN_LOOKS if key is not None else 0):
            if first := self.by_key(key):
                return first
            self.ports.clock.sleep(0.2)
        return None

    def resume(self, record: RunRecord) -> RunView:
        self._may_act(record.plan)
        return self.engine.resume(record, by=whoami())

    def rollback(self, record: RunRecord, by: str = "", although: str = "") -> RunView:
        self._may_act(record.plan)
        return self.engine.rollback(record, by=by or whoami(), although=although)

    def _may_act(self, plan: Plan) -> None:
        about = history.subjects(plan, self.ports.fleet)
        for pause in self.store.pauses(self.now):
            if pause.host is None or pause.host in about:
                left = duration((pause.until - self.now).total_seconds())
                raise Refused(
                    f"paused by {pause.by} for another {left}: {pause.reason}",
                    try_="`failover unpause` when the reason is gone",
                )
        if isinstance(self.ports.remote, Ready):
            for host in (self.ports.fleet.hosts[name] for name in plan.hosts if name in self.ports.fleet.hosts):
                self.ports.remote.ready(host)

    def _no_open_run(self, plan: Plan) -> None:
        at_work = self.at_work()
        self._no_unreadable_run(plan)
        for record, view in self.open_runs():
            if shared := ", ".join(sorted(set(plan.subjects) & set(record.plan.subjects))):
                if by := at_work.get(record.id):
                    raise Refused(
                        f"run {record.id} is at work on {shared} just now, by {record.by} ({by})",
                        try_=f"wait for it: failover runs show {record.id}",
                    )
                raise Refused(
                    f"run {record.id} is {view.state.value} on {shared}{f': {view.because}' if view.because else ''}",
                    try_=f"failover runs show {record.id}, then resume it, roll it back, or `failover runs accept` it",
                )

    def _no_unreadable_run(self, plan: Plan) -> None:
        """One that is open, and of which nobody can tell where it stands, on these hosts or on hosts unknown."""
        for s in history.unreadable(self.store):
            shared = set(plan.subjects) & set(s.outline.subjects) or s.outline.playbook == UNKNOWN
            if s.progress.open and shared:
                raise Refused(
                    f"run {s.run} is open, and what the state holds of it cannot be read",
                    try_="use the version of failover that wrote it; or see `failover host status`, then take its rows "
                    "out of the state by hand",
                )

    # What is there --------------------------------------------------------------

    def view(self, record: RunRecord) -> RunView:
        return fold(record.plan, self.store.events(record.id))

    def find(self, run: str) -> RunRecord:
        """By its id or a beginning of it that only one run has. Raises ConfigError."""
        found = self.store.run(run)
        near = self.store.named(run) if found is None else ()
        if len(near) == 1:
            found = self.store.run(near[0])
        if found is not None:
            return found
        what = f"several runs begin with {run!r}: {', '.join(near)}" if near else f"no run {run!r}"
        raise ConfigError(what, try_="`failover runs list` shows them")

    def at_work(self) -> dict[str, str]:
        """Which runs a living process holds, and who."""
        return {lease.run: lease.holder for lease in self.store.holders(self.now)}

    def open_runs(self) -> tuple[history.Run, ...]:
        """Newest first, however old."""
        return history.read(self.store, (s for s in self.store.current() if s.progress.open))

    def newest_undoable(self) -> RunRecord:
        for record, _ in history.owing(self.store, self.store.current()):
            return record
        if lost := ", ".join(s.run for s in history.unreadable(self.store)):
            raise Refused(
                f"what the state holds of {lost} cannot be read",
                try_="`failover status` shows what is in force on the hosts, and how to undo it from there",
            )
        raise Refused("no run has anything left to undo", try_="`failover runs list` shows what was done and undone")

    def mitigations(self) -> tuple[Mitigation, ...]:
        """Changes of ours that stand, newest run first, by the journal; `status` re-reads them from the hosts."""
        owing = history.owing(self.store, self.store.current())
        return tuple(m for r, v in owing for m in history.mitigations(r, v, history.latest(self.store, r, v, self.now)))

    def past(self, playbooks: Iterable[Playbook] = ()) -> Past:
        """What a decision about these needs to know of the runs, the pauses and the questions that were asked."""
        return history.past(self.store, self.ports.fleet, playbooks, self.now)

    def reads(self, m: Mitigation) -> str:
        """How a mitigation reads on its host now: somebody, or their configuration management, may have undone it."""
        try:
            with fence(m.step.host or m.run):
                reading = stands(m.run, m.step, self.ports)
        except Elsewhere as e:
            return f"unknown: {e}; {e.try_}"
        except FailoverError as e:
            return f"unknown: {e}"
        return {Reading.WANTED: "in force", Reading.BEFORE: "gone: it reads as before"}.get(
            reading, "changed by somebody"
        )

    def by_key(self, key: str | None) -> RunRecord | None:
        return self.store.by_key(key) if key is not None else None

    # A person's word ------------------------------------------------------------

    def resolve(self, record: RunRecord, step: str, choice: str, reason: str) -> RunView:
        """Settle what only a person can: a conflict, a question, an undo that failed. Raises ConfigError, Refused."""
        view = self.view(record)
        if step not in view.steps:
            raise ConfigError(f"run {record.id} has no step {step!r}", try_=f"its steps: {', '.join(view.steps)}")
        stuck = {Phase.CONFLICT, Phase.ASKED, Phase.UNDO_FAILED, Phase.UNDO_BLOCKED, Phase.FAILED, Phase.INTENT}
        if view.steps[step].phase not in stuck:
            raise Refused(
                f"{step} of {record.id} is {view.steps[step].phase.value}: there is nothing to resolve",
                try_=f"failover runs show {record.id}",
            )
        self.store.note(
            record.id, Did.RESOLVED, step, {"choice": choice, "reason": reason, "by": whoami()}, at=self.now
        )
        return self.view(record)

    def accept(self, record: RunRecord, reason: str) -> RunView:
        """Close a run as it stands; what it changed and did not undo stays, and stays on `status`."""
        view = self.view(record)
        if not view.open:
            raise Refused(f"run {record.id} is {view.state.value} already", try_=f"failover runs show {record.id}")
        if view.state is RunState.RUNNING and record.id in self.at_work():
            raise NeedsPerson(f"run {record.id} is running right now", try_="stop it first (^C), then accept it")
        self.store.note(record.id, Did.ACCEPTED, None, {"reason": reason, "by": whoami()}, at=self.now)
        return self.view(record)
