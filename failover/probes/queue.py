"""The queues of one host. Depth detects, never selects: alone it warns at most; age and mail stuck at a filter fail.

Thresholds: pending 50 is SimpleLogin's alert; deferred 100 is Netdata's warning, high because a large old
deferred queue is "not a direct cause for alarm" (QSHAPE_README); maildrop 20 with a working pickup is a
backlog. Oldest 300 s is one queue run (Postfix `queue_run_delay`), 900 s three. Frozen 60 s: a filter holds
mail for seconds, so a minute is no longer its pace (ours).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from failover.core.fleet import Host
from failover.core.signal import Outcome, Signal
from failover.core.words import count, duration
from failover.ports import Reply
from failover.probes.sight import Sight, age, number, why_missing

PENDING_WARN = 50.0
DEFERRED_WARN = 100.0
MAILDROP_WARN = 20.0
OLDEST_WARN_S = 300.0
OLDEST_FAIL_S = 900.0
FROZEN_FAIL_S = 60.0


def read(host: Host, facts: Reply, at: datetime) -> Iterable[Signal]:
    sight = Sight(host.name, host.name, at)
    counts = {row[0]: n for row in facts.all("queue") if len(row) == 2 and (n := number(row[1])) is not None}
    oldest = _oldest(facts)
    yield _pending(sight, facts, counts, oldest)
    for name, warn in (("deferred", DEFERRED_WARN), ("hold", None), ("maildrop", MAILDROP_WARN)):
        yield _depth(sight, facts, name, counts.get(name), warn)
    yield _oldest_age(sight, facts, counts, oldest)
    yield _frozen(sight, facts)


def _pending(sight: Sight, facts: Reply, counts: dict[str, float], oldest: float | None) -> Signal:
    if not {"incoming", "active"} <= counts.keys():
        return sight.unknown("queue.pending", why_missing(facts, "queue"))
    waiting = counts["incoming"] + counts["active"]
    if facts.one("postfix") == ("stopped",):
        said = f"Postfix is not running; {_wait(waiting)}"
        return sight.signal("queue.pending", Outcome.FAIL, said, waiting, "messages", oldest, _waited(facts, "pending"))
    said = f"{_wait(waiting)} in incoming and active" + (f", oldest {duration(oldest)}" if oldest and waiting else "")
    outcome, reason = _over(waiting, PENDING_WARN, said)
    return sight.signal("queue.pending", outcome, reason, waiting, "messages", oldest, _waited(facts, "pending"))


def _depth(sight: Sight, facts: Reply, name: str, found: float | None, warn: float | None) -> Signal:
    if found is None:
        return sight.unknown(f"queue.{name}", why_missing(facts, "queue"))
    outcome, reason = _over(found, warn, f"{_wait(found)} in {name}")
    return sight.signal(f"queue.{name}", outcome, reason, found, "messages", before=_waited(facts, name))


def _oldest_age(sight: Sight, facts: Reply, counts: dict[str, float], oldest: float | None) -> Signal:
    waiting = counts.get("incoming", 0) + counts.get("active", 0)
    if oldest is None and (waiting or not counts):
        return sight.unknown("queue.oldest_age", why_missing(facts, "oldest"))
    waited = oldest or 0.0
    said = f"the oldest in incoming and active waits {duration(waited)}" if waiting else "nothing waits"
    if waited > OLDEST_FAIL_S:
        return sight.signal("queue.oldest_age", Outcome.FAIL, f"{said}, limit {duration(OLDEST_FAIL_S)}", waited, "s")
    if waited > OLDEST_WARN_S:
        return sight.signal("queue.oldest_age", Outcome.WARN, f"{said}, limit {duration(OLDEST_WARN_S)}", waited, "s")
    return sight.signal("queue.oldest_age", Outcome.OK, said, waited, "s")


def _oldest(facts: Reply) -> float | None:
    row = facts.one("oldest")
    return age(row[0]) if row else None


def _frozen(sight: Sight, facts: Reply) -> Signal:
    """A row a filter: TRANSPORT COUNT OLDEST EXAMINED TOTAL; fewer examined than there are stand for all, about."""
    rows = [r for r in facts.all("frozen") if len(r) >= 5]
    told = why_missing(facts, "frozen")
    if any(row[:1] == ("frozen",) for row in facts.all("error")):
        return sight.unknown("queue.frozen", told)
    found = [(_of_all(*r[1:2], *r[3:5]), age(r[2]) or 0.0, r[0], r[3] != r[4]) for r in rows]
    if len(rows) != len(facts.all("frozen")) or any(n is None for n, *_ in found):
        return sight.unknown("queue.frozen", "failover-host counted something unreadable")
    if not rows and not facts.all("queue"):
        return sight.unknown("queue.frozen", told)
    waiting = float(round(sum(n or 0.0 for n, *_ in found)))
    if not waiting:
        names = " or ".join(f'"{transport}"' for *_, transport, _ in found) or "a filter: none is set"
        said = f"{_none_of(rows)} waits for {names}"
        return sight.signal("queue.frozen", Outcome.OK, said, 0.0, "messages", 0.0, 0.0)
    _, oldest, transport, _ = max(found, key=lambda f: f[1])
    about = "about " if any(partial for *_, partial in found) else ""
    said = f'{about}{_wait(waiting)} for "{transport}", oldest {duration(oldest)}'
    outcome = Outcome.FAIL if oldest > FROZEN_FAIL_S else Outcome.WARN if waiting > PENDING_WARN else Outcome.OK
    return sight.signal("queue.frozen", outcome, said, waiting, "messages", oldest, _waited(facts, "frozen"))


def _none_of(rows: list[tuple[str, ...]]) -> str:
    """Of a long queue only the first are opened, and what they show is all that may be said."""
    examined, total = rows[0][3:5] if rows else ("", "")
    return "no mail" if examined == total else f"none of the {examined} messages examined, of {total},"


def _waited(facts: Reply, which: str) -> float | None:
    """How many came before the time that the look was told of: WHICH COUNT EXAMINED TOTAL. None where the host does
    not say it, as a helper of an earlier release does not."""
    row = next((r[1:] for r in facts.all("waited") if len(r) == 4 and r[0] == which), ())
    found = _of_all(*row) if row else None
    return None if found is None else float(round(found))


def _of_all(found: str, examined: str, total: str) -> float | None:
    """So many of those examined are about so many of all."""
    n, part, whole = number(found), number(examined), number(total)
    if n is None or part is None or whole is None:
        return None
    return n * whole / part if part else n


def _over(found: float, warn: float | None, said: str) -> tuple[Outcome, str]:
    if warn is None or found <= warn:
        return Outcome.OK, said
    return Outcome.WARN, f"{said}, more than {warn:g}"


def _wait(n: float) -> str:
    return f"{count(n, 'message')} {'waits' if n == 1 else 'wait'}" if n else "no mail waits"
