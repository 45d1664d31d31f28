"""Runs whose process died: gone on with before anything new begins, since whoever began one had the right to.

But an order is not for ever. One that was cut off before it did anything, a while ago, is carried out only where what
it was given for is still so; else it is taken back, which settles what may have happened after all.
"""

from __future__ import annotations

from collections.abc import Iterator

from failover.config.playbooks import bind_playbook
from failover.core.ahead import is_ahead
from failover.core.alerting import run_alerts
from failover.core.alerting.alert import Alert
from failover.core.observe.condition import at_once, judge, predicates
from failover.core.runs.journal import Did, RunState, RunView
from failover.core.runs.playbook import Playbook
from failover.errors import ConfigError, FailoverError, Fault
from failover.fence import fence
from failover.ports import RunRecord
from failover.runs.service import Runs


def finish(
    c: Runs, playbooks: tuple[Playbook, ...], by: str, faults: list[Alert]
) -> Iterator[tuple[RunRecord, RunView]]:
    """A fault of ours in one of them ends there, and is added to `faults`."""
    busy = c.at_work()
    for record, view in c.open_runs():
        if view.state is RunState.RUNNING and record.id not in busy:
            try:
                with fence(f"run {record.id}"):
                    came = c.resume(record) if _is_meant(c, record, view, playbooks) else c.rollback(record, by=by)
            except Fault as e:
                faults.append(run_alerts.of_fault(record.id, record.plan, str(e)))
            except FailoverError:  # paused, held, or out of reach: it stays open, and the past says so
                continue
            else:
                yield record, came


def _is_meant(c: Runs, record: RunRecord, view: RunView, playbooks: tuple[Playbook, ...]) -> bool:
    """Something was done already, or it is no while ago, or a look made now still shows what it is for."""
    done = any(s.result or s.ended for s in view.steps.values())
    last = next((e.at for e in reversed(c.store.events(record.id)) if e.kind is not Did.NOTE), record.opened)
    fresh = (c.now - last).total_seconds() <= c.ports.fleet.policy.gap_s and not is_ahead(last, c.now)
    return done or fresh or _asks_for_it(c, record, playbooks)


def _asks_for_it(c: Runs, record: RunRecord, playbooks: tuple[Playbook, ...]) -> bool:
    """A playbook without a trigger was a person's wish of then: theirs to repeat. For a host that hosts.yaml does not
    have any more, nothing asks for it."""
    book = next((p for p in playbooks if p.name == record.plan.playbook), None)
    if book is None or book.trigger is None:
        return False
    try:
        trigger = bind_playbook(book, {k: str(v) for k, v in record.plan.params.items()}, c.ports.fleet).trigger
    except ConfigError:
        return False
    assert trigger is not None
    tests = predicates(trigger)
    seen = c.ports.look({t.host for t in tests}, frozenset(t.signal for t in tests))
    return judge(at_once(trigger), seen, now=c.now).holds is True
