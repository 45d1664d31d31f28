"""What a cycle says when it has ended: to people, by its exit code, and to the dead-man's switch."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from failover.controller.result import CycleResult
    from failover.runs.service import Runs


def beat(c: Runs) -> None:
    """It has looked and told, and what it decided is done with or at work: only now may the dead-man's switch be
    told so."""
    url = c.ports.fleet.policy.heartbeat
    if url is not None:
        from failover.adapters import heartbeat

        if why := heartbeat.beat(url):
            print(f"the heartbeat was not taken: {why}", file=sys.stderr, flush=True)


def lines(turn: CycleResult) -> Iterable[str]:
    """What it did; what it only thinks is told through the channels and by `failover why`."""
    for record, view in turn.runs:
        why = f": {view.because}" if view.because else ""
        yield f"run {record.id} {view.state.value}{why}; see: failover runs show {record.id}"
    if turn.missed:
        yield f"not looked while a run waited: {turn.missed}"
    yield from (f"not told: {why}" for why in turn.flushed.why)


def code(turn: CycleResult) -> int:
    """Of the worst of its runs; that a person was told of something is no failure of the tick."""
    from failover.core.runs.journal import exit_code

    return max((exit_code(view) for _, view in turn.runs), default=0)
