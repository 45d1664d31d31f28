"""A tiny model of one step on one host, to be searched whole: everything that can happen, in every order.

The controller's half goes by `core.runs.next.next_` and the tables of
`core.runs.recovery`; the far side's half is the contract of the remote script
(lock, epoch, results, compare before change). What can happen at any
instant: the controller dies and another session begins, a request is lost
or late, the script dies half-way, somebody edits, a look fails, and the far
side says what no contract foresees: a code of its own though all was done, or
"refused" though half was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from failover.actions import remote
from failover.core.runs.answer import Answer, meaning
from failover.core.runs.journal import Did, Event, Phase, RunState, RunView, fold
from failover.core.runs.next import Begin, Close, Settle, Turn, Undo, Verify, next_
from failover.core.runs.plan import Certainty, Plan, Step, StepKind
from failover.core.runs.playbook import OnFailure
from failover.core.runs.recovery import Move, Reading, Recorded, backward, forward, settled

AT = datetime(2020, 8, 11, tzinfo=UTC)
TRIES = 2
Data = tuple[tuple[str, object], ...]
Entry = tuple[Did, Data]


class Journal:
    """Events so far; the same events are the same object, so that states compare and hash at once."""

    def __init__(self, plan: Plan, events: tuple[Event, ...] = ()) -> None:
        self.plan, self.events = plan, events
        self.view = fold(plan, events)
        self._then: dict[Entry, Journal] = {}

    def then(self, kind: Did, data: Data) -> Journal:
        if (kind, data) not in self._then:
            step = None if kind in {Did.BEGUN, Did.CLOSED} else "s"
            event = Event(len(self.events) + 1, AT, kind, step, dict(data))
            self._then[kind, data] = Journal(self.plan, (*self.events, event))
        return self._then[kind, data]


@dataclass(frozen=True)
class Job:
    """A request that left. `inside`: it holds the lock and is half done."""

    do: bool
    number: int
    epoch: int
    inside: bool = False

    @property
    def name(self) -> str:
        return f"{'do' if self.do else 'undo'}-{self.number}"


@dataclass(frozen=True)
class Budget:
    sessions: int = 1
    losses: int = 1
    edits: int = 1
    blind: int = 1
    odd: int = 0
    """Answers that no contract foresees."""


Result = tuple[str, int]
"""What an attempt left there: its word and its code. The code is what is answered, unless it died."""
DONE, NOTHING, FAILED, DIED = ("done", 0), ("refused", 78), ("failed", 70), ("died", 70)
ODD = 1
"""A code of no table: what a shell answers when the disk is full."""


def by_the_tables(result: Result) -> tuple[Answer, Reading]:
    """As the product reads it: the code where it is answered, the word and the code where it is settled."""
    return meaning(remote.ANSWERS, result[1]), remote.came_to(result[0], str(result[1]))


def whatever_is_unknown_was_refused(result: Result) -> tuple[Answer, Reading]:
    """As it once was, and must never be again."""
    answer, reading = by_the_tables(result)
    return (
        Answer.NOTHING if answer is Answer.UNKNOWN else answer,
        Reading.BEFORE if result[0] == "refused" else reading,
    )


@dataclass(frozen=True)
class State:
    """`ours`: the value there was put there by us, and by nobody since. `pc`: where the controller is; empty: dead."""

    journal: Journal
    pc: tuple[object, ...]
    budget: Budget
    epoch: int = 1
    tries: int = 0
    setting: Reading = Reading.BEFORE
    ours: bool = False
    effects: int = 0
    far_epoch: int = 0
    results: tuple[tuple[str, Result], ...] = ()
    jobs: tuple[Job, ...] = ()

    @property
    def locked(self) -> bool:
        return any(j.inside for j in self.jobs)


@dataclass(frozen=True)
class Model:
    kind: StepKind
    repeat_safe: bool = False
    on_failure: OnFailure = OnFailure.ROLLBACK
    compares: bool = True
    """Does the far side compare before it changes? Without it, an edit must not fall between our look and our act."""
    reads: Callable[[Result], tuple[Answer, Reading]] = by_the_tables

    def first(self, budget: Budget) -> State:
        return State(Journal(_plan(self)).then(*_begun("forward")), ("idle",), budget)

    def after(self, s: State) -> Iterator[tuple[str, State]]:
        """Everything that can happen next."""
        yield from self._far(s)
        yield from self._others(s)
        yield from self._sessions(s)
        if s.pc:
            yield from self._controller(s)

    # The far side -----------------------------------------------------------------

    def _far(self, s: State) -> Iterator[tuple[str, State]]:
        for job in s.jobs:
            rest = tuple(j for j in s.jobs if j is not job)
            if job.inside:
                yield f"{job.name} is done", self._done(replace(s, jobs=rest), job)
                if s.budget.odd:
                    yield from self._odd(_spend(replace(s, jobs=rest), "odd"), job)
                if s.budget.losses:
                    died = _result(_spend(replace(s, jobs=rest), "losses"), job.name, DIED)
                    yield f"{job.name} dies there", died
                    yield f"{job.name} dies there after its effect", self._effect(died, job)
                    if job.do and self.kind is StepKind.STATE:
                        yield f"{job.name} dies there at once", replace(died, setting=Reading.BEFORE, ours=False)
            elif not s.locked:
                yield f"{job.name} arrives", self._arrives(replace(s, jobs=rest), job)

    def _odd(self, s: State, job: Job) -> Iterator[tuple[str, State]]:
        """It ended, and says so oddly. Nothing was done and it said so: that is `_arrives`."""
        yield f"{job.name} is done, answered {ODD}", self._effect(_result(s, job.name, ("done", ODD)), job)
        yield f"{job.name} is done, kept as refused", self._effect(_result(s, job.name, ("refused", ODD)), job)
        yield f"{job.name} is half done and fails", _result(s, job.name, FAILED)
        if self.kind is StepKind.STATE:
            yield f"{job.name} is half done, answered {ODD}", _result(s, job.name, ("refused", ODD))

    def _arrives(self, s: State, job: Job) -> State:
        if job.epoch < s.far_epoch or job.name in dict(s.results):
            return s
        s = replace(s, far_epoch=job.epoch)
        if self.kind is StepKind.STATE and self.compares:
            fine = {Reading.BEFORE} if job.do else {Reading.BEFORE, Reading.HALF, Reading.WANTED}
            if s.setting not in fine:
                return _result(s, job.name, NOTHING)
        if not job.do and s.setting is not Reading.BEFORE:
            # A script of ours died before or after its effect, or ended with a code that says neither.
            nobody_can_tell = any(self.reads(far)[1] is Reading.HALF for _, far in s.results)
            assert s.ours or nobody_can_tell, "an undo of ours takes back what we did not do"
        assert self.kind is StepKind.EVENT or s.setting is not Reading.OTHER, (
            "an edit of somebody else's is overwritten"
        )
        half = replace(s, setting=Reading.HALF, ours=True) if self.kind is StepKind.STATE else s
        return replace(half, jobs=(*s.jobs, replace(job, inside=True)))

    def _done(self, s: State, job: Job) -> State:
        return self._effect(_result(s, job.name, DONE), job)

    def _effect(self, s: State, job: Job) -> State:
        if self.kind is StepKind.EVENT:
            return replace(s, effects=s.effects + 1)
        return (
            replace(s, setting=Reading.WANTED, ours=True) if job.do else replace(s, setting=Reading.BEFORE, ours=False)
        )

    def _others(self, s: State) -> Iterator[tuple[str, State]]:
        """Somebody edits, but not in the instant in which the script has its hands on the file.

        Of what we set, half put back, or the missing half completed: the rest is still ours.
        """
        quiet = self.compares or (s.pc in {(), ("idle",)} and not s.jobs)
        if self.kind is StepKind.EVENT or not s.budget.edits or s.locked or not quiet:
            return
        for value in (Reading.BEFORE, Reading.HALF, Reading.WANTED, Reading.OTHER):
            if value is not s.setting:
                ours = s.ours and value in {Reading.HALF, Reading.WANTED}
                yield f"somebody sets {value}", replace(_spend(s, "edits"), setting=value, ours=ours)

    # The controller ---------------------------------------------------------------

    def _sessions(self, s: State) -> Iterator[tuple[str, State]]:
        """It dies at any instant; a new session goes on, or rolls back. A closed run can be taken up again."""
        if not s.budget.sessions:
            return
        how = "after its end" if s.pc and s.pc[0] == "ended" else "after a kill"
        state = s.journal.view.state
        for direction in ("forward", "back"):
            if direction == "forward" and state in {RunState.SUCCEEDED, RunState.ROLLED_BACK}:
                continue
            fresh = replace(_spend(s, "sessions"), epoch=s.epoch + 1, tries=0, pc=("idle",))
            yield f"{direction} {how}", replace(fresh, journal=s.journal.then(*_begun(direction)))

    def _controller(self, s: State) -> Iterator[tuple[str, State]]:
        match s.pc:
            case ("ended",):
                return
            case ("idle",):
                yield from self._idle(s)
            case ("record", Did() as kind, tuple() as data):
                yield f"records {kind}", _recorded(s, kind, data)
            case ("act", bool() as do):
                yield from self._intend(s, do)
            case ("send", Job() as job):
                yield from self._send(s, job)
            case ("await", Job() as job):
                yield from self._await(s, job)

    def _idle(self, s: State) -> Iterator[tuple[str, State]]:
        view = s.journal.view
        coming = next_(s.journal.plan, view)
        match coming:
            case Begin():
                for label, there, reading in self._reads(s, blind=self.kind is StepKind.STATE):
                    yield label, self._begin(there, reading)
            case Settle():
                for label, there, reading in self._settles(s, f"do-{view.steps['s'].attempts}"):
                    yield label, self._go_on(there, reading)
            case Verify():
                for label, there, reading in self._reads(s):
                    yield from self._verify(label, there, reading)
            case Turn():
                yield "turns", _record(s, Did.TURNED)
            case Undo():
                yield from self._undo(s, view)
            case Close(state, _):
                yield f"closes {state}", _record(s, Did.CLOSED, state=state.value)

    def _reads(self, s: State, *, blind: bool = True) -> Iterator[tuple[str, State, Reading]]:
        yield "reads", s, Reading.BEFORE if self.kind is StepKind.EVENT else s.setting
        if blind and s.budget.blind:
            yield "cannot read", _spend(s, "blind"), Reading.UNKNOWN

    def _settles(self, s: State, name: str) -> Iterator[tuple[str, State, Reading]]:
        """With the lock free, the epoch is raised there, so what is late stays out; else it waits, up to a limit."""
        if s.budget.blind:
            yield "cannot settle", _spend(s, "blind"), Reading.UNKNOWN
        if s.locked:
            yield "settles: still running", s, Reading.RUNNING
            return
        there = replace(s, far_epoch=s.epoch)
        found = dict(s.results).get(name)
        far = self.reads(found)[1] if found else Reading.BEFORE
        yield (
            "settles",
            there,
            far if self.kind is StepKind.EVENT else settled(far, s.setting, undo=name.startswith("undo")),
        )

    def _begin(self, s: State, reading: Reading) -> State:
        match forward(self.kind, Recorded.NOTHING, reading, repeat_safe=self.repeat_safe):
            case Move.ACT:
                return replace(s, pc=("act", True))
            case Move.ADOPT:
                return _record(s, Did.UNCHANGED)
            case _:
                return _fail(s, "drift", nothing_done=True)

    def _go_on(self, s: State, reading: Reading) -> State:
        match forward(self.kind, Recorded.INTENT, reading, repeat_safe=self.repeat_safe):
            case Move.ACT:
                return replace(s, pc=("act", True))
            case Move.ADOPT:
                return _record(s, Did.ACTED, result="adopted")
            case Move.WAIT:
                return _record(s, Did.CLOSED, state=RunState.PAUSED.value, because=str(reading))
            case Move.FAIL:
                theirs = reading is Reading.THEIRS
                return _fail(s, "drift" if theirs else "half", no_effect=not theirs, nothing_done=theirs)
            case Move.ASK:
                return _record(s, Did.ASKED, error="did it happen?")
            case _:
                return _record(s, Did.CONFLICT, error="somebody else's")

    def _verify(self, label: str, s: State, reading: Reading) -> Iterator[tuple[str, State]]:
        if reading is Reading.UNKNOWN:
            yield label, _record(s, Did.CLOSED, state=RunState.PAUSED.value, because="could not look")
            return
        if self.kind is StepKind.STATE and reading is not Reading.WANTED:
            yield label, _fail(s, "verify", no_effect=reading is Reading.BEFORE)
            return
        yield f"{label}, effect seen", _record(s, Did.VERIFIED)
        yield f"{label}, no effect", _fail(s, "verify", no_effect=True)

    def _undo(self, s: State, view: RunView) -> Iterator[tuple[str, State]]:
        step = view.steps["s"]
        if self.kind is StepKind.EVENT:
            if step.phase is not Phase.INTENT:
                yield "nothing to undo", _record(s, Did.UNDONE)
                return
            for label, there, reading in self._settles(s, f"do-{step.attempts}"):
                open_ = reading in {Reading.RUNNING, Reading.UNKNOWN}
                yield label, _record(there, Did.UNDO_FAILED if open_ else Did.UNDONE, error=str(reading))
            return
        begun = step.undo_attempts > 0
        name = f"undo-{step.undo_attempts}" if begun else f"do-{step.attempts}"
        looks = self._settles(s, name) if begun or step.phase is Phase.INTENT else self._reads(s)
        for label, there, reading in looks:
            yield from self._undo_by(label, there, begun, reading, no_effect=step.no_effect)

    def _undo_by(
        self, label: str, s: State, begun: bool, reading: Reading, *, no_effect: bool
    ) -> Iterator[tuple[str, State]]:
        match backward(Recorded.INTENT if begun else Recorded.NOTHING, reading):
            case Move.ACT:
                yield label, replace(s, pc=("act", False))
                if not no_effect:
                    yield f"{label}, guard does not hold", _record(s, Did.UNDO_BLOCKED, error="guard")
            case Move.ADOPT:
                yield label, _record(s, Did.UNDONE)
            case Move.WAIT:
                yield label, _record(s, Did.UNDO_FAILED, error=str(reading))
            case _:
                yield label, _record(s, Did.CONFLICT, error="somebody else's")

    def _intend(self, s: State, do: bool) -> Iterator[tuple[str, State]]:
        if s.tries >= TRIES:
            failed = _fail(s, "attempts", nothing_done=self.kind is StepKind.STATE)
            yield "gives up", failed if do else _record(s, Did.UNDO_FAILED, error="attempts")
            return
        step = s.journal.view.steps["s"]
        job = Job(do, (step.attempts if do else step.undo_attempts) + 1, s.epoch)
        there = _recorded(s, Did.INTENT if do else Did.UNDO_INTENT, ())
        yield f"intends {job.name}", replace(there, pc=("send", job), tries=s.tries + 1)

    def _send(self, s: State, job: Job) -> Iterator[tuple[str, State]]:
        sent = replace(s, jobs=(*s.jobs, job))
        yield f"sends {job.name}", replace(sent, pc=("await", job))
        failed = _fail(s, "unreachable", nothing_done=True)
        yield "unreachable", failed if job.do else _record(s, Did.UNDO_FAILED, error="unreachable")
        if s.budget.losses:
            yield f"{job.name} is lost", _record(_spend(s, "losses"), Did.NOTE)
            yield f"{job.name} will be late", _record(_spend(sent, "losses"), Did.NOTE)

    def _await(self, s: State, job: Job) -> Iterator[tuple[str, State]]:
        if s.budget.losses:
            yield "no answer", _record(_spend(s, "losses"), Did.NOTE)
        if any(j.name == job.name for j in s.jobs):
            return
        result = dict(s.results)[job.name]
        if result is DIED:
            yield "cut off", _record(s, Did.NOTE)
            return
        yield self._answered(s, job, self.reads(result)[0])

    def _answered(self, s: State, job: Job, answer: Answer) -> tuple[str, State]:
        match answer:
            case Answer.UNKNOWN:
                return "an answer of no table", _record(s, Did.NOTE)
            case Answer.NOTHING if job.do:
                return "refused", _fail(s, "refused", nothing_done=True)
            case Answer.NOTHING:
                return "refused", _record(s, Did.CONFLICT, error="changed")
            case Answer.FAILED if job.do:
                return "failed", _fail(s, "failed")
            case Answer.FAILED:
                return "failed", _record(s, Did.UNDO_FAILED, error="failed")
            case _ if job.do:
                return "answered", _record(s, Did.ACTED, result="done")
            case _:
                back = s.setting is Reading.BEFORE
                return "answered", _record(s, Did.UNDONE if back else Did.UNDO_FAILED, error="reads otherwise")


def _begun(direction: str) -> Entry:
    return Did.BEGUN, (("direction", direction),)


def _record(s: State, kind: Did, **data: object) -> State:
    return replace(s, pc=("record", kind, tuple(data.items())))


def _fail(s: State, class_: str, *, no_effect: bool = False, nothing_done: bool = False) -> State:
    return _record(s, Did.FAILED, **{"class": class_, "error": class_}, no_effect=no_effect, nothing_done=nothing_done)


def _recorded(s: State, kind: Did, data: Data) -> State:
    """After an unknown outcome the controller takes a new epoch: what is late may come with the present one."""
    pc = ("ended",) if kind is Did.CLOSED else ("idle",)
    return replace(s, journal=s.journal.then(kind, data), pc=pc, epoch=s.epoch + (kind is Did.NOTE))


def _result(s: State, name: str, result: Result) -> State:
    return replace(s, results=(*s.results, (name, result)))


def _spend(s: State, what: str) -> State:
    return replace(s, budget=replace(s.budget, **{what: getattr(s.budget, what) - 1}))


def _plan(model: Model) -> Plan:
    step = Step(
        id="s",
        action="x",
        kind=model.kind,
        certainty=Certainty.EXACT,
        says="",
        host="h",
        undoable=model.kind is StepKind.STATE,
        on_failure=model.on_failure,
        repeat_safe=model.repeat_safe,
    )
    return Plan("p", "", (step,))
