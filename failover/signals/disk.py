"""Room for the queue. Under 15 % warns (Mail-in-a-Box calls it an error); under 5 % it fails.

It fails as well below 1.5 × message_size_limit, where smtpd itself refuses MAIL FROM (postconf(5),
queue_minfree); the limit's default is 10,240,000 bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from failover.core.fleet import Host
from failover.core.signal import Outcome, Signal
from failover.core.words import number as words
from failover.ports import Reply
from failover.signals.sight import Sight, number, why_missing

FREE_WARN = 15.0
FREE_FAIL = 5.0
BYTES_FAIL = 1.5 * 10_240_000


def read(host: Host, facts: Reply, at: datetime) -> Iterable[Signal]:
    sight = Sight(host.name, host.name, at)
    yield _free(sight, "disk.free", facts.one("disk"), facts)
    yield _free(sight, "disk.inodes", facts.one("inodes"), facts)


def _free(sight: Sight, name: str, row: tuple[str, ...] | None, facts: Reply) -> Signal:
    if name == "disk.inodes" and row and row[0] == "-":
        return sight.signal(name, Outcome.OK, "this file system makes inodes as it needs them")
    percent = number(row[0]) if row else None
    if row is None or percent is None:
        return sight.unknown(name, why_missing(facts, "disk" if name == "disk.free" else "inodes"))
    free = number(row[1]) if name == "disk.free" and len(row) > 1 else None
    what = f"{words(round(percent))} % {'of the inodes ' if name == 'disk.inodes' else ''}free at {row[-1]}"
    if free is not None and free < BYTES_FAIL:
        reason = f"{what}: {words(round(free / 1e6))} MB, with which Postfix refuses mail"
        return sight.signal(name, Outcome.FAIL, reason, percent, "%")
    outcome, limit = _judge(percent)
    return sight.signal(name, outcome, what + (f", less than {words(limit)} %" if limit else ""), percent, "%")


def _judge(percent: float) -> tuple[Outcome, float | None]:
    if percent < FREE_FAIL:
        return Outcome.FAIL, FREE_FAIL
    return (Outcome.WARN, FREE_WARN) if percent < FREE_WARN else (Outcome.OK, None)
