"""Who is told what, and when: one page per incident, however many cycles it lasts. Pure; sending is at the edge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell people. `key` is the same for one incident, so that a repeat does not page twice.

    `resolves`: the incident of this key is over.
    """

    key: str
    severity: str
    title: str
    text: str
    resolves: bool = False


@dataclass(frozen=True, slots=True)
class Alert:
    """What deserves a person's attention as of this cycle. `key` names the incident: `mx1/spam-filter-hung`.

    `stage` says what is new about it (seen, asked, cured, blocked, …): each is told once per incident.
    `patience_s`: how long it must have been so, cycle after cycle, before anybody is told.
    """

    key: str
    stage: str
    severity: str
    title: str
    text: str
    patience_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Told:
    """What the store remembers of one incident: since when it is so, when it was last seen so, what was said of it."""

    key: str
    first: datetime
    seen: datetime
    said: tuple[str, ...] = ()
    severity: str = "info"
    title: str = ""
