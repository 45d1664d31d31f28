"""Load and the busiest process: they say why something is slow, and are never more than a warning.

Load over 2 a core is the usual alarm. One process with a core to itself matters only when the machine has
no core to spare.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from failover.core.fleet import Host
from failover.core.signal import Outcome, Signal
from failover.core.words import number as words
from failover.ports import Reply
from failover.signals.sight import Sight, number, why_missing

LOAD_WARN = 2.0
TOP_WARN = 90.0


def read(host: Host, facts: Reply, at: datetime) -> Iterable[Signal]:
    sight = Sight(host.name, host.name, at)
    load = _load(facts)
    yield sight.unknown("cpu.load", why_missing(facts, "load")) if load is None else _judge_load(sight, load)
    yield _top(sight, facts, load)


def _load(facts: Reply) -> float | None:
    """One-minute load for each core."""
    row = facts.one("load")
    if row is None or len(row) < 2:
        return None
    total, cores = number(row[0]), number(row[1])
    return total / cores if total is not None and cores else None


def _judge_load(sight: Sight, load: float) -> Signal:
    said = f"load {words(round(load, 1))} a core"
    if load > LOAD_WARN:
        return sight.signal("cpu.load", Outcome.WARN, f"{said}, more than {words(LOAD_WARN)}", load, "per core")
    return sight.signal("cpu.load", Outcome.OK, said, load, "per core")


def _top(sight: Sight, facts: Reply, load: float | None) -> Signal:
    row = facts.one("top")
    if row is None and not any(r[:1] == ("top",) for r in facts.all("error")):
        return sight.signal("cpu.top", Outcome.OK, "no process took any time", 0.0, "%")
    percent = number(row[0]) if row else None
    if row is None or percent is None:
        return sight.unknown("cpu.top", why_missing(facts, "top"))
    said = f"{row[1] if len(row) > 1 else 'a process'} takes {words(round(percent))} % of a core"
    pressed = percent > TOP_WARN and load is not None and load > 1
    reason = f"{said}, and every core is taken" if pressed else said
    return sight.signal("cpu.top", Outcome.WARN if pressed else Outcome.OK, reason, percent, "%")
