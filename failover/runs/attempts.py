"""An attempt at an act or its undo: what it carries, how often it is made, and what follows when its answer is lost."""

from __future__ import annotations

from collections.abc import Callable

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from failover.actions import ACTIONS
from failover.actions.base import Attempt, Result
from failover.core.runs.journal import Did
from failover.core.runs.plan import Step
from failover.core.runs.recovery import Reading
from failover.errors import FailoverError, Unreachable
from failover.fence import fence
from failover.runs.looking import subject
from failover.runs.session import Session

ATTEMPTS = 3
"""How often one session begins the same act anew, after it has made sure that the last one did not happen."""
SPENT = f"failed {ATTEMPTS} times"


def spent(s: Session, what: str) -> bool:
    """Counts this attempt as well."""
    s.tries[what] = s.tries.get(what, 0) + 1
    return s.tries[what] > ATTEMPTS


def attempt(s: Session, step: Step, name: str) -> Attempt:
    return Attempt(s.run.id, step.id, name, s.lease.epoch, lambda: s.hold(step.limit_s))


def reaching(s: Session, step: Step, do: Callable[[], Result]) -> Result:
    """Only what certainly was not run is tried again, with the same attempt: the far side does it once."""
    again = Retrying(
        retry=retry_if_exception_type(Unreachable),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_fixed(2.0),
        sleep=s.ports.clock.sleep,
        reraise=True,
    )
    with fence(subject(step)):
        return again(do)


def lost(s: Session, step: Step, error: FailoverError) -> None:
    """The request may still be on its way, with our epoch: settling shuts it out only with a newer one."""
    s.record(Did.NOTE, step.id, {"unknown": str(error)})
    s.lease_anew()


def settled(s: Session, step: Step, name: str) -> Reading:
    """How far that attempt came, once it neither runs nor will."""
    s.renew(step.limit_s)
    return ACTIONS[step.action].settle(step, attempt(s, step, name), s.ports)
