"""What a clock that was ahead has left: runs that would be recent, changes that would last, until its date comes."""

from __future__ import annotations

from failover.core.runs.journal import Did
from failover.runs import history
from failover.runs.service import Runs


def count_from_now(c: Runs) -> None:
    """A run that is recorded ahead of now gets one record of now: by then it was made, and its age counts from then.

    What was recorded stays as it is.
    """
    said = {"because": "what is recorded before this lies ahead of the clock, and counts from now"}
    for run in history.undated(c.store, c.now):
        c.store.note(run, Did.NOTE, None, said, at=c.now)
