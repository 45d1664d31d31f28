"""The end of a cycle: lines for people, the exit code, and the heartbeat."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from failover.controller.result import CycleResult
    from failover.runs.service import Runs


def beat(c: Runs) -> None:
    """Called after the cycle has looked, alerted, and begun its run, if any."""
    url = c.ports.fleet.policy.heartbeat
    if url is not None:
        from failover.adapters import heartbeat

        if why := heartbeat.beat(url):
            print(f"the heartbeat was not taken: {why}", file=sys.stderr, flush=True)


def lines(result: CycleResult) -> Iterable[str]:
    """What the cycle did. Its opinions go to the channels and to `failover why`."""
    for record, view in result.runs:
        why = f": {view.because}" if view.because else ""
        yield f"run {record.id} {view.state.value}{why}; see: failover runs show {record.id}"
    if result.missed:
        yield f"not looked while a run waited: {result.missed}"
    yield from (f"not told: {why}" for why in result.flushed.why)


def code(result: CycleResult) -> int:
    """The exit code of the worst run; an alert is no failure of the tick."""
    from failover.core.runs.journal import exit_code

    return max((exit_code(view) for _, view in result.runs), default=0)
