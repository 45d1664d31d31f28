"""The registry of signals. A new family is a file here and one line in _FILES.

All else is derived from these lines: the names for playbooks and the schema, thresholds in graphs, the questions of a
look and the reading of its answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from importlib import import_module

from failover.core.observe.signal import Outcome, Samples, Signal
from failover.signals.family import Family
from failover.signals.kind import SignalKind, Where

_FILES = (
    "ssh",
    "queue",
    "spam",
    "handler",
    "container",
    "smtp",
    "tls",
    "dns",
    "traffic",
    "master",
    "cpu",
    "disk",
    "debts",
)
"""In the order in which their signals are shown."""

FAMILIES: tuple[Family, ...] = tuple(import_module(f"{__name__}.{name}").FAMILY for name in _FILES)
SIGNALS: Mapping[str, SignalKind] = {kind.name: kind for family in FAMILIES for kind in family.kinds}

NAMED: Mapping[str, str] = {name: kind.meaning for name, kind in SIGNALS.items() if kind.meaning}
"""The signals that a playbook may name."""


def at(*where: Where) -> frozenset[str]:
    """The signals that are seen from these places."""
    return frozenset(name for name, kind in SIGNALS.items() if kind.where in where)


COUNTED = at(Where.LOG, Where.FLEET)
"""Counts between two looks: a single look has none."""
OF_DOMAINS = at(Where.SERVERS)
QUIET = frozenset(name for name, kind in SIGNALS.items() if kind.quiet)
UNMEASURED = frozenset(name for name, kind in SIGNALS.items() if not kind.measure)


def weighs(signal: Signal) -> bool:
    """Does this signal count for the state of its host? A quiet one that is unknown does not."""
    return signal.outcome is not Outcome.UNKNOWN or signal.name not in QUIET


def carried(samples: Samples, now: datetime) -> Samples:
    """The samples that the next look needs as its `before`, and no more, for a process that looks for ever."""
    return tuple(s for family in FAMILIES for s in family.carried(samples, now))
