"""The kind of a signal: its name, meaning, unit and thresholds, and the place from which it is seen."""

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
    """`meaning`: for authors of playbooks; empty: no playbook may name it. `unit`: of a value that is a number. `warn`,
    `fail`: the thresholds in that unit, for graphs; `below`: low is bad. `measure`: False if no graph should show it.
    `quiet`: unknown makes no host unwell, and is shown only to those who ask by name."""

    name: str
    meaning: str = ""
    where: Where = Where.HOST
    unit: str = ""
    warn: float | None = None
    fail: float | None = None
    below: bool = False
    measure: bool = True
    quiet: bool = False
