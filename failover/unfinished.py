"""Runs whose process died: gone on with before anything new begins, since whoever began one had the right to.

But an order is not for ever. One that was cut off before it did anything, a while ago, is carried out only where what
it was given for is still so; else it is taken back, which settles what may have happened after all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from failover.config.playbooks import bind_playbook
from failover.controller import Controller
from failover.core.condition import at_once, judge, predicates
from failover.core.playbook import Playbook
from failover.core.run import RunState, View
from failover.errors import FailoverError
from failover.ports import RunRecord


def finish(c: Controller, playbooks: tuple[Playbook, ...], by: str) -> Iterator[tuple[RunRecord, View]]:
    busy = {lease.run for lease in c.store.holders(c.now)}
    for record, view in c.open_runs():
        if view.state is RunState.RUNNING and record.id not in busy:
            with suppress(FailoverError):  # paused, held, or out of reach: it stays open, and the past says so
                yield record, c.resume(record) if _is_meant(c, record, view, playbooks) else c.rollback(record, by=by)


def _is_meant(c: Controller, record: RunRecord, view: View, playbooks: tuple[Playbook, ...]) -> bool:
    """Something was done already, or it is no while ago, or a look made now still shows what it is for."""
    done = any(s.result or s.ended for s in view.steps.values())
    events = c.store.events(record.id)
    last = events[-1].at if events else record.opened
    return done or (c.now - last).total_seconds() <= c.hands.fleet.policy.gap_s or _asks_for_it(c, record, playbooks)


def _asks_for_it(c: Controller, record: RunRecord, playbooks: tuple[Playbook, ...]) -> bool:
    """A playbook without a trigger was a person's wish of then: theirs to repeat."""
    book = next((p for p in playbooks if p.name == record.plan.playbook), None)
    if book is None or book.trigger is None:
        return False
    trigger = bind_playbook(book, {k: str(v) for k, v in record.plan.params.items()}, c.hands.fleet).trigger
    assert trigger is not None
    tests = predicates(trigger)
    seen = c.hands.look({t.host for t in tests}, frozenset(t.signal for t in tests))
    return judge(at_once(trigger), seen, now=c.now).holds is True
