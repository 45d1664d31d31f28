"""What is looked at: conditions on signals, and the values that a step has bound."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from failover.actions import ACTIONS
from failover.core.observe.condition import Condition, Judgement, judge, predicates
from failover.core.runs.plan import Step
from failover.core.runs.recovery import Reading
from failover.errors import Elsewhere, FailoverError, StaleEpoch
from failover.fence import fence
from failover.runs.session import Session


def judge_now(s: Session, conditions: Iterable[Condition]) -> Judgement:
    """Do all of them hold, by a look made now?"""
    wanted = [t for c in conditions for t in predicates(c)]
    if not wanted:
        return Judgement(True, ())
    samples = s.ports.look({t.host for t in wanted}, frozenset(t.signal for t in wanted))
    judged = [judge(c, samples, now=s.ports.clock.now()) for c in conditions]
    because = tuple(b for j in judged if not j.holds for b in j.because)
    if any(j.holds is False for j in judged):
        return Judgement(False, because)
    return Judgement(None if any(j.holds is None for j in judged) else True, because)


def read(s: Session, step: Step, look: Callable[[], Reading]) -> Reading:
    """What `look` finds; UNKNOWN where it fails, and `s.unread` says why."""
    try:
        with fence(subject(step)):
            return look()
    except FailoverError as e:
        s.unread = e
        return Reading.UNKNOWN


def there_now(s: Session, step: Step) -> str:
    """The values that differ from the wanted ones, in words; the error itself where they cannot be read."""
    try:
        with fence(subject(step)):
            now: Mapping[str, str] = ACTIONS[step.action].read(step, s.ports)
    except FailoverError as e:
        return str(e)
    return "; ".join(f"{k} is {now.get(k)!r}" for k in step.before if now.get(k) != step.want.get(k))


def why_waiting(s: Session, step: Step, reading: Reading) -> str:
    """Why nothing more can be done on a reading of RUNNING or UNKNOWN."""
    if reading is Reading.RUNNING:
        return f"what was begun on {step.host} is still running there"
    said = reason(s.unread) if s.unread else "no reason given"
    if isinstance(s.unread, Elsewhere):
        return said
    return f"{subject(step)} could not be read, so nothing more was done: {said}"


def reason(error: FailoverError) -> str:
    """With what to try where waiting changes nothing: people who read of the run see it nowhere else."""
    return f"{error}; {error.try_}" if lasts(error) else str(error)


def lasts(error: FailoverError | None) -> bool:
    """Waiting makes no epoch newer, and edits no hosts.yaml."""
    return isinstance(error, StaleEpoch | Elsewhere)


def subject(step: Step) -> str:
    return step.host or step.domain or step.id
