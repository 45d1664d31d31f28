"""The spam filter: does it answer, and does a real scan of a tiny mail end?

A PING starts no scan (spamd's PROTOCOL), and a hung spamd still accepts connections (measured), so the scan
speaks. A healthy scan takes some 30 ms (measured, spamd 4.0.1); SLOW is ours: at 2 s a scan, the default
five children pass two to three messages a second.

A filter that speaks SMTP or LMTP would send a test mail on, so it gets none: its greeting and its answers to a hello
and a NOOP must do. If hosts.yaml declares no filter, the host looks for one in Postfix's settings.
"""

from __future__ import annotations

from collections.abc import Iterable

from failover.core.fleet import Host, SpamEngine
from failover.core.observe.signal import Outcome, Signal
from failover.core.words import duration
from failover.ports import Reply
from failover.signals.family import Args, Family, Visit
from failover.signals.kind import SignalKind
from failover.signals.sight import Answer, answer

SCAN_WARN_S = 2.0
PING = SignalKind("spam.ping", "does the scanner answer at all", unit="s")
SCAN = SignalKind("spam.scan", "does a scan come to its end", unit="s", warn=SCAN_WARN_S)
AUTO = "auto"
USUAL = {"spam": SpamEngine.SPAMASSASSIN.value, "spam_address": "127.0.0.1:783"}
"""Debian's spamd: for older helpers, which look for no filter themselves."""


def has(host: Host, kind: SignalKind) -> bool:
    """A filter that is not declared is not missed."""
    return host.spam is not None and host.spam.engine is not SpamEngine.NONE


def asks(visit: Visit) -> dict[str, str]:
    """Without a declared filter the host finds an SMTP or LMTP one, else looks at the usual spamd; `read` is silent if
    nothing listens there and no mail needs it."""
    spam = visit.host.spam
    if not visit.wants(PING, SCAN) or (spam is not None and spam.engine is SpamEngine.NONE):
        return {"spam": "none", "scan": "no"}
    scan = {"scan": "yes" if visit.wants(SCAN) else "no"}
    if spam is None:
        return {"spam": AUTO, "filters": "yes", **scan}
    return {"spam": spam.engine.value, "spam_address": str(spam.address), **scan}


def older(args: Args) -> Args:
    return {**args, **USUAL} if args["spam"] == AUTO else args


def read(visit: Visit, facts: Reply) -> Iterable[Signal]:
    for kind in (PING, SCAN):
        row = facts.one(kind.name)
        if row is not None and (signal := _judge(visit, kind, answer(row), facts)) is not None:
            yield signal


def _judge(visit: Visit, kind: SignalKind, found: Answer, facts: Reply) -> Signal | None:
    host, sight = visit.host, visit.sight
    engine, at = _found(host, facts)
    if host.spam is None and engine not in _MAIL and found.word == "refused":
        in_use = facts.one("filter")
        said = "mail goes through filter {!r}, which is not the usual spamd: declare `spam:` for this host"
        return sight.unknown(kind, said.format(in_use[0])) if in_use else None
    if found.ok and kind is SCAN:
        slow = found.seconds > SCAN_WARN_S
        said = f"{'answers' if engine in _MAIL else 'scans'} in {duration(found.seconds)}"
        said += f", slower than {duration(SCAN_WARN_S)}" if slow else ""
        return sight.signal(kind, Outcome.WARN if slow else Outcome.OK, said, found.seconds)
    if engine == SpamEngine.RSPAMD.value and at.endswith(_PROXY) and found.word in {"closed", "wrong"}:
        said = (
            f"{at} is rspamd's proxy, which speaks the milter protocol: give the address of a worker, on 11333 or 11334"
        )
        return sight.unknown(kind, said)
    said = found.said(at).removeprefix("connected, ")  # a hung spamd connects, too
    return sight.signal(kind, found.outcome, said, found.seconds if found.ok else found.word)


_PROXY = ":11332"
_MAIL = {SpamEngine.SMTP.value, SpamEngine.LMTP.value}


def _found(host: Host, facts: Reply) -> tuple[str, str]:
    """The engine and where it listens: as declared, or as the host found it."""
    if host.spam is not None:
        return host.spam.engine.value, str(host.spam.address)
    engine, at, *_ = (*(facts.one("spam.at") or ()), *USUAL.values())[:2]
    return engine, at


FAMILY = Family((PING, SCAN), has=has, asks=asks, read=read, older=older)
