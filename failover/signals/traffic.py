"""Counts of the mail log between two looks: the rate of mail done with, and each host's share of new mail.

One look shows only a position in the log (`log.position`), a count takes two. A position is the end of a line: a byte
in a file, an entry in the systemd journal; so no line is counted twice. Of more than 4 MB (20,000 entries) between two
looks only the newest are counted; the count is then scaled, and called "about". After a rotated log, vacuumed entries,
or a look more than LONGEST_S ago, the count begins anew and is unknown until the next look. Where journald dropped
lines by its rate limit (10,000 in 30 s, times up to 6 by free disk), the count is unknown, too; journald tells after
the 30 s, so a look within them counts too few.

None of these counts for the state of a host.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from failover.core.fleet import Fleet
from failover.core.observe.signal import CONTROLLER, Outcome, Samples, Signal, of
from failover.core.words import count, duration, number
from failover.ports import Reply
from failover.signals.family import Family, Visit
from failover.signals.kind import SignalKind, Where
from failover.signals.sight import Sight, why_missing
from failover.signals.sight import number as read_number

REMOVED_RATE = SignalKind("queue.removed_rate", "messages done per minute", Where.LOG, unit="messages/min", quiet=True)
SHARE = SignalKind("traffic.share", "its part of the mail, percent", Where.FLEET, unit="%", quiet=True)
ACCEPTED = SignalKind("traffic.accepted", "", Where.LOG, unit="messages", quiet=True)
POSITION = SignalKind("log.position", "", Where.LOG, measure=False, quiet=True)
KINDS = (REMOVED_RATE, SHARE, ACCEPTED, POSITION)
NEWER = frozenset({"log", "log_from"})
JOURNAL = "journal"
LONGEST_S = 3600.0
"""A rate over a longer span says nothing about now."""
WINDOW_S = 300.0
"""A share is taken over these seconds, so that looks each 10 s and looks each 5 min mean the same."""
FEWEST = 20.0
"""With fewer messages the share is unknown: one more or less would move it by 5 %."""
_POSITION = re.compile(r"([0-9]{1,20}|[0-9a-f]{32}):[0-9]{1,15}", re.ASCII)
"""INODE:OFFSET of a file; ID:SEQUENCE of the stream that journald writes."""


@dataclass(frozen=True, slots=True)
class Since:
    """An earlier position in a host's log, and its age in seconds."""

    position: str
    span_s: float

    @property
    def offset(self) -> int:
        return int(self.position.partition(":")[2])


def since(host: str, before: Samples, at: datetime) -> Since | None:
    """The newest earlier position that is not too old, and not from the future (a clock was set back)."""
    fit = [s for s in of(before, host, POSITION.name) if timedelta(0) < at - s.at <= timedelta(seconds=LONGEST_S)]
    newest = max(fit, key=lambda s: s.at, default=None)
    if newest is None or not isinstance(newest.value, str) or not _POSITION.fullmatch(newest.value):
        return None
    return Since(newest.value, (at - newest.at).total_seconds())


def carried(samples: Iterable[Signal], at: datetime) -> Samples:
    """The samples that the next look needs (`before`): each host's newest position, and the counts of the window."""
    recent = [
        s for s in samples if s.name in {POSITION.name, ACCEPTED.name} and at - s.at <= timedelta(seconds=LONGEST_S)
    ]
    newest = {s.host: s for s in sorted(recent, key=lambda s: s.at) if s.name == POSITION.name and s.at <= at}
    counts = (s for s in recent if s.name == ACCEPTED.name and at - s.at < timedelta(seconds=WINDOW_S))
    return (*newest.values(), *counts)


def asks(visit: Visit) -> dict[str, str]:
    return from_earlier(visit) if visit.wants(*KINDS) else {}


def from_earlier(visit: Visit) -> dict[str, str]:
    """Read the log, from where an earlier look ended."""
    earlier = since(visit.host.name, visit.before, visit.at)
    return {"log": visit.host.postfix.log} | ({"log_from": earlier.position} if earlier else {})


def read(visit: Visit, facts: Reply) -> Iterable[Signal]:
    sight, earlier = visit.sight, since(visit.host.name, visit.before, visit.at)
    log = facts.one("log") or ()
    there = ":".join(log[:2])
    if len(log) >= 2 and _POSITION.fullmatch(there):
        yield sight.signal(POSITION, Outcome.OK, _read(log), there)
    else:
        yield sight.unknown(POSITION, why_missing(facts, "log"))
    counted = _counted(facts, earlier) if earlier else None
    if earlier is None or counted is None:
        for kind in (REMOVED_RATE, ACCEPTED):
            yield sight.unknown(kind, _why_not(facts, earlier))
        return
    accepted, removed, about = counted
    rate = removed / earlier.span_s * 60
    said = f"{about}{count(round(rate, 1), 'message')} a minute done with, over {duration(earlier.span_s)}"
    yield sight.signal(REMOVED_RATE, Outcome.OK, said, rate)
    said = f"{about}{count(round(accepted), 'message')} accepted in {duration(earlier.span_s)}"
    yield sight.signal(ACCEPTED, Outcome.OK, said, accepted, earlier.span_s)


def _read(log: tuple[str, ...]) -> str:
    _, end, *source = log
    return f"the journal up to entry {end}" if source == [JOURNAL] else f"{''.join(source) or 'read'} up to byte {end}"


def _counted(facts: Reply, earlier: Since) -> tuple[float, float, str] | None:
    """Accepted, removed, and "about " if the count was scaled; from ACCEPTED REMOVED FROM TO."""
    row = tuple(read_number(field) for field in facts.one("traffic") or ())
    if len(row) != 4 or None in row:
        return None
    accepted, removed, start, end = (float(n or 0) for n in row)
    if not earlier.offset <= start <= end:
        return None
    whole, part = end - earlier.offset, end - start
    if part == whole:
        return accepted, removed, ""
    return (accepted * whole / part, removed * whole / part, "about ") if part else None


def _why_not(facts: Reply, earlier: Since | None) -> str:
    if facts.one("log") is None or any(row[:1] == ("log",) for row in facts.all("error")):
        return why_missing(facts, "log")
    if earlier is None:
        return "counted from one look to the next, and this is the first"
    return "the log was rotated since the last look"


def shares(fleet: Fleet, before: Samples, now: Iterable[Signal], at: datetime) -> Iterable[Signal]:
    """Each host's part of all mail that the fleet accepts. Known for all hosts or for none."""
    counts = {name: _recent(name, before, tuple(now), at) for name in fleet.hosts}
    missing = [name for name, found in counts.items() if not found]
    total = sum(float(s.value or 0) for found in counts.values() for s in found)
    if missing or total < FEWEST:
        why = f"nothing is known of {', '.join(missing)}" if missing else f"only {count(total, 'message')} accepted"
        yield from (Sight(name, CONTROLLER, at).unknown(SHARE, why) for name in fleet.hosts)
        return
    rates = {name: _per_minute(found) for name, found in counts.items()}
    for name, rate in rates.items():
        percent = 100 * rate / sum(rates.values())
        said = f"{number(round(percent, 1))} % of the mail that {count(len(rates), 'host')} accepted"
        yield Sight(name, CONTROLLER, at).signal(SHARE, Outcome.OK, said, percent)


def _recent(host: str, before: Samples, now: Samples, at: datetime) -> Samples:
    """The counts within the window, with this look's; none if this look has none."""

    def usable(s: Signal) -> bool:
        return s.outcome is Outcome.OK and isinstance(s.value, int | float) and bool(s.age)

    mine = tuple(s for s in of(now, host, ACCEPTED.name) if usable(s))
    window = timedelta(seconds=WINDOW_S)
    earlier = (s for s in of(before, host, ACCEPTED.name) if usable(s) and timedelta(0) < at - s.at < window)
    return (*earlier, *mine) if mine else ()


def _per_minute(counts: Samples) -> float:
    return 60 * sum(float(s.value or 0) for s in counts) / sum(s.age or 0.0 for s in counts)


FAMILY = Family(
    KINDS,
    asks=asks,
    read=read,
    newer=NEWER,
    compare=shares,
    carried=carried,
    together=True,
)
