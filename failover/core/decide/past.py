"""The past that a decision needs: runs, changes in force, pauses, proposals. Values."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime

from failover.core.observe.condition import Condition
from failover.core.runs.journal import RunState
from failover.core.runs.playbook import Risk, Value


@dataclass(frozen=True, slots=True)
class Pause:
    """The operator's off switch. `host` None means all."""

    host: str | None
    by: str
    reason: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Ran:
    """A run as a decision needs it. `host`: the host that it is for; `subjects`: the hosts and domains it works on.

    `open`: nothing new may start on these. `busy`: the process that works on it now; empty if none.
    `acted`: a step was begun; a run that was kept from its first act is no attempt.
    `incident`: from its plan. `dated`: its own time, if that is ahead of now (`core.ahead`); `opened` is then the
    latest time at which it can have been made.
    """

    run: str
    playbook: str
    host: str | None
    subjects: frozenset[str]
    opened: datetime
    state: RunState
    open: bool = False
    because: str = ""
    busy: str = ""
    acted: bool = True
    incident: str | None = None
    dated: datetime | None = None


@dataclass(frozen=True, slots=True)
class InForce:
    """The changes of one run that are in force, until `until` (None: for as long as it takes).

    `back_when`, `back_mode`: the failback rule it was started under. `guards`: the guards of its undo.
    `host`: the host it was made for (None: none in particular). `away_from`: the hosts that mail was moved away from.
    `gone`: the host was read again and the change is not there any more (configuration management reverts files, too),
    in words; empty if it is there, or was not read.
    """

    run: str
    playbook: str
    subjects: frozenset[str]
    says: str
    since: datetime
    until: datetime | None = None
    risk: Risk = Risk.NONE
    host: str | None = None
    away_from: frozenset[str] = frozenset()
    back_when: tuple[Condition, ...] = ()
    back_mode: str = "ask"
    guards: tuple[Condition, ...] = ()
    gone: str = ""
    incident: str | None = None

    def is_for(self, hosts: Set[str]) -> bool:
        """Was it made for one of these, or was mail moved away from one? A target does not count."""
        return bool(hosts & ({self.host, *self.away_from} if self.host else self.subjects))


@dataclass(frozen=True, slots=True)
class Proposed:
    """A plan that a person was asked about, until `until`. `says`: its steps, in words."""

    key: str
    playbook: str
    params: Mapping[str, Value]
    at: datetime
    until: datetime
    says: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Past:
    """Newest first."""

    ran: tuple[Ran, ...] = ()
    standing: tuple[InForce, ...] = ()
    pauses: tuple[Pause, ...] = ()
    proposed: tuple[Proposed, ...] = ()


@dataclass(frozen=True, slots=True)
class Cycle:
    """The end of the controller's last cycle, for `why` and for monitoring."""

    at: datetime
    by: str
    kind: str
    because: tuple[str, ...]
    playbook: str | None = None
    host: str | None = None
    blocked: bool = False
    """Something is bad, and the controller may not or cannot help."""
    seen: Mapping[str, str] = field(default_factory=dict)
    """Each host's state in words."""
