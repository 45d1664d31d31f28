"""The run loop: asks the core what comes next, does it through the ports, records it.

Each act is preceded by a durable intent. Whatever interrupts us (a kill, a
lost answer, a dead host), the next sitting folds the same journal, settles
the open intent on the far side, and goes by the table in `core.runs.recovery`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from failover.actions import ACTIONS
from failover.actions.base import Attempt, Ports, Result
from failover.core import ahead
from failover.core.observe.condition import Condition, Judgement, judge, predicates
from failover.core.observe.signal import Samples
from failover.core.runs.answer import Answer
from failover.core.runs.journal import (
    Begin,
    Close,
    Did,
    Event,
    Phase,
    RunState,
    RunView,
    Settle,
    StepView,
    Turn,
    Undo,
    Verify,
    fold,
    next_,
)
from failover.core.runs.leaving import waited_s, waiting
from failover.core.runs.plan import Certainty, Plan, Step, StepKind
from failover.core.runs.playbook import Risk
from failover.core.runs.recovery import Move, Reading, Recorded, backward, forward
from failover.core.runs.verify import Seen, patience_left, signals, watch
from failover.core.words import duration
from failover.errors import (
    Changed,
    ConfigError,
    Elsewhere,
    FailoverError,
    Fault,
    NeedsPerson,
    OutcomeUnknown,
    StaleEpoch,
    Unreachable,
)
from failover.fence import fault, fence
from failover.ports import Clock, Lease, RunRecord, Store
from failover.runs.in_force import compared, stands

LEASE_S = 120.0
ATTEMPTS = 3
"""How often one sitting begins the same act anew, after it has made sure that the last one did not happen."""
POLL_S = 1.0
LATE_S = 60.0
"""A first act so long after its run was opened, or so long after its own intent, is not begun: the machine slept."""
AWAY = timedelta(seconds=60)
"""A longer time between two looks of one watch was no waiting: the machine slept, we were stopped, or the clock was
set. Patience begins anew with a new look."""
PATIENCE_S = 30.0
"""How long we go on looking at what we cannot read, or wait for what still runs there, beyond a step's own limit."""

Tell = Callable[[RunRecord, Event], None]
Meanwhile = Callable[[float], None]
"""What else may be done in a wait that has so many seconds to spare. It is back within these, and raises nothing."""


@dataclass(slots=True)
class Session:
    """One process's time at one run: its lease and the events so far."""

    record: RunRecord
    lease: Lease
    events: list[Event]
    since: datetime
    began: float
    """The same moment, monotonic."""
    tries: dict[str, int] = field(default_factory=dict)
    unread: FailoverError | None = None
    """Why the last look at the world came back with nothing."""

    @property
    def plan(self) -> Plan:
        return self.record.plan

    @property
    def view(self) -> RunView:
        return fold(self.plan, self.events)

    @property
    def is_first(self) -> bool:
        """Nobody has come back to this run, and no step of it was begun."""
        return [e.kind for e in self.events if e.kind is not Did.NOTE] == [Did.BEGUN]


def _ignore(record: RunRecord, event: Event) -> None:
    pass


def _just_wait(spare_s: float) -> None:
    pass


@dataclass(frozen=True, slots=True)
class _Unhurried:
    """The clock that acts are given: one that only waits leaves its time to others."""

    clock: Clock
    meanwhile: Meanwhile

    def now(self) -> datetime:
        return self.clock.now()

    def monotonic(self) -> float:
        return self.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        until = self.monotonic() + seconds
        while (left := until - self.monotonic()) > 0:
            self.meanwhile(left)
            self.clock.sleep(min(POLL_S, until - self.monotonic()))


@dataclass(slots=True)
class Engine:
    ports: Ports
    store: Store
    tell: Tell = _ignore
    stop: Callable[[], str | None] = lambda: None
    """Why to stop at the next safe point, or None to go on."""
    meanwhile: Meanwhile = _just_wait

    @property
    def _unhurried(self) -> Ports:
        return replace(self.ports, clock=_Unhurried(self.ports.clock, self.meanwhile))

    # Sittings -----------------------------------------------------------------

    def start(self, record: RunRecord) -> RunView:
        """Open the run and drive it. With a known `key`, the first run is returned as it stands."""
        lease = self._lease(record.id, record.plan)
        try:
            opened = self.store.open(record)
        except BaseException:
            self.store.release(lease)
            raise
        if opened.id != record.id:
            self.store.release(lease)
            return fold(opened.plan, self.store.events(opened.id))
        return self._sit(opened, lease, "forward", record.by)

    def resume(self, record: RunRecord, *, by: str) -> RunView:
        return self._sit_at(record, "forward", by)

    def rollback(self, record: RunRecord, *, by: str, although: str = "") -> RunView:
        """`although`: a person's reason to undo what the guards would keep; it holds for this sitting alone."""
        return self._sit_at(record, "back", by, although)

    def _sit_at(self, record: RunRecord, direction: str, by: str, although: str = "") -> RunView:
        return self._sit(record, self._lease(record.id, record.plan), direction, by, although)

    def _lease(self, run: str, plan: Plan) -> Lease:
        return self.store.lease(run, plan.scopes or (f"run:{run}",), seconds=LEASE_S, now=self.ports.clock.now())

    def _sit(self, record: RunRecord, lease: Lease, direction: str, by: str, although: str = "") -> RunView:
        clock = self.ports.clock
        sitting = Session(record, lease, list(self.store.events(record.id)), clock.now(), clock.monotonic())
        try:
            begun = {"direction": direction, "by": by, "epoch": lease.epoch}
            self._record(sitting, Did.BEGUN, None, begun | ({"although": although} if although else {}))
            while sitting.view.state is RunState.RUNNING:
                self._advance(sitting)
            return sitting.view
        except (ConfigError, Unreachable, OutcomeUnknown) as e:
            if not sitting.view.order:
                raise
            raise _unrecorded(sitting, e) from e
        except (FailoverError, BrokenPipeError):  # whoever watched has gone: that is for the caller
            raise
        except Exception as e:
            raise self._faulty(sitting, e) from e
        finally:
            with suppress(FailoverError):  # a store that is down must not hide why we end; the lease ends by itself
                self.store.release(sitting.lease)

    def _faulty(self, s: Session, error: Exception) -> Fault:
        """Said at the run, which then waits for a person: what fails for a fault of ours fails again."""
        found = fault(f"run {s.record.id}", error)
        with suppress(Exception):  # the fault may be in what records it
            self._close(s, RunState.PAUSED, str(found))
        return found

    def _advance(self, s: Session) -> None:
        """One move. Every path through here appends at least one event, so a run always ends."""
        coming = next_(s.plan, s.view)
        # What was done is looked at, however late it is: only then is it known whether a person is needed.
        why = self.stop() if isinstance(coming, Verify) else self._must_stop(s)
        if why and not isinstance(coming, Close):
            return self._close(s, RunState.PAUSED, why)
        if isinstance(coming, Begin) and s.is_first and (late := self._late(s.record.opened)):
            return self._close(s, RunState.ABORTED, late)
        match coming:
            case Begin(step):
                self._begin(s, step)
            case Settle(step):
                self._settle(s, step)
            case Verify(step):
                self._verify(s, step)
            case Turn(step, because):
                self._record(s, Did.TURNED, step.id, {"because": because})
            case Undo(step):
                self._undo(s, step)
            case Close(state, because):
                self._close(s, state, because)

    def _must_stop(self, s: Session) -> str | None:
        return self.stop() or ("the run's deadline has passed" if self._time_left(s) < 0 else None)

    def _time_left(self, s: Session) -> float:
        """Not counting what the machine slept (CLOCK_MONOTONIC, clock_gettime(2)): that was no time of the run's."""
        return s.plan.limits.deadline - (self.ports.clock.monotonic() - s.began)

    def _late(self, since: datetime) -> str:
        """Why nothing is begun any more on what was decided then; empty when it may be."""
        now = self.ports.clock.now()
        if ahead.is_ahead(since, now):
            return f"nothing was done: what was decided is {ahead.words(since)}, and may be long over"
        age = (now - since).total_seconds()
        return f"nothing was done: {duration(age)} went by since it was decided" if age > LATE_S else ""

    def _close(self, s: Session, state: RunState, because: str) -> None:
        self._record(s, Did.CLOSED, None, {"state": state.value, "because": because})

    # Forward ------------------------------------------------------------------

    def _begin(self, s: Session, step: Step) -> None:
        if step.kind is StepKind.EVENT and step.certainty is Certainty.UNCHANGED:
            return self._record(s, Did.UNCHANGED, step.id, {"because": step.says})
        ready = self._await_known(lambda: self._judge([*s.plan.preconditions, *step.requires], step.host))
        if not ready.holds:
            return self._fail(s, step, "precondition", "; ".join(ready.because), nothing_done=True)
        if step.when is not None:
            wanted = self._await_known(lambda: self._judge([step.when] if step.when else [], step.host))
            if wanted.holds is None and not _harmless(step):
                return self._fail(s, step, "unknown", "; ".join(wanted.because), nothing_done=True)
            if wanted.holds is False:
                return self._record(s, Did.SKIPPED, step.id, {"because": list(wanted.because)})
        world = (
            Reading.BEFORE if step.kind is StepKind.EVENT else self._await_world(s, step, lambda: self._compare(step))
        )
        match forward(step.kind, Recorded.NOTHING, world, repeat_safe=step.repeat_safe):
            case Move.ACT:
                self._act(s, step)
            case Move.ADOPT:
                self._record(s, Did.UNCHANGED, step.id, {})
            case Move.WAIT:
                self._fail(s, step, "unknown", _waiting(s, step, world), nothing_done=True)
            case _:
                self._fail(s, step, "drift", f"it no longer reads as planned: {self._said(step)}", nothing_done=True)

    def _settle(self, s: Session, step: Step) -> None:
        """An intent is open: something may have happened, or may still be going to."""
        attempt = s.view.steps[step.id].attempts
        world = self._await_world(s, step, lambda: self._settled(s, step, f"do-{attempt}"))
        goes_on = bool(step.on_the_way)
        move = forward(step.kind, Recorded.INTENT, world, repeat_safe=step.repeat_safe, goes_on=goes_on)
        match move:
            case Move.ACT:
                self._act(s, step)
            case Move.ADOPT:
                self._record(s, Did.ACTED, step.id, {"result": {"adopted": "found done"}})
            case Move.WAIT:
                self._close(s, RunState.PAUSED, f"{step.id}: {_waiting(s, step, world)}")
            case Move.FAIL if world is Reading.THEIRS:
                error = f"nothing of ours is there, and it does not read as planned: {self._said(step)}"
                self._fail(s, step, "drift", error, nothing_done=True)
            case Move.FAIL:
                self._fail(s, step, "half", "it was cut off half-way", no_effect=True)
            case Move.ASK:
                self._record(s, Did.ASKED, step.id, {"error": f"{step.id} began and left no result; did it happen?"})
            case _:
                self._record(s, Did.CONFLICT, step.id, {"error": f"somebody else changed it: {self._said(step)}"})

    def _act(self, s: Session, step: Step) -> None:
        if self._spent(s, step.id):
            # A state is begun anew only where it was seen to read as before, or half-way where that can be taken on.
            settled = step.kind is StepKind.STATE and not step.on_the_way
            return self._fail(s, step, "attempts", f"{ATTEMPTS} attempts came to nothing", nothing_done=settled)
        attempt = s.view.steps[step.id].attempts + 1
        waits = self._waiting(step)
        self._record(
            s,
            Did.INTENT,
            step.id,
            {"attempt": attempt, "before": dict(step.before), "want": dict(step.want), "undo": step.undo} | waits,
        )
        at = self._at(s, step, f"do-{attempt}")
        if late := self._late(s.events[-1].at):
            return self._fail(s, step, "late", late, nothing_done=True)
        try:
            result = self._reaching(step, lambda: ACTIONS[step.action].act(step, at, self._unhurried))
        except FailoverError as e:
            return self._not_done(s, step, e)
        self._record(s, Did.ACTED, step.id, {"result": dict(result)})

    def _waiting(self, step: Step) -> dict[str, Any]:
        """What waits before it acts, where its effect is mail that leaves."""
        watches = [w for w in step.verify if w.leaves]
        if not watches:
            return {}
        return {"waiting": waiting(watches, self.ports.look({w.host for w in watches}, signals(watches)))}

    def _not_done(self, s: Session, step: Step, error: FailoverError) -> None:
        """Only a listed answer means that nothing was done; what is unknown is settled next, by reading."""
        match error.answer:
            case Answer.NOTHING:
                class_ = "unreachable" if isinstance(error, Unreachable) else "refused"
                self._fail(s, step, class_, _said_by(error), nothing_done=True)
                if isinstance(error, StaleEpoch):  # others act there, perhaps: nothing more of this run, not even back
                    self._close(s, RunState.PAUSED, f"{step.id}: {_said_by(error)}")
            case Answer.FAILED:
                self._fail(s, step, "failed", error)
            case _:
                self._unknown(s, step, error)

    def _verify(self, s: Session, step: Step) -> None:
        if step.kind is StepKind.STATE:
            world = self._await_world(s, step, lambda: self._compare(step))
            if world in {Reading.UNKNOWN, Reading.RUNNING}:  # not seen is not failed: what was done stays, and waits
                return self._close(s, RunState.PAUSED, f"{step.id}: {_waiting(s, step, world)}")
            if world is not Reading.WANTED:
                said = f"it does not read as set: {self._said(step)}"
                return self._fail(s, step, "verify", said, no_effect=world is Reading.BEFORE)
        if not step.verify:
            return self._record(s, Did.VERIFIED, step.id, {"because": step.no_verify or "it reads as set"})
        seen, said = self._watch(s, step)
        match seen:
            case Seen.YES:
                read = "it reads as set; " if step.kind is StepKind.STATE else ""
                self._record(s, Did.VERIFIED, step.id, {"because": f"{read}{said}"})
            case Seen.NOT_YET:
                self._close(s, RunState.PAUSED, self._must_stop(s) or "stopped while verifying")
            case Seen.UNKNOWN:
                self._close(s, RunState.PAUSED, f"{step.id} is done but not verified: {said}")
            case Seen.NO:  # where traffic moves, some of it has moved, whatever is not seen of the rest
                self._fail(s, step, "verify", said, no_effect=step.risk is not Risk.TRAFFIC)

    def _watch(self, s: Session, step: Step) -> tuple[Seen, str]:
        """Look again and again until each watch has seen its effect, or its patience ends."""
        ended = s.view.steps[step.id].ended or s.since
        since = now = min(max(ended, s.since), self.ports.clock.now())  # a resumed run looks afresh
        view, hosts, names = s.view.steps[step.id], {w.host for w in step.verify}, signals(step.verify)
        samples: Samples = ()
        while True:
            self._renew(s, PATIENCE_S)
            waited = waited_s(view.waited_at or since, self.ports.clock.now())
            samples = (*samples, *self.ports.look(hosts, names, waited))
            before, now = now, self.ports.clock.now()
            if abs(now - before) > AWAY:
                since = now
                continue
            verdicts = [watch(w, samples, since=since, now=now, waited=view.waited) for w in step.verify]
            for outcome in (Seen.NO, Seen.UNKNOWN):
                if said := [words for seen, words in verdicts if seen is outcome]:
                    return outcome, "; ".join(said)
            if all(seen is Seen.YES for seen, _ in verdicts):
                return Seen.YES, "; ".join(words for _, words in verdicts)
            if self._must_stop(s):
                return Seen.NOT_YET, ""
            open_ = [w for w, (seen, _) in zip(step.verify, verdicts, strict=True) if seen is Seen.NOT_YET]
            self._wait(s, min(patience_left(w, samples, since=since, now=now) for w in open_))

    def _fail(
        self,
        s: Session,
        step: Step,
        class_: str,
        error: str | FailoverError,
        *,
        nothing_done: bool = False,
        no_effect: bool = False,
    ) -> None:
        data = {"class": class_, "error": str(error), "nothing_done": nothing_done, "no_effect": no_effect}
        self._record(s, Did.FAILED, step.id, data)

    # Backward -----------------------------------------------------------------

    def _undo(self, s: Session, step: Step) -> None:
        state = s.view.steps[step.id]
        if not step.undoable:
            return self._undo_nothing(s, step, state)
        begun = state.undo_attempts > 0
        attempt = f"undo-{state.undo_attempts}" if begun else f"do-{state.attempts}"
        open_ = begun or state.phase is Phase.INTENT
        look = (lambda: self._settled(s, step, attempt)) if open_ else (lambda: stands(s.record.id, step, self.ports))
        world = self._await_world(s, step, look)
        match backward(Recorded.INTENT if begun else Recorded.NOTHING, world):
            case Move.ACT:
                self._undo_now(s, step, state)
            case Move.ADOPT:
                self._record(s, Did.UNDONE, step.id, {"because": "it reads as it was before"})
            case Move.WAIT:
                self._record(s, Did.UNDO_FAILED, step.id, {"error": _waiting(s, step, world)})
            case _:
                self._conflict(s, step, f"somebody else changed it since: {self._said(step)}")

    def _undo_nothing(self, s: Session, step: Step, state: StepView) -> None:
        """An event owes no undo; but one whose answer is open must not be left running under what is undone next."""
        if state.phase is Phase.INTENT:
            world = self._await_world(s, step, lambda: self._settled(s, step, f"do-{state.attempts}"))
            if world in {Reading.RUNNING, Reading.UNKNOWN}:
                return self._record(s, Did.UNDO_FAILED, step.id, {"error": _waiting(s, step, world)})
        self._record(s, Did.KEPT, step.id, {"because": step.undo})

    def _undo_now(self, s: Session, step: Step, state: StepView) -> None:
        if not state.no_effect and not s.view.although:  # what mitigated nothing may go back while the trouble lasts
            guard = self._await_known(lambda: self._judge(step.guards, step.host))
            if not guard.holds:
                said = f"its undo must wait: {'; '.join(guard.because)}"
                return self._record(s, Did.UNDO_BLOCKED, step.id, {"error": said})
        if self._spent(s, f"undo {step.id}"):
            return self._record(s, Did.UNDO_FAILED, step.id, {"error": f"{ATTEMPTS} attempts came to nothing"})
        attempt = state.undo_attempts + 1
        self._record(s, Did.UNDO_INTENT, step.id, {"attempt": attempt, "want": dict(step.before)})
        at = self._at(s, step, f"undo-{attempt}")
        try:
            result = self._reaching(step, lambda: ACTIONS[step.action].undo(step, at, self._unhurried))
        except Changed as e:
            return self._conflict(s, step, str(e))
        except FailoverError as e:
            if e.answer in {Answer.NOTHING, Answer.FAILED}:
                return self._record(s, Did.UNDO_FAILED, step.id, {"error": _said_by(e)})
            return self._unknown(s, step, e)
        world = self._await_world(s, step, lambda: self._compare(step))
        if world is Reading.BEFORE:
            return self._record(s, Did.UNDONE, step.id, {"result": dict(result)})
        self._record(s, Did.UNDO_FAILED, step.id, {"error": f"it does not read as before: {self._said(step)}"})

    def _conflict(self, s: Session, step: Step, error: str) -> None:
        self._record(s, Did.CONFLICT, step.id, {"error": error})

    def _reaching(self, step: Step, do: Callable[[], Result]) -> Result:
        """Only what certainly was not run is tried again, with the same attempt: the far side does it once."""
        again = Retrying(
            retry=retry_if_exception_type(Unreachable),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_fixed(2.0),
            sleep=self.ports.clock.sleep,
            reraise=True,
        )
        with fence(_subject(step)):
            return again(do)

    # Looking ------------------------------------------------------------------

    def _judge(self, conditions: Iterable[Condition], host: str | None) -> Judgement:
        wanted = [t for c in conditions for t in predicates(c)]
        if not wanted:
            return Judgement(True, ())
        samples = self.ports.look({t.host for t in wanted}, frozenset(t.signal for t in wanted))
        judged = [judge(c, samples, now=self.ports.clock.now()) for c in conditions]
        verdict = (
            False if any(j.holds is False for j in judged) else None if any(j.holds is None for j in judged) else True
        )
        return Judgement(verdict, tuple(b for j in judged if not j.holds for b in j.because))

    def _await_known(self, look: Callable[[], Judgement]) -> Judgement:
        """A look that could not see is repeated a little; then unknown it is."""
        until = self.ports.clock.monotonic() + PATIENCE_S / 3
        while (found := look()).holds is None and self.ports.clock.monotonic() < until and not self.stop():
            self.ports.clock.sleep(POLL_S)
        return found

    def _compare(self, step: Step) -> Reading:
        return compared(step, self.ports)

    def _settled(self, s: Session, step: Step, attempt: str) -> Reading:
        self._renew(s, step.limit_s)
        return ACTIONS[step.action].settle(step, self._at(s, step, attempt), self.ports)

    def _await_world(self, s: Session, step: Step, look: Callable[[], Reading]) -> Reading:
        """Read until it is known and at rest; what runs there has the step's own time, and all have some patience."""
        since = self.ports.clock.monotonic()
        while True:
            world = self._look_at(s, step, look)
            until = since + PATIENCE_S + (step.limit_s if world is Reading.RUNNING else 0.0)
            out_of_time = self.ports.clock.monotonic() > until
            if (
                world not in {Reading.UNKNOWN, Reading.RUNNING}
                or out_of_time
                or self.stop()
                or _will_not_change(s, world)
            ):
                return world
            self._renew(s, step.limit_s)
            self._wait(s, until - self.ports.clock.monotonic())

    def _wait(self, s: Session, spare_s: float) -> None:
        """Until it is time to look again, or `spare_s` seconds when there is something else to do."""
        until = self.ports.clock.monotonic() + POLL_S
        self.meanwhile(min(spare_s, self._time_left(s)))
        self.ports.clock.sleep(until - self.ports.clock.monotonic())

    def _look_at(self, s: Session, step: Step, look: Callable[[], Reading]) -> Reading:
        try:
            with fence(_subject(step)):
                return look()
        except FailoverError as e:
            s.unread = e
            return Reading.UNKNOWN

    def _said(self, step: Step) -> str:
        """What is there now, for the message; never a reason to fail a second time."""
        try:
            with fence(_subject(step)):
                now: Mapping[str, str] = ACTIONS[step.action].read(step, self.ports)
        except FailoverError as e:
            return str(e)
        return "; ".join(f"{k} is {now.get(k)!r}" for k in step.before if now.get(k) != step.want.get(k))

    # Recording ----------------------------------------------------------------

    def _unknown(self, s: Session, step: Step, error: FailoverError) -> None:
        """The request may still be on its way, with our epoch: settling shuts it out only with a newer one."""
        self._record(s, Did.NOTE, step.id, {"unknown": str(error)})
        s.lease = self._lease(s.record.id, s.plan)

    def _spent(self, s: Session, what: str) -> bool:
        s.tries[what] = s.tries.get(what, 0) + 1
        return s.tries[what] > ATTEMPTS

    def _at(self, s: Session, step: Step, attempt: str) -> Attempt:
        return Attempt(s.record.id, step.id, attempt, s.lease.epoch, lambda: self._hold(s, step.limit_s))

    def _renew(self, s: Session, seconds: float) -> None:
        if s.lease.until - self.ports.clock.now() < timedelta(seconds=seconds + LEASE_S / 2):
            self._hold(s, seconds)

    def _hold(self, s: Session, seconds: float) -> None:
        """Raises Refused once the lease was taken over."""
        s.lease = self.store.renew(s.lease, seconds=seconds + LEASE_S, now=self.ports.clock.now())

    def _record(self, s: Session, kind: Did, step: str | None, data: Mapping[str, Any]) -> None:
        if kind in {Did.INTENT, Did.UNDO_INTENT}:
            self._renew(s, next(p.limit_s for p in s.plan.steps if p.id == step))
        event = self.store.append(s.lease, kind, step, data, at=self.ports.clock.now())
        s.events.append(event)
        self.tell(s.record, event)


def _harmless(step: Step) -> bool:
    """Done in doubt it does no harm, left out it may: mail would go on waiting."""
    return step.kind is StepKind.EVENT and step.repeat_safe and step.risk is Risk.NONE


def _waiting(s: Session, step: Step, world: Reading) -> str:
    if world is Reading.RUNNING:
        return f"what was begun on {step.host} is still running there"
    said = _said_by(s.unread) if s.unread else "no reason given"
    if isinstance(s.unread, Elsewhere):
        return said
    return f"{_subject(step)} could not be read, so nothing more was done: {said}"


def _subject(step: Step) -> str:
    return step.host or step.domain or step.id


def _unrecorded(s: Session, error: FailoverError) -> NeedsPerson:
    """The store failed after a step was begun: that is neither "a file is wrong" nor "nothing was run"."""
    return NeedsPerson(
        f"run {s.record.id} has begun {', '.join(s.view.order)}, and what came of it could not be recorded: {error}",
        try_=f"{error.try_}; then: failover runs resume {s.record.id}",
    )


def _will_not_change(s: Session, world: Reading) -> bool:
    """Waiting makes no epoch newer, and edits no hosts.yaml."""
    return world is Reading.UNKNOWN and isinstance(s.unread, StaleEpoch | Elsewhere)


def _said_by(error: FailoverError) -> str:
    """What waiting does not change is told with its cure: who reads of the run knows no other place to look for it."""
    return f"{error}; {error.try_}" if isinstance(error, StaleEpoch | Elsewhere) else str(error)
