"""Who is told what, and when: one page per incident, however many cycles it lasts. Pure; sending is at the edge."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from failover.core.words import duration

SEVERITIES = ("info", "warning", "error", "critical")
"""From quiet to loud: the four of PagerDuty's common event format."""
NEVER = math.inf


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
    """What the store remembers of one incident: since when it is so, when it was last seen so, what was said of it.

    Once something was said, `severity` is the loudest that was said, and `title` the first, which names the incident.
    """

    key: str
    first: datetime
    seen: datetime
    said: tuple[str, ...] = ()
    severity: str = "info"
    title: str = ""


@dataclass(frozen=True, slots=True)
class Announcement:
    """What one cycle changes: `rows` to remember from now on, `gone` the keys to forget, `messages` to send."""

    rows: tuple[Told, ...] = ()
    gone: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()


def announce(
    alerts: Iterable[Alert],
    told: Iterable[Told],
    *,
    now: datetime,
    clear_s: float,
    gap_s: float,
    unsure: frozenset[str] = frozenset(),
) -> Announcement:
    """What to say of this cycle's alerts, given what was said of earlier ones.

    Laws: a stage is said once between the first word of an incident and its end, and the end once; nothing is said of
    what did not last for its patience without a gap of more than `gap_s` seconds; an incident that was spoken of ends
    when it was not seen for `clear_s` seconds, and not while its subject (`key` up to the first `/`) is `unsure`.

    Several alerts of one key are one incident, and the first in the list speaks for it. It is as loud as the loudest
    of them whose patience is over; one that turns louder than all that was said so far speaks for itself.
    """
    known = {t.key: t for t in told}
    seen = _by_key(alerts)
    now_so = [_spoken(same, _lasting(same[0], known.get(key), now, gap_s), now) for key, same in seen.items()]
    not_so = [_absent(row, now, clear_s, unsure) for key, row in known.items() if key not in seen]
    both = [*now_so, *not_so]
    rows = tuple(row for row, _ in both if row is not None)
    gone = tuple(key for key in known if key not in {row.key for row in rows})
    return Announcement(rows, gone, tuple(message for _, message in both if message is not None))


def _by_key(alerts: Iterable[Alert]) -> dict[str, list[Alert]]:
    found: dict[str, list[Alert]] = {}
    for alert in alerts:
        found.setdefault(alert.key, []).append(alert)
    return found


def _lasting(alert: Alert, row: Told | None, now: datetime, gap_s: float) -> Told:
    """The incident as seen now. What begins after now was written before the clock stepped back: it begins anew."""
    if row is None or (not row.said and now - row.seen > timedelta(seconds=gap_s)):
        return Told(alert.key, now, now, (), alert.severity, alert.title)
    return replace(row, first=min(row.first, now), seen=now)


def _spoken(same: Sequence[Alert], row: Told, now: datetime) -> tuple[Told, Message | None]:
    alert = _next(same, row, (now - row.first).total_seconds())
    if alert is None:
        return row, None
    severity = max(alert.severity, row.severity, key=loudness) if row.said else alert.severity
    title = row.title if row.said else alert.title
    after = replace(row, said=(*row.said, alert.stage), severity=severity, title=title)
    return after, Message(alert.key, alert.severity, alert.title, alert.text)


def _next(same: Sequence[Alert], row: Told, lasted_s: float) -> Alert | None:
    ripe = [a for a in same if a.patience_s <= lasted_s]
    if ripe and ripe[0].stage not in row.said:
        return replace(ripe[0], severity=max((a.severity for a in ripe), key=loudness))
    louder = (a for a in ripe if a.stage not in row.said and loudness(a.severity) > loudness(row.severity))
    return next(louder, None)


def _absent(row: Told, now: datetime, clear_s: float, unsure: frozenset[str]) -> tuple[Told | None, Message | None]:
    """While nobody can see its subject an incident counts as going on: its end takes `clear_s` of looking."""
    blind = row.key.partition("/")[0] in unsure
    if not row.said:
        return (row, None) if blind else (None, None)  # what cannot be seen for a moment has not ended in it
    row = replace(row, first=min(row.first, now), seen=min(row.seen, now))
    if blind:
        return replace(row, seen=now), None
    if (now - row.seen).total_seconds() < clear_s:
        return row, None
    return None, _over(row, now)


def _over(row: Told, now: datetime) -> Message:
    lasted, quiet = ((b - a).total_seconds() for a, b in ((row.first, row.seen), (row.seen, now)))
    text = f"It began at {row.first:%Y-%m-%d %H:%M} UTC and lasted {duration(lasted)}; for {duration(quiet)} not seen."
    return Message(row.key, "info", f"over: {row.title}", text, resolves=True)


def loudness(severity: str) -> int:
    """Its rank in SEVERITIES; a word that is none of them is as loud as the loudest, lest it be missed."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES) - 1
