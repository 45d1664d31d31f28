"""The queues of one host. Depth alone warns at most; age, and mail stuck at a filter, fail.

Thresholds: pending 50 is SimpleLogin's alert; deferred 100 is Netdata's warning, high because a large old
deferred queue is "not a direct cause for alarm" (QSHAPE_README); maildrop 20 with a working pickup is a
backlog. Oldest 300 s is one queue run (Postfix `queue_run_delay`), 900 s three. Frozen 60 s: a filter holds
mail for seconds, so a minute is no longer its pace (ours).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from failover.core.observe.signal import Outcome, Signal
from failover.core.words import count, duration
from failover.core.words import number as number_
from failover.errors import FailoverError
from failover.fence import fence
from failover.ports import Rc, Reply
from failover.signals.family import Call, Family, Visit
from failover.signals.kind import SignalKind
from failover.signals.sight import OLDEST_S, Sight, age, number, why_missing

PENDING_WARN = 50.0
DEFERRED_WARN = 100.0
MAILDROP_WARN = 20.0
OLDEST_WARN_S = 300.0
OLDEST_FAIL_S = 900.0
FROZEN_FAIL_S = 60.0
COUNT_S = 30
"""For a count of a whole queue, in seconds."""

PENDING = SignalKind("queue.pending", "messages in incoming and active", unit="messages", warn=PENDING_WARN)
DEFERRED = SignalKind("queue.deferred", "messages put off", unit="messages", warn=DEFERRED_WARN)
HOLD = SignalKind("queue.hold", "messages on hold", unit="messages")
MAILDROP = SignalKind(
    "queue.maildrop", "messages submitted locally and not yet picked up", unit="messages", warn=MAILDROP_WARN
)
FROZEN = SignalKind(
    "queue.frozen", "messages fixed to a filter; age: of the oldest", unit="messages", warn=PENDING_WARN
)
OLDEST_AGE = SignalKind(
    "queue.oldest_age",
    "seconds that the oldest pending message waits",
    unit="s",
    warn=OLDEST_WARN_S,
    fail=OLDEST_FAIL_S,
)


def asks(visit: Visit) -> dict[str, str]:
    waited = {"waited": str(int(visit.waited_s))} if visit.waited_s else {}
    return {"filters": "yes" if visit.wants(FROZEN) else "no", **waited}


def read(visit: Visit, facts: Reply) -> Iterable[Signal]:
    sight = visit.sight
    counts = {row[0]: n for row in facts.all("queue") if len(row) == 2 and (n := number(row[1])) is not None}
    oldest = _oldest(facts)
    yield _pending(sight, facts, counts, oldest)
    for kind in (DEFERRED, HOLD, MAILDROP):
        yield _depth(sight, facts, kind, counts)
    yield _oldest_age(sight, facts, counts, oldest)
    yield _frozen(sight, facts)


def _pending(sight: Sight, facts: Reply, counts: dict[str, float], oldest: float | None) -> Signal:
    if not {"incoming", "active"} <= counts.keys():
        return sight.unknown(PENDING, why_missing(facts, "queue"))
    waiting, before = _pends(counts), _waited(facts, "pending", counts)
    said, outcome = _wait(waiting), Outcome.FAIL
    if facts.one("postfix") == ("stopped",):
        said = f"Postfix is not running; {said}"
    else:
        said = f"{said} in incoming and active" + (f", oldest {duration(oldest)}" if oldest and waiting else "")
        outcome, said = _over(waiting, PENDING_WARN, said)
    found = sight.signal(PENDING, outcome, said, waiting, oldest, before)
    return replace(found, most=waiting) if _unseen(facts, "pending", counts) else found


def _depth(sight: Sight, facts: Reply, kind: SignalKind, counts: dict[str, float]) -> Signal:
    name = kind.name.removeprefix("queue.")
    waiting = counts.get(name)
    if waiting is None:
        return sight.unknown(kind, why_missing(facts, "queue"))
    outcome, reason = _over(waiting, kind.warn, f"{_wait(waiting)} in {name}")
    before = _waited(facts, name, counts)
    found = sight.signal(kind, outcome, reason, waiting, before=before)
    partial = before is not None and _unseen(facts, name, counts)
    return replace(found, most=waiting) if partial else found


def _oldest_age(sight: Sight, facts: Reply, counts: dict[str, float], oldest: float | None) -> Signal:
    waiting = _pends(counts)
    if oldest is None and (waiting or not counts):
        return sight.unknown(OLDEST_AGE, why_missing(facts, "oldest"))
    waited = oldest or 0.0
    said = f"the oldest in incoming and active waits {duration(waited)}" if waiting else "nothing waits"
    unseen = _unseen(facts, "pending", counts)
    said += f" (of {number_(waiting - unseen)} examined, of {number_(waiting)})" if unseen else ""
    outcome = Outcome.OK
    for limit, worse in ((OLDEST_FAIL_S, Outcome.FAIL), (OLDEST_WARN_S, Outcome.WARN)):
        if waited > limit:
            outcome, said = worse, f"{said}, limit {duration(limit)}"
            break
    found = sight.signal(OLDEST_AGE, outcome, said, waited)
    return replace(found, most=OLDEST_S) if unseen else found


def _oldest(facts: Reply) -> float | None:
    row = facts.one("oldest")
    return age(row[0]) if row else None


def _pends(counts: dict[str, float]) -> float:
    return counts.get("incoming", 0.0) + counts.get("active", 0.0)


@dataclass(frozen=True, slots=True)
class _Frozen:
    """TRANSPORT COUNT OLDEST EXAMINED TOTAL: COUNT of the EXAMINED files, of TOTAL files."""

    transport: str
    seen: float
    oldest: float
    examined: float
    total: float

    @property
    def unseen(self) -> float:
        return max(0.0, self.total - self.examined)


def _rows(facts: Reply) -> list[_Frozen] | None:
    """One row per filter; None if one cannot be read."""
    found = []
    for row in facts.all("frozen"):
        seen, examined, total = (number(x) for x in (*row[1:2], *row[3:5])) if len(row) >= 5 else (None, None, None)
        if seen is None or examined is None or total is None:
            return None
        found.append(_Frozen(row[0], seen, age(row[2]) or 0.0, examined, total))
    return found


def _frozen(sight: Sight, facts: Reply) -> Signal:
    """Only the first files of a long queue are opened: mail found there is certain, but none found proves nothing."""
    told, rows = why_missing(facts, "frozen"), _rows(facts)
    if any(row[:1] == ("frozen",) for row in facts.all("error")):
        return sight.unknown(FROZEN, told)
    if rows is None:
        return sight.unknown(FROZEN, "failover-host counted something unreadable")
    if not rows and not facts.all("queue"):
        return sight.unknown(FROZEN, told)
    seen, part = sum(r.seen for r in rows), max(rows, key=lambda r: r.unseen, default=_NO_FILTER)
    of = f"of the {number_(part.examined)} messages examined, of {number_(part.total)},"
    if not seen:
        names = " or ".join(f'"{r.transport}"' for r in rows) or "a filter: none is set"
        if part.unseen:
            found = sight.unknown(FROZEN, f"none {of} waits for {names}")
            return replace(found, most=part.unseen)
        return sight.signal(FROZEN, Outcome.OK, f"no mail waits for {names}", 0.0, 0.0, 0.0)
    worst = max((r for r in rows if r.seen), key=lambda r: r.oldest)
    waits = f"{number_(seen)} {of} {'waits' if seen == 1 else 'wait'}" if part.unseen else _wait(seen)
    said = f'{waits} for "{worst.transport}", oldest {duration(worst.oldest)}'
    outcome = Outcome.FAIL if worst.oldest > FROZEN_FAIL_S else Outcome.WARN if seen > PENDING_WARN else Outcome.OK
    before = _waited(facts, "frozen", {})
    found = sight.signal(FROZEN, outcome, said, seen, worst.oldest, before)
    return replace(found, most=seen + part.unseen) if part.unseen else found


_NO_FILTER = _Frozen("", 0.0, 0.0, 0.0, 0.0)


def again(visit: Visit, facts: Reply, call: Call) -> Reply:
    """Count a filter's mail in all of a long queue. Without a count, the value of the look stays."""
    if not visit.wants(FROZEN):
        return facts
    try:
        with fence(visit.host.name):
            args = {"limit": str(COUNT_S), "config_dir": visit.host.postfix.config_dir}
            told = [call("frozen", args | {"filter": name}, COUNT_S) for name in to_count(facts)]
            return counted(facts, told, visit.waited_s) if told else facts
    except FailoverError:
        return facts


def to_count(facts: Reply) -> tuple[str, ...]:
    """The filters whose mail has to be counted whole. Not while a step is watched and most of the examined mail waits
    for them: then the length of the queue shows enough."""
    rows = [r for r in _rows(facts) or () if r.unseen]
    dense = bool(rows) and sum(r.seen for r in rows) * 2 >= rows[0].examined
    return () if dense and facts.all("waited") else tuple(r.transport for r in rows)


def counted(facts: Reply, replies: Iterable[Reply], waited_s: float) -> Reply:
    """The look with the whole counts: per filter all its mail, and an upper bound of how much of it waited."""
    whole = {r.transport: r for reply in replies if (r := _count(reply)) is not None}
    left = [r for r in _rows(facts) or () if r.unseen and r.transport not in whole]
    waited = [str(sum(r.seen for r in whole.values() if r.oldest >= waited_s)), "0", "0"]
    rows = []
    for row in facts.rows:
        if row[0] == "frozen" and row[1] in whole:
            r = whole[row[1]]
            rows.append(("frozen", r.transport, *(f"{x:.0f}" for x in (r.seen, r.oldest, r.seen, r.seen))))
        elif row[:2] == ("waited", "frozen") and not left:
            rows.append(("waited", "frozen", *waited))
        else:
            rows.append(row)
    return replace(facts, rows=tuple(rows))


def _count(reply: Reply) -> _Frozen | None:
    """TRANSPORT COUNT OLDEST ROUNDS, of the whole queue; the age of mail from the future is unknown."""
    row = (reply.one("frozen") or ()) if reply.rc == Rc.OK else ()
    seen = number(row[1]) if len(row) == 4 else None
    if seen is None:
        return None
    oldest = number(row[2])
    return _Frozen(row[0], seen, OLDEST_S if oldest is None else oldest, seen, seen)


def _waited(facts: Reply, which: str, counts: dict[str, float]) -> float | None:
    """An upper bound of the mail that has waited since the time given: WHICH COUNT EXAMINED TOTAL, plus all that was
    not examined. None if the host does not tell (an older helper)."""
    row = next((r[1:] for r in facts.all("waited") if len(r) == 4 and r[0] == which), ())
    seen, examined, total = (number(x) for x in row) if row else (None, None, None)
    if seen is None or examined is None or total is None:
        return None
    return seen + _of_unseen(which, max(0.0, total - examined), examined, counts)


def _unseen(facts: Reply, which: str, counts: dict[str, float]) -> float:
    """The number of files that were not opened."""
    row = facts.one("oldest") or ()
    examined, total = (number(x) for x in row[1:3]) if len(row) == 3 else (None, None)
    if examined is None or total is None:
        return 0.0
    return _of_unseen(which, max(0.0, total - examined), examined, counts)


def _of_unseen(which: str, unseen: float, examined: float, counts: dict[str, float]) -> float:
    """Incoming and active are opened first."""
    pending = min(unseen, max(0.0, _pends(counts) - examined))
    return {"pending": pending, "deferred": unseen - pending}.get(which, unseen if which == "frozen" else 0.0)


def _over(found: float, warn: float | None, said: str) -> tuple[Outcome, str]:
    if warn is None or found <= warn:
        return Outcome.OK, said
    return Outcome.WARN, f"{said}, more than {warn:g}"


def _wait(n: float) -> str:
    return f"{count(n, 'message')} {'waits' if n == 1 else 'wait'}" if n else "no mail waits"


FAMILY = Family(
    (PENDING, DEFERRED, HOLD, MAILDROP, FROZEN, OLDEST_AGE),
    asks=asks,
    read=read,
    again=again,
    newer=frozenset({"waited"}),
)
