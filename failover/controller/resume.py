"""Resume: runs whose process died are finished before anything new begins.

A run that was cut off a while ago, before it did anything, is resumed only if its trigger still holds. Else it is
rolled back, which also settles what may have happened after all.
"""

from __future__ import annotations

from collections.abc import Iterator

from failover.config.playbooks import bind_playbook
from failover.controller.observe import holds_now
from failover.core.ahead import is_ahead
from failover.core.alerting import run_alerts
from failover.core.alerting.alert import Alert
from failover.core.runs.journal import Did, RunState, RunView
from failover.core.runs.playbook import Playbook
from failover.errors import ConfigError, FailoverError, Fault
from failover.fence import fence
from failover.ports import RunRecord
from failover.runs.service import Runs


def finish(
    runs: Runs, playbooks: tuple[Playbook, ...], by: str, faults: list[Alert]
) -> Iterator[tuple[RunRecord, RunView]]:
    """How each of them ended. A fault of ours ends that run alone, and is added to `faults`."""
    busy = runs.at_work()
    for record, view in runs.open_runs():
        if view.state is RunState.RUNNING and record.id not in busy:
            try:
                with fence(f"run {record.id}"):
                    wanted = _is_wanted(runs, record, view, playbooks)
                    came = runs.resume(record) if wanted else runs.rollback(record, by=by)
            except Fault as e:
                faults.append(run_alerts.of_fault(record.id, record.plan, str(e)))
            except FailoverError:  # paused, held, or out of reach: it stays open, and the decision sees that
                continue
            else:
                yield record, came


def _is_wanted(runs: Runs, record: RunRecord, view: RunView, playbooks: tuple[Playbook, ...]) -> bool:
    """It has done something already, or was cut off just now, or its trigger still holds."""
    done = any(s.result or s.ended for s in view.steps.values())
    last = next((e.at for e in reversed(runs.store.events(record.id)) if e.kind is not Did.NOTE), record.opened)
    fresh = (runs.now - last).total_seconds() <= runs.ports.fleet.policy.gap_s and not is_ahead(last, runs.now)
    return done or fresh or _trigger_holds(runs, record, playbooks)


def _trigger_holds(runs: Runs, record: RunRecord, playbooks: tuple[Playbook, ...]) -> bool:
    """By a look made now. False without a trigger: a person started it, and may do so again. False also for a host that
    hosts.yaml no longer has."""
    book = next((p for p in playbooks if p.name == record.plan.playbook), None)
    if book is None or book.trigger is None:
        return False
    try:
        trigger = bind_playbook(book, {k: str(v) for k, v in record.plan.params.items()}, runs.ports.fleet).trigger
    except ConfigError:
        return False
    assert trigger is not None
    return holds_now(runs, trigger)
