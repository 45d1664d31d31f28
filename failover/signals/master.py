"""What Postfix's master warns of in the log, since an earlier look: daemons that keep dying, and a service whose
processes are all taken.

Master warns of a daemon that ends as soon as it is started once a minute (it starts it again no sooner: master(8),
`service_throttle_time`), and of taken processes once in 1,000 s (master_avail.c). So a warning is kept for as long.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from failover.core.observe.signal import Outcome, Samples, Signal, of
from failover.core.words import duration
from failover.ports import Reply
from failover.signals.family import Family, Visit
from failover.signals.kind import SignalKind, Where
from failover.signals.sight import Sight, why_missing
from failover.signals.traffic import NEWER, from_earlier

DYING = SignalKind("postfix.daemons", "fail: a daemon of Postfix ends as soon as it is started", Where.LOG, quiet=True)
TAKEN = SignalKind("postfix.processes", "warn: all processes of a service are taken", Where.LOG, quiet=True)
KINDS = (DYING, TAKEN)
KEPT_S = {DYING.name: 130.0, TAKEN.name: 1100.0}
"""Seconds without another warning, after which it is over."""
_SAID = {"dying": DYING, "limit": TAKEN}
_WORSE = {DYING.name: Outcome.FAIL, TAKEN.name: Outcome.WARN}


def asks(visit: Visit) -> dict[str, str]:
    return from_earlier(visit) if visit.wants(*KINDS) else {}


def read(visit: Visit, facts: Reply) -> Iterable[Signal]:
    """Rows `master WHAT NAME TIMES WHY`; without `master counted` the log was not read on (or the helper is older)."""
    rows, sight = facts.all("master"), visit.sight
    for kind in KINDS:
        warned = [row for row in rows if len(row) >= 3 and _SAID.get(row[0]) is kind]
        if warned:
            yield sight.signal(kind, _WORSE[kind.name], _words(kind, warned), ", ".join(row[1] for row in warned), 0.0)
        elif earlier := _lately(visit, kind):
            yield _still(sight, kind, earlier)
        elif ("counted",) in rows:
            yield sight.signal(kind, Outcome.OK, "master warns of nothing")
        else:
            yield sight.unknown(kind, why_missing(facts, "log") if facts.one("log") is None else "the first look")


def _words(kind: SignalKind, warned: list[tuple[str, ...]]) -> str:
    names = ", ".join(row[1] for row in warned)
    if kind is TAKEN:
        return f"all processes of {names} are taken: new clients wait"
    why = "; ".join(row[3] for row in warned if len(row) > 3 and row[3])
    return f"{names} ends as soon as it is started" + (f": {why}" if why else "")


def _lately(visit: Visit, kind: SignalKind) -> Signal | None:
    """The newest earlier look that could see, if its warning is not over yet."""
    mine = [s for s in of(visit.before, visit.host.name, kind.name) if s.at < visit.at]
    newest = max((s for s in mine if s.outcome is not Outcome.UNKNOWN), key=lambda s: s.at, default=None)
    if newest is None or newest.outcome is not _WORSE[kind.name] or newest.age is None:
        return None
    return newest if newest.age + _elapsed(newest, visit) <= KEPT_S[kind.name] else None


def _still(sight: Sight, kind: SignalKind, earlier: Signal) -> Signal:
    age = (earlier.age or 0.0) + (sight.at - earlier.at).total_seconds()
    said, _, _ = earlier.reason.partition(" (")
    return sight.signal(kind, earlier.outcome, f"{said} (warned {duration(age)} ago)", earlier.value, age)


def _elapsed(earlier: Signal, visit: Visit) -> float:
    return (visit.at - earlier.at).total_seconds()


def carried(samples: Samples, at: datetime) -> Samples:
    """The newest look of each host that could see."""
    seen = (s for s in samples if s.name in KEPT_S and s.outcome is not Outcome.UNKNOWN and s.at <= at)
    return tuple({(s.host, s.name): s for s in sorted(seen, key=lambda s: s.at)}.values())


FAMILY = Family(KINDS, asks=asks, read=read, newer=NEWER, carried=carried)
