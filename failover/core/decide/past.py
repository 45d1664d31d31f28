"""What came before a decision: runs, changes of ours that stand, the operator's pauses, what was proposed. Values."""

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
    """A run as a decision needs it: for which host, and which hosts and domains it works on.

    `open`: nothing new may start on these. `busy`: who drives it at this moment, empty when nobody does.
    `acted`: something was begun in it; one that was kept from its first act is no attempt.
    `incident`: as its plan has it. `dated`: where its own time lies ahead of now (`core.ahead`), that time; `opened` is
    then by when it was made, as far as that is known.
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

    `back_when`, `back_mode`: the failback rule it was started under. `guards`: what its undo demands besides.
    `host`: the one that it was for (None: no one in particular). `away_from`: the hosts that mail was moved away from.
    `gone`: the host was read again and no longer shows it
    (configuration management puts files back, too), in words; empty when it does, or was not read.
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
        """Was it made for one of these, or mail moved away from it? What merely took the mail on is another matter."""
        return bool(hosts & ({self.host, *self.away_from} if self.host else self.subjects))


@dataclass(frozen=True, slots=True)
class Proposed:
    """What a person was asked, and until when the question stands. `says`: its steps, in words."""

    key: str
    playbook: str
    params: Mapping[str, Value]
    at: datetime
    until: datetime
    says: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Past:
    """Newest first, where order matters."""

    ran: tuple[Ran, ...] = ()
    standing: tuple[InForce, ...] = ()
    pauses: tuple[Pause, ...] = ()
    proposed: tuple[Proposed, ...] = ()


@dataclass(frozen=True, slots=True)
class Cycle:
    """How the last cycle of the controller ended: what `why` and a monitoring system ask for."""

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
