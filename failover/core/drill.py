"""The account of a drill: counted from the accepted and the received messages, never from a counter.

The same count serves the real drill and the simulated one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from failover.core.plain import plain


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that an MX answered with 250: from then on we have to deliver it. `at` is Unix time."""

    seq: str
    to: tuple[str, ...]
    at: float


@dataclass(frozen=True, slots=True)
class Received:
    """A message as a mail handler took it; a doubled recipient is twice in `to`."""

    seq: str
    to: tuple[str, ...]
    at: float
    scanned: bool


@dataclass(frozen=True, slots=True)
class Delay:
    """Seconds from accepted to first delivered, over every (message, recipient)."""

    p50: float = 0.0
    p99: float = 0.0
    max: float = 0.0


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of (message, recipient), except `unscanned`: deliveries that no scanner saw."""

    accepted: int
    delivered: int
    lost: int
    duplicated: int
    unscanned: int
    delay: Delay
    missing: tuple[tuple[str, str], ...] = ()
    doubled: tuple[tuple[str, str], ...] = ()
    foreign: tuple[tuple[str, str], ...] = ()
    """Delivered, but never accepted by us."""

    @property
    def exact(self) -> bool:
        return not (self.missing or self.doubled or self.foreign)


def count(sent: Iterable[Sent], received: Iterable[Received], *, grace: Iterable[str] = ()) -> Tally:
    """Every accepted (message, recipient) delivered exactly once?

    `grace`: messages that the MX may have taken although the sender saw no 250
    (RFC 5321, 4.5.3.2.6): they may be delivered once or not at all.
    """
    accepted = {(s.seq, r): s.at for s in sent for r in s.to}
    ungraded = set(grace)
    got: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], float] = {}
    unscanned = 0
    for message in sorted(received, key=lambda m: m.at):
        for recipient in message.to:
            key = (message.seq, recipient)
            got[key] += 1
            first.setdefault(key, message.at)
            unscanned += not message.scanned
    delivered = [k for k in accepted if got[k]]
    missing = tuple(sorted(k for k in accepted if not got[k]))
    doubled = tuple(sorted(k for k, n in got.items() if n > 1))
    foreign = tuple(sorted(k for k in got if k not in accepted and k[0] not in ungraded))
    return Tally(
        accepted=len(accepted),
        delivered=len(delivered),
        lost=len(missing),
        duplicated=sum(n - 1 for n in got.values() if n > 1),
        unscanned=unscanned,
        delay=_delay([first[k] - accepted[k] for k in delivered]),
        missing=missing,
        doubled=doubled,
        foreign=foreign,
    )


def mitigated(sent: Iterable[Sent], received: Iterable[Received], since: float) -> float | None:
    """Seconds from `since` until the delivery of the first message accepted after it."""
    new = {s.seq for s in sent if s.at >= since}
    return min((r.at - since for r in received if r.seq in new), default=None)


def drained(sent: Iterable[Sent], received: Iterable[Received], since: float) -> float | None:
    """Seconds from `since` until the delivery of the last message accepted before it; None while one waits."""
    first: dict[str, float] = {}
    for r in received:
        first[r.seq] = min(r.at, first.get(r.seq, r.at))
    old = [s.seq for s in sent if s.at < since]
    if any(seq not in first for seq in old):
        return None
    return max((0.0, *(first[seq] - since for seq in old)))


def _delay(seconds: list[float]) -> Delay:
    if not seconds:
        return Delay()
    ranked = sorted(max(0.0, s) for s in seconds)
    return Delay(_rank(ranked, 0.50), _rank(ranked, 0.99), round(ranked[-1], 3))


def _rank(ranked: list[float], share: float) -> float:
    """By nearest rank, so the value has occurred."""
    return round(ranked[max(0, math.ceil(share * len(ranked)) - 1)], 3)


@dataclass(frozen=True, slots=True)
class DrillReport:
    """One drill. Spans are seconds: hang → decided, decided → new mail flows, decided → backlog gone."""

    scenario: str
    mode: str
    accepted: int
    delivered: int
    lost: int
    duplicated: int
    unscanned: int
    delay_s: Delay
    detect_s: float | None
    mitigate_s: float | None
    drain_s: float | None
    run: str | None
    restored: bool
    passed: bool
    failures: tuple[str, ...] = ()
    version: int = 1


def report(
    tally: Tally,
    *,
    scenario: str,
    mode: str,
    run: str | None,
    restored: bool,
    detect_s: float | None,
    mitigate_s: float | None,
    drain_s: float | None,
    failures: Iterable[str] = (),
) -> DrillReport:
    """Judge a drill: it passed when the count is exact, the configuration is back, and nothing else failed."""
    said = (*failures, *_complaints(tally, restored))
    return DrillReport(
        scenario=scenario,
        mode=mode,
        accepted=tally.accepted,
        delivered=tally.delivered,
        lost=tally.lost,
        duplicated=tally.duplicated,
        unscanned=tally.unscanned,
        delay_s=tally.delay,
        detect_s=detect_s,
        mitigate_s=mitigate_s,
        drain_s=drain_s,
        run=run,
        restored=restored,
        passed=not said,
        failures=said,
    )


def _complaints(tally: Tally, restored: bool) -> Iterable[str]:
    if not tally.accepted:
        yield "no message was accepted, so nothing was shown"
    if tally.lost:
        yield f"{tally.lost} lost: {_some(tally.missing)}"
    if tally.duplicated:
        yield f"{tally.duplicated} duplicated: {_some(tally.doubled)}"
    if tally.foreign:
        yield f"{len(tally.foreign)} delivered that were never accepted: {_some(tally.foreign)}"
    if not restored:
        yield "the configuration does not read as before the drill"


def _some(keys: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{seq} to {to}" for seq, to in keys[:5]) + (", …" if len(keys) > 5 else "")


def to_json(report: DrillReport) -> dict[str, Any]:
    """As `lab drill --json` prints it: `version` first."""
    data: dict[str, Any] = plain(report)
    return {"version": data.pop("version"), **data}
