"""The looks, and the registry of signals. A new family of signals is a file here and one line in _FILES.

All else is derived from these lines: what a playbook may name, the schema's list, thresholds in graphs, what a look
asks of a host and how it reads the answer.
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
    "cpu",
    "disk",
    "debts",
)
"""In the order in which their signals are shown."""

FAMILIES: tuple[Family, ...] = tuple(import_module(f"{__name__}.{name}").FAMILY for name in _FILES)
SIGNALS: Mapping[str, SignalKind] = {kind.name: kind for family in FAMILIES for kind in family.kinds}

NAMED: Mapping[str, str] = {name: kind.meaning for name, kind in SIGNALS.items() if kind.meaning}
"""The signals that a playbook may name. Each has a probe, so what is written is also looked at."""


def at(*where: Where) -> frozenset[str]:
    """The signals that are seen from there."""
    return frozenset(name for name, kind in SIGNALS.items() if kind.where in where)


COUNTED = at(Where.LOG, Where.FLEET)
"""Counted between looks: a single look has none of these."""
OF_DOMAINS = at(Where.SERVERS)
QUIET = frozenset(name for name, kind in SIGNALS.items() if kind.quiet)
UNMEASURED = frozenset(name for name, kind in SIGNALS.items() if not kind.measure)


def weighs(signal: Signal) -> bool:
    """Does it tell whether a host is well? What is unknown of a quiet signal does not."""
    return signal.outcome is not Outcome.UNKNOWN or signal.name not in QUIET


def carried(samples: Samples, now: datetime) -> Samples:
    """What the next look needs of the earlier ones (`before`), and no more, for a process that looks on and on."""
    return tuple(s for family in FAMILIES for s in family.carried(samples, now))
