"""How loud and how soon: the severity and the patience of all that may deserve a person's attention, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from failover.core.alerting.alert import NEVER

_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Urgency:
    """`patience_s`: how long it must have been so before anybody is told; NEVER: it is known, and nobody is.
    `again_s`: so long after the incident's last word it is told again."""

    severity: str
    patience_s: float
    again_s: float = NEVER


URGENCY: Mapping[str, Urgency] = {
    # The controller itself, and the hosts: longer than a bad link, a restart, a burst.
    "network": Urgency("critical", 2 * _MINUTE),
    "host failed": Urgency("critical", 2 * _MINUTE),
    "host unknown": Urgency("warning", 10 * _MINUTE),
    "host degraded": Urgency("warning", 15 * _MINUTE),
    # What we owe a host: an act at work holds mail for seconds, and a dead one's is let go by the next.
    "debt held": Urgency("critical", 2 * _MINUTE, again_s=60 * _MINUTE),
    "debt unknown-change": Urgency("critical", 2 * _MINUTE, again_s=60 * _MINUTE),
    "debt unloaded": Urgency("critical", 2 * _MINUTE, again_s=60 * _MINUTE),
    "peak": Urgency("warning", 2 * _MINUTE),
    # What would help and may not start, by the barrier. The others of `core.decide.guards` wait for nobody.
    "paused": Urgency("warning", 10 * _MINUTE, again_s=60 * _MINUTE),  # whoever paused it knows, and may forget it
    "clock": Urgency("critical", 0.0, again_s=60 * _MINUTE),  # else it would keep us off until a wrong date comes
    "busy": Urgency("info", NEVER),  # what is at work has its own page
    "in force": Urgency("info", NEVER),  # and so has what stands and eases it
    "no help": Urgency("critical", 15 * _MINUTE),  # help is in force, and mail does not move all the same
    "diagnosis": Urgency("critical", 2 * _MINUTE),
    "its turn": Urgency("critical", 2 * _MINUTE),  # a run elsewhere is at work, and most take less
    "quorum": Urgency("critical", 2 * _MINUTE),
    "retry": Urgency("critical", 2 * _MINUTE),
}
AT_ONCE = Urgency("critical", 0.0)
NOT_NOW = 1440 * _MINUTE
"""A patience that never ends, of what counts as bad all the same: more than the hour of which spells are kept."""


def urgency(what: str) -> Urgency:
    return URGENCY.get(what, AT_ONCE)
