"""A clock that was ahead has left records of the future: their runs would count as recent until that date comes."""

from __future__ import annotations

from failover.core.runs.journal import Did
from failover.runs import history
from failover.runs.service import Runs


def count_from_now(runs: Runs) -> None:
    """Add a record of now to each run that is recorded ahead of now: its age counts from that. What was recorded stays
    as it is."""
    said = {"because": "what is recorded before this lies ahead of the clock, and counts from now"}
    for run in history.undated(runs.store, runs.now):
        runs.store.note(run, Did.NOTE, None, said, at=runs.now)
