"""The program that Postfix hands mail to, by its banner: a port that accepts proves nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from failover.core.fleet import Host
from failover.core.signal import Outcome, Signal
from failover.core.words import duration
from failover.ports import Reply
from failover.signals.sight import Sight, answer

NAME = "handler.banner"


def read(host: Host, facts: Reply, at: datetime) -> Iterable[Signal]:
    row = facts.one("handler")
    if host.handler is None or row is None:
        return
    sight, found, wanted = Sight(host.name, host.name, at), answer(row), host.handler.banner
    if not found.ok:
        yield sight.signal(NAME, found.outcome, found.said(str(host.handler.address)), found.word)
    elif wanted not in found.detail:
        yield sight.signal(NAME, Outcome.FAIL, f'greets with "{found.detail}", wanted "{wanted}"', "wrong")
    else:
        yield sight.signal(NAME, Outcome.OK, f"answers in {duration(found.seconds)}", found.seconds, "s")
