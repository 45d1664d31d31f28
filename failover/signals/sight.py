"""One look at one host: the common fields of its signals, and an answer as an outcome."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from failover.core.clean import clean
from failover.core.observe.signal import Outcome, Signal
from failover.core.words import duration
from failover.ports import Reply
from failover.signals.kind import SignalKind


@dataclass(frozen=True, slots=True)
class Sight:
    """The host, the vantage, and the time at which the look began."""

    host: str
    vantage: str
    at: datetime

    def signal(
        self,
        kind: SignalKind,
        outcome: Outcome,
        reason: str,
        value: float | str | None = None,
        age: float | None = None,
        before: float | None = None,
    ) -> Signal:
        said, unit = clean(reason, _LONGEST), kind.unit if isinstance(value, int | float) else ""
        return Signal(self.host, kind.name, self.vantage, outcome, said, self.at, value, unit, age, before)

    def unknown(self, kind: SignalKind, reason: str) -> Signal:
        return self.signal(kind, Outcome.UNKNOWN, reason)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a service: `word` is ok, timeout, refused, closed, wrong or error."""

    word: str
    seconds: float
    detail: str = ""

    @property
    def ok(self) -> bool:
        return self.word == "ok"

    @property
    def outcome(self) -> Outcome:
        """`error` is ours (no tool to look with), so it is unknown; the other words are the service's."""
        return {"ok": Outcome.OK, "error": Outcome.UNKNOWN}.get(self.word, Outcome.FAIL)

    def said(self, at: str) -> str:
        match self.word:
            case "ok":
                return f"answers in {duration(self.seconds)}"
            case "timeout":
                return self.detail or f"no answer in {duration(round(self.seconds) or self.seconds)}"
            case "refused":
                return f"connection refused at {at}"
            case "closed":
                return f"{at} hung up without an answer"
            case "wrong":
                return f'answered "{self.detail}"'
            case _:
                return self.detail or "could not look"


_WORDS = {"ok", "timeout", "refused", "closed", "wrong", "error"}


def answer(fields: tuple[str, ...]) -> Answer:
    """From OUTCOME, MS and DETAIL; anything else is an error of the look."""
    word, ms, detail = (*fields, "", "", "")[:3]
    seconds = number(ms)
    if word not in _WORDS or (seconds is None and word != "error"):
        return Answer("error", 0.0, f'failover-host said "{" ".join(fields)}", which is no answer')
    return Answer(word, (seconds or 0.0) / 1000, detail)


_NUMBER = re.compile(r"[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)
MOST = 1e15
"""No count, size or time of a mail host is larger: a petabyte, thirty million years."""
OLDEST_S = 100 * 365.25 * 86400


def number(text: str | None) -> float | None:
    """A plain decimal number from 0 up, else None: the far side may print anything."""
    if not _NUMBER.fullmatch(text or ""):
        return None
    value = float(text or "")
    return value if value <= MOST else None


def age(text: str | None) -> float | None:
    """Seconds; 0 if mail seems to come from the future (a clock was set back). None for nonsense."""
    found = number((text or "").removeprefix("-"))
    if found is None or found > OLDEST_S:
        return None
    return 0.0 if (text or "").startswith("-") else found


def why_missing(facts: Reply, part: str) -> str:
    """Why the look lacks this part; in the host's own words if it said so."""
    told = [" ".join(row[1:]) for row in facts.all("error") if row[:1] == (part,)]
    return "; ".join(told) or f"the look says nothing about {part}"


_LONGEST = 400
"""Most characters of a reason; a server's words in it may be long."""
