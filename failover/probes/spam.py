"""The spam filter by what it does: does it answer, and does a real scan of a tiny mail come to an end?

A PING starts no scan (spamd's PROTOCOL), and a hung spamd still accepts connections (measured), so the scan
speaks. A healthy scan takes some 30 ms (measured, spamd 4.0.1); SLOW is ours: at 2 s a scan, the default
five children pass two to three messages a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from failover.core.fleet import Endpoint, Engine, Host, Spam
from failover.core.signal import Outcome, Signal
from failover.core.words import duration
from failover.ports import Reply
from failover.probes.sight import Answer, Sight, answer

SCAN_WARN_S = 2.0
_USUAL = Spam(Engine.SPAMASSASSIN, Endpoint("127.0.0.1", 783))


def filter_of(host: Host) -> Spam:
    """As declared; else spamd where Debian puts it: `read` is silent if nothing listens there and no mail needs it."""
    return host.spam or _USUAL


def read(host: Host, facts: Reply, at: datetime) -> Iterable[Signal]:
    sight = Sight(host.name, host.name, at)
    for name in ("spam.ping", "spam.scan"):
        row = facts.one(name)
        if row is not None and (signal := _judge(sight, name, answer(row), host, facts)) is not None:
            yield signal


def _judge(sight: Sight, name: str, found: Answer, host: Host, facts: Reply) -> Signal | None:
    at = str(filter_of(host).address)
    if host.spam is None and found.word == "refused":
        in_use = facts.one("filter")
        said = "mail goes through filter {!r}, which is not the usual spamd: declare `spam:` for this host"
        return sight.unknown(name, said.format(in_use[0])) if in_use else None
    if found.ok and name == "spam.scan":
        slow = found.seconds > SCAN_WARN_S
        said = f"scans in {duration(found.seconds)}" + (f", slower than {duration(SCAN_WARN_S)}" if slow else "")
        return sight.signal(name, Outcome.WARN if slow else Outcome.OK, said, found.seconds, "s")
    said = found.said(at).removeprefix("connected, ")  # a hung spamd connects: that is no news, and no comfort
    return sight.signal(name, found.outcome, said, found.seconds if found.ok else found.word, "s" * found.ok)
