"""The kind of a signal: its name, what it means, its unit and thresholds, and from where it is seen."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Where(enum.Enum):
    """From where a signal is seen."""

    SSH = "getting in over SSH"
    HOST = "failover-host look, over SSH"
    HERE = "SMTP from the controller"
    PEER = "SMTP from another MX, over SSH there"
    LOG = "failover-host look, over SSH, and where an earlier look ended"
    FLEET = "the looks at all hosts together"
    SERVERS = "DNS at every authoritative server; its subject is a domain"


@dataclass(frozen=True, slots=True)
class SignalKind:
    """`meaning`: for whoever writes a playbook; empty: no playbook may name it. `unit`: of its value where that is a
    number. `warn` and `fail` are the thresholds in that unit, for graphs; `below`: low is bad. `measure`: False for a
    number or text that no graph should show. `quiet`: what is unknown of it is told only to whoever wants it by name,
    and makes no host unwell."""

    name: str
    meaning: str = ""
    where: Where = Where.HOST
    unit: str = ""
    warn: float | None = None
    fail: float | None = None
    below: bool = False
    measure: bool = True
    quiet: bool = False
