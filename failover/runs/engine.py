"""The run loop: asks the core what comes next, does it through the ports, records it.

Each act is preceded by a durable intent. After whatever interrupts us (a kill, a lost answer, a dead host), the next
session folds the same journal, settles the open intent on the far side, and goes by the table in `core.runs.recovery`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from failover.actions.base import Ports
from failover.core.runs.journal import Did, RunState, RunView, fold
from failover.core.runs.next import Begin, Close, Settle, Turn, Undo, Verify, next_
from failover.errors import ConfigError, FailoverError, Fault, NeedsPerson, OutcomeUnknown, Unreachable
from failover.fence import fault
from failover.ports import Lease, RunRecord, Store
from failover.runs.backward import undo
from failover.runs.forward import begin, settle
from failover.runs.session import Background, Due, Session, Tell, lease_for
from failover.runs.verification import verify


@dataclass(slots=True)
class Engine:
    ports: Ports
    store: Store
    tell: Tell = lambda run, event: None
    stop: Callable[[], str | None] = lambda: None
    """Why to stop at the next safe point, or None to go on."""
    background: Background = lambda spare_s: None
    due: Due = lambda run: ""

    def start(self, record: RunRecord) -> RunView:
        """Open the run and drive it. With a known `key`, the first run is returned as it stands."""
        lease = self._lease(record)
        try:
            opened = self.store.open(record)
        except BaseException:
            self.store.release(lease)
            raise
        if opened.id != record.id:
            self.store.release(lease)
            return fold(opened.plan, self.store.events(opened.id))
        return _drive(self._session(opened, lease), "forward", record.by)

    def resume(self, record: RunRecord, *, by: str) -> RunView:
        return _drive(self._session(record, self._lease(record)), "forward", by)

    def rollback(self, record: RunRecord, *, by: str, although: str = "") -> RunView:
        """`although`: a person's reason to undo what the guards would keep; it holds for this session alone."""
        return _drive(self._session(record, self._lease(record)), "back", by, although)

    def _lease(self, record: RunRecord) -> Lease:
        return lease_for(record, self.store, self.ports.clock.now())

    def _session(self, record: RunRecord, lease: Lease) -> Session:
        return Session(record, lease, self.ports, self.store, self.tell, self.stop, self.background, self.due)


def _drive(s: Session, direction: str, by: str, although: str = "") -> RunView:
    """Forward or back, until the run is closed; it may be resumed when it is paused."""
    begun = {"direction": direction, "by": by, "epoch": s.lease.epoch}
    with _released(s), _errors_of_the_run(s):
        s.record(Did.BEGUN, None, begun | ({"although": although} if although else {}))
        while s.view.state is RunState.RUNNING:
            _advance(s)
    return s.view


def _advance(s: Session) -> None:
    """One move. Every path through here appends at least one event, so a run always ends."""
    coming = next_(s.plan, s.view)
    # What was done is looked at, however late it is: only then is it known whether a person is needed.
    why = s.stop() if isinstance(coming, Verify) else s.must_stop()
    if why and not isinstance(coming, Close):
        return s.pause(why)
    if isinstance(coming, Begin) and s.is_first and (late := s.too_late(s.run.opened)):
        return s.close(RunState.ABORTED, late)
    match coming:
        case Begin(step):
            begin(s, step)
        case Settle(step):
            settle(s, step)
        case Verify(step):
            verify(s, step)
        case Turn(step, because):
            s.record(Did.TURNED, step.id, {"because": because})
        case Undo(step):
            undo(s, step)
        case Close(state, because):
            s.close(state, because)


# When it fails --------------------------------------------------------------------


@contextmanager
def _released(s: Session) -> Iterator[None]:
    try:
        yield
    finally:
        with suppress(FailoverError):  # a store that is down must not hide why we end; the lease ends by itself
            s.store.release(s.lease)


@contextmanager
def _errors_of_the_run(s: Session) -> Iterator[None]:
    """What steps raise is recorded; what comes here is of the store, of who watches us, or a fault of ours."""
    try:
        yield
    except (ConfigError, Unreachable, OutcomeUnknown) as e:
        if not s.view.order:
            raise
        raise _unrecorded(s, e) from e
    except (FailoverError, BrokenPipeError):  # whoever watched has gone: that is for the caller
        raise
    except Exception as e:
        raise _faulty(s, e) from e


def _unrecorded(s: Session, error: FailoverError) -> NeedsPerson:
    """The store failed after a step was begun: that is neither "a file is wrong" nor "nothing was run"."""
    return NeedsPerson(
        f"run {s.run.id} has begun {', '.join(s.view.order)}, and what came of it could not be recorded: {error}",
        try_=f"{error.try_}; then: failover runs resume {s.run.id}",
    )


def _faulty(s: Session, error: Exception) -> Fault:
    """Said at the run, which then waits for a person: what fails for a fault of ours fails again."""
    found = fault(f"run {s.run.id}", error)
    with suppress(Exception):  # the fault may be in what records it
        s.pause(str(found))
    return found
