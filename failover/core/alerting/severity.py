"""The severity and the patience of every alert, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from failover.core.alerting.alert import NEVER
from failover.core.observe.diagnosis import Diagnosis

_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Urgency:
    """`patience_s`: it must be so for that long before anybody is told; NEVER: nobody is told.
    `again_s`: told again that long after the incident's last message."""

    severity: str
    patience_s: float
    again_s: float = NEVER


URGENCY: Mapping[str, Urgency] = {
    # The controller itself, and the hosts: longer than a short network fault, a restart, a burst.
    "network": Urgency("critical", 2 * _MINUTE),
    "host failed": Urgency("critical", 2 * _MINUTE),
    "host unknown": Urgency("warning", 10 * _MINUTE),
    "host degraded": Urgency("warning", 10 * _MINUTE),
    # Incidents that no wait makes better, whatever the state of their host.
    "incident disk-full": Urgency("critical", 2 * _MINUTE),
    "incident mail-refused": Urgency("critical", 2 * _MINUTE),
    "incident postfix-dying": Urgency("critical", 2 * _MINUTE),
    "incident not-picked-up": Urgency("critical", 0.0),  # it has lasted for minutes
    # Our debts: an act holds mail for seconds only, and the next act lets go what a dead one held.
    "debt held": Urgency("critical", 2 * _MINUTE, again_s=60 * _MINUTE),
    "debt unknown-change": Urgency("critical", 2 * _MINUTE, again_s=60 * _MINUTE),
    "debt unloaded": Urgency("critical", 2 * _MINUTE, again_s=60 * _MINUTE),
    "peak": Urgency("warning", 2 * _MINUTE),
    # A playbook that may not start, by its barrier. Other rules of `core.decide.guards` are told at once.
    "paused": Urgency("warning", 10 * _MINUTE, again_s=60 * _MINUTE),  # the person who paused it knows, and may forget
    "clock": Urgency("critical", 0.0, again_s=60 * _MINUTE),  # else it would block us until a wrong date
    "busy": Urgency("info", NEVER),  # the run at work has its own page
    "in force": Urgency("info", NEVER),  # so has the change in force
    "no help": Urgency("critical", 15 * _MINUTE),  # a change is in force, and mail still does not move
    "diagnosis": Urgency("critical", 2 * _MINUTE),
    "its turn": Urgency("critical", 2 * _MINUTE),  # most runs take less
    "quorum": Urgency("critical", 2 * _MINUTE),
    "retry": Urgency("critical", 2 * _MINUTE),
    "could not": Urgency("critical", 2 * _MINUTE),  # the next cycle tries again, and most often can
}
AT_ONCE = Urgency("critical", 0.0)
NOT_NOW = 1440 * _MINUTE
"""A patience that never ends (spells are kept for an hour), of something that still counts as bad."""


def of_host(d: Diagnosis) -> Urgency:
    """Of a host that is not well: by its incident, else by its state."""
    return URGENCY.get(f"incident {d.incident}") or urgency(f"host {d.state}")


def urgency(what: str) -> Urgency:
    return URGENCY.get(what, AT_ONCE)
