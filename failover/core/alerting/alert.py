"""Messages of a cycle's alerts: one page per incident, however many cycles it lasts. Pure; sent by the outbox."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from failover.core.alerting import flapping
from failover.core.alerting.flapping import Spells
from failover.core.words import duration

SEVERITIES = ("info", "warning", "error", "critical")
"""From quiet to loud, as in PagerDuty's common event format."""
NEVER = math.inf


@dataclass(frozen=True, slots=True)
class Message:
    """A message to people. `key` is the same for one incident, so that a repeat does not page twice.

    `resolves`: the incident of this key is over.
    """

    key: str
    severity: str
    title: str
    text: str
    resolves: bool = False


class Shows(enum.Enum):
    """The present state that an alert shows."""

    BAD = enum.auto()
    """Something is bad."""
    OURS = enum.auto()
    """Something of ours goes on: a run waits for a person, a change is in force."""
    PAST = enum.auto()
    """Nothing now: it is news of something that has ended."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that deserves a person's attention now. `key` names the incident: `mx1/spam-filter-hung`.

    `stage`: the news (seen, asked, cured, blocked, …); each is told once per incident.
    `patience_s`: the incident must have been bad for so long, in all spells of the last hour, before anybody is told.
    NEVER: it is known or cared for, and adds to no other alert's patience.
    `again_s`: told again if it is still so that long after the incident's last message.
    `quiet`: needs no action, so it wakes nobody if its incident was told as loud before.
    `said`: it was told already under the same key; only its end is told.
    """

    key: str
    stage: str
    severity: str
    title: str
    text: str
    patience_s: float = 0.0
    shows: Shows = Shows.BAD
    again_s: float = NEVER
    quiet: bool = False
    said: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """An incident in the store: `first` and last `seen`, and the stages that were `said`.

    After the first message, `severity` is the loudest one sent, `title` the first one, and `spoken` the time of the
    last. `spells`: when it was bad in the last hour; spells before `first` were told before.
    """

    key: str
    first: datetime
    seen: datetime
    said: tuple[str, ...] = ()
    severity: str = "info"
    title: str = ""
    spells: Spells = ()
    spoken: datetime | None = None


@dataclass(frozen=True, slots=True)
class Announcement:
    """The changes of one cycle: `rows` to store, keys to forget (`gone`), `messages` to send."""

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
    """The messages for this cycle's alerts, by what was told before.

    Laws:
    - A stage is told once per incident (again only by `again_s`), and its end once.
    - Nothing is told before its patience is over; time between looks more than `gap_s` seconds apart does not count.
    - An incident that was told ends after `clear_s` seconds without it; if it came back after as long, only after an
      hour without a return. It does not end while its subject (`key` up to the first `/`) is `unsure`.

    Several alerts of one key are one incident. News comes first; of the others the first in the list is told, as loud
    as the loudest whose patience is over. One that is louder than all messages so far is told itself.
    """
    known = {t.key: _by_this_clock(t, now) for t in told}
    seen = _by_key(alerts)
    now_so = [_spoken(same, _seen(same, known.get(key), now, gap_s, unsure), now) for key, same in seen.items()]
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


def _by_this_clock(row: Told, now: datetime) -> Told:
    """A time after now was written before the clock was set back."""
    first, seen, spoken = min(row.first, now), min(row.seen, now), min(row.spoken, now) if row.spoken else None
    return replace(row, first=first, seen=seen, spoken=spoken, spells=flapping.lately(row.spells, now))


def _seen(same: Sequence[Alert], row: Told | None, now: datetime, gap_s: float, unsure: frozenset[str]) -> Told:
    """The incident with this cycle's look. Before its first message it begins with the first spell that counts."""
    row = row or _new(same[0], now)
    if any(a.shows is not Shows.PAST for a in same):
        row = replace(row, seen=now)
    shown = [a.patience_s < NEVER for a in same if a.shows is Shows.BAD]
    if any(shown):
        row = replace(row, spells=flapping.bad(row.spells, now, gap_s))
    elif not shown and not _blind(row, unsure):
        row = replace(row, spells=flapping.well(row.spells))
    begun = [s.begins for s in row.spells if s.begins >= row.first]
    return row if row.said else replace(row, first=min(begun, default=row.first))


def _new(first: Alert, now: datetime) -> Told:
    row = Told(first.key, now, now)
    return replace(row, said=(first.stage,), severity=first.severity, title=first.title) if first.said else row


def _spoken(same: Sequence[Alert], row: Told, now: datetime) -> tuple[Told, Message | None]:
    alert = _next(same, row, now)
    if alert is None:
        return row, None
    loudest = max(alert.severity, row.severity, key=loudness) if row.said else alert.severity
    said = (*row.said, alert.stage) if alert.stage not in row.said else row.said
    after = replace(row, said=said, severity=loudest, title=row.title if row.said else alert.title, spoken=now)
    wakes = not (alert.quiet and row.said and loudness(alert.severity) <= loudness(row.severity))
    text = alert.text
    if alert.shows is Shows.BAD and now - row.spells[-1].begins < timedelta(seconds=alert.patience_s):
        text += f"\n{flapping.words(row.spells, now)}"  # to explain why now
    return after, Message(alert.key, alert.severity if wakes else "info", alert.title, text)


def _next(same: Sequence[Alert], row: Told, now: datetime) -> Alert | None:
    lasted_s = flapping.lasted_s(row.spells, row.first, now)
    ripe = [a for a in same if a.patience_s <= lasted_s and a.shows is not Shows.PAST]
    if news := next((a for a in same if a.shows is Shows.PAST and a.stage not in row.said), None):
        return news
    if ripe and (ripe[0].stage not in row.said or _due_again(ripe[0], row, now)):
        return replace(ripe[0], severity=max((a.severity for a in ripe), key=loudness))
    louder = (a for a in ripe if a.stage not in row.said and loudness(a.severity) > loudness(row.severity))
    return next(louder, None)


def _due_again(a: Alert, row: Told, now: datetime) -> bool:
    return row.spoken is not None and (now - row.spoken).total_seconds() >= a.again_s


def _absent(row: Told, now: datetime, clear_s: float, unsure: frozenset[str]) -> tuple[Told | None, Message | None]:
    """While its subject cannot be seen an incident goes on: its end takes `clear_s` of looks."""
    if _blind(row, unsure):  # not seen is not ended
        return replace(row, seen=now) if row.said else row, None
    row = replace(row, spells=flapping.well(row.spells))
    if not row.said:
        return row if row.spells else None, None
    if (now - row.seen).total_seconds() < clear_s or flapping.returns(row.spells, clear_s):
        return row, None
    return Told(row.key, now, now, spells=row.spells) if row.spells else None, _over(row, now)


def _blind(row: Told, unsure: frozenset[str]) -> bool:
    return row.key.partition("/")[0] in unsure


def _over(row: Told, now: datetime) -> Message:
    lasted, quiet = ((b - a).total_seconds() for a, b in ((row.first, row.seen), (row.seen, now)))
    since = f"{'It began at' if lasted else 'It was seen at'} {row.first:%Y-%m-%d %H:%M} UTC"
    text = f"{since}{f' and lasted {duration(lasted)}' if lasted else ''}; for {duration(quiet)} not seen."
    return Message(row.key, "info", f"resolved: {row.title}", text, resolves=True)


def loudness(severity: str) -> int:
    """The rank in SEVERITIES; an unknown word counts as the loudest."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES) - 1
