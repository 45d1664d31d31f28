"""The program that Postfix hands mail to, by its banner: a port that accepts proves nothing."""

from __future__ import annotations

from collections.abc import Iterable

from failover.core.fleet import Host
from failover.core.observe.signal import Outcome, Signal
from failover.core.words import duration
from failover.ports import Reply
from failover.signals.family import Family, Visit
from failover.signals.kind import SignalKind
from failover.signals.sight import answer

BANNER = SignalKind("handler.banner", "does the mail handler greet", unit="s")


def has(host: Host, kind: SignalKind) -> bool:
    return host.handler is not None


def asks(visit: Visit) -> dict[str, str]:
    handler = visit.host.handler
    return {"handler": str(handler.address)} if handler is not None and visit.wants(BANNER) else {}


def read(visit: Visit, facts: Reply) -> Iterable[Signal]:
    row, handler, sight = facts.one("handler"), visit.host.handler, visit.sight
    if handler is None or row is None:
        return
    found, wanted = answer(row), handler.banner
    if not found.ok:
        yield sight.signal(BANNER, found.outcome, found.said(str(handler.address)), found.word)
    elif wanted not in found.detail:
        yield sight.signal(BANNER, Outcome.FAIL, f'greets with "{found.detail}", wanted "{wanted}"', "wrong")
    else:
        yield sight.signal(BANNER, Outcome.OK, f"answers in {duration(found.seconds)}", found.seconds)


FAMILY = Family((BANNER,), has=has, asks=asks, read=read)
