"""Room for the queue. Under 15 % warns (Mail-in-a-Box calls it an error); under 5 % it fails.

It also fails below 1.5 × message_size_limit, where smtpd refuses MAIL FROM (postconf(5),
queue_minfree); the limit's default is 10,240,000 bytes.
"""

from __future__ import annotations

from collections.abc import Iterable

from failover.core.observe.signal import Outcome, Signal
from failover.core.words import number as words
from failover.ports import Reply
from failover.signals.family import Family, Visit
from failover.signals.kind import SignalKind
from failover.signals.sight import Sight, number, why_missing

FREE_WARN = 15.0
FREE_FAIL = 5.0
BYTES_FAIL = 1.5 * 10_240_000
FREE = SignalKind(
    "disk.free", "free space of the queue's disk, percent", unit="%", warn=FREE_WARN, fail=FREE_FAIL, below=True
)
INODES = SignalKind(
    "disk.inodes", "free inodes of the queue's disk, percent", unit="%", warn=FREE_WARN, fail=FREE_FAIL, below=True
)


def read(visit: Visit, facts: Reply) -> Iterable[Signal]:
    yield _free(visit.sight, FREE, facts.one("disk"), facts)
    yield _free(visit.sight, INODES, facts.one("inodes"), facts)


def _free(sight: Sight, kind: SignalKind, row: tuple[str, ...] | None, facts: Reply) -> Signal:
    if kind is INODES and row and row[0] == "-":
        return sight.signal(kind, Outcome.OK, "this file system makes inodes as it needs them")
    percent = number(row[0]) if row else None
    if row is None or percent is None:
        return sight.unknown(kind, why_missing(facts, "disk" if kind is FREE else "inodes"))
    free = number(row[1]) if kind is FREE and len(row) > 1 else None
    what = f"{words(round(percent))} % {'of the inodes ' if kind is INODES else ''}free at {row[-1]}"
    if free is not None and free < BYTES_FAIL:
        reason = f"{what}: {words(round(free / 1e6))} MB, with which Postfix refuses mail"
        return sight.signal(kind, Outcome.FAIL, reason, percent)
    outcome, limit = _judge(percent)
    return sight.signal(kind, outcome, what + (f", less than {words(limit)} %" if limit else ""), percent)


def _judge(percent: float) -> tuple[Outcome, float | None]:
    if percent < FREE_FAIL:
        return Outcome.FAIL, FREE_FAIL
    return (Outcome.WARN, FREE_WARN) if percent < FREE_WARN else (Outcome.OK, None)


FAMILY = Family((FREE, INODES), read=read)
