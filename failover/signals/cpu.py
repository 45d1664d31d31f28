"""Load and the busiest process: they say why something is slow, and are never more than a warning.

Load over 2 a core is the usual alarm. One process with a core to itself matters only when the machine has
no core to spare.
"""

from __future__ import annotations

from collections.abc import Iterable

from failover.core.observe.signal import Outcome, Signal
from failover.core.words import number as words
from failover.ports import Reply
from failover.signals.family import Family, Visit
from failover.signals.kind import SignalKind
from failover.signals.sight import Sight, number, why_missing

LOAD_WARN = 2.0
TOP_WARN = 90.0
LOAD = SignalKind("cpu.load", "load per core", unit="per core", warn=LOAD_WARN)
TOP = SignalKind("cpu.top", "busiest process, percent of one core", unit="%", warn=TOP_WARN)


def asks(visit: Visit) -> dict[str, str]:
    """Asked only when wanted: it takes a third of a second."""
    return {} if visit.wants(TOP) else {"top": "no"}


def read(visit: Visit, facts: Reply) -> Iterable[Signal]:
    load = _load(facts)
    yield visit.sight.unknown(LOAD, why_missing(facts, "load")) if load is None else _judge_load(visit.sight, load)
    yield _top(visit.sight, facts, load)


def _load(facts: Reply) -> float | None:
    """One-minute load per core."""
    row = facts.one("load")
    if row is None or len(row) < 2:
        return None
    total, cores = number(row[0]), number(row[1])
    return total / cores if total is not None and cores else None


def _judge_load(sight: Sight, load: float) -> Signal:
    said = f"load {words(round(load, 1))} a core"
    if load > LOAD_WARN:
        return sight.signal(LOAD, Outcome.WARN, f"{said}, more than {words(LOAD_WARN)}", load)
    return sight.signal(LOAD, Outcome.OK, said, load)


def _top(sight: Sight, facts: Reply, load: float | None) -> Signal:
    row = facts.one("top")
    if row is None and not any(r[:1] == ("top",) for r in facts.all("error")):
        return sight.signal(TOP, Outcome.OK, "no process took any time", 0.0)
    percent = number(row[0]) if row else None
    if row is None or percent is None:
        return sight.unknown(TOP, why_missing(facts, "top"))
    said = f"{row[1] if len(row) > 1 else 'a process'} takes {words(round(percent))} % of a core"
    pressed = percent > TOP_WARN and load is not None and load > 1
    reason = f"{said}, and every core is taken" if pressed else said
    return sight.signal(TOP, Outcome.WARN if pressed else Outcome.OK, reason, percent)


FAMILY = Family((LOAD, TOP), asks=asks, read=read, newer=frozenset({"top"}))
