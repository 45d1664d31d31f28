"""State stores with a long past: one real run of a simulated night, over and put back, copied as often as is asked."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import insert

from failover.adapters.journal_json import dumps
from failover.adapters.state_db import writing
from failover.adapters.state_schema import events, runs, summaries
from failover.adapters.state_summary import row_of
from failover.adapters.state_text import text, time
from failover.adapters.store import SqlStore
from failover.config.catalogue import find
from failover.config.playbooks import load_playbook
from failover.core.runs.journal import Event, RunState
from failover.core.runs.summary import Folded, outline
from failover.ports import RunRecord
from failover.runs.service import Runs
from failover.world.ports import ports
from failover.world.postfix import Daemon
from failover.world.world import World

SPAN = timedelta(days=390)
"""Over which they lie, evenly: all of them are still kept."""
CHUNK = 5000


def fill(store: SqlStore, count: int, until: datetime, span: timedelta = SPAN) -> None:
    """So many closed runs, the newest of them just before `until`."""
    for first in range(0, count, CHUNK):
        copies = [_copy(n, until - span * n / count) for n in range(first + 1, min(first + CHUNK, count) + 1)]
        with writing(store.engine) as conn:
            conn.execute(insert(runs), [run for run, _ in copies])
            conn.execute(insert(events), [e for _, of in copies for e in of])
            conn.execute(insert(summaries), [_summary(run) for run, _ in copies])


def _summary(run: dict[str, Any]) -> dict[str, Any]:
    record, *_, folded = _template()
    opened = time(run["opened"])
    return row_of(run["id"], replace(folded, opened=opened, touched=opened + (folded.touched - record.opened)))


def _copy(n: int, opened: datetime) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    of = f"{opened:%Y%m%d-%H%M}-spam-filter-hung-{n}"
    record, plan, recorded, _ = _template()
    row = {"id": of, "opened": text(opened), "by": record.by, "reason": record.reason, "plan": plan, "key": of}
    return row, [values | {"run": of, "at": text(opened + after)} for values, after in recorded]


@cache
def _template() -> tuple[RunRecord, str, list[tuple[dict[str, Any], timedelta]], Folded]:
    record, found = _night()
    recorded = [(_values(e), e.at - record.opened) for e in found]
    return record, dumps(record.plan), recorded, Folded.of(outline(record.plan), record.opened, found)


def _values(e: Event) -> dict[str, Any]:
    return {"seq": e.seq, "kind": e.kind.value, "step": e.step, "data": json.dumps(e.data, separators=(",", ":"))}


def _night() -> tuple[RunRecord, tuple[Event, ...]]:
    """The filter hangs, is taken out, heals, is put back."""
    world = World.august_11(5, rate=2, hang_at=10, until=1000)
    c = Runs(ports(world), world.store)
    world.advance(75)
    record, _ = c.run(c.plan(load_playbook(find("spam-filter-hung", None)), {"sick": "mx1"}), reason="hung", by="ann")
    world.spamd("mx1", Daemon.OK)
    world.advance(60)
    assert c.rollback(record).state is RunState.ROLLED_BACK
    return record, world.store.events(record.id)
