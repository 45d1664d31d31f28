"""Port 25 as others see it: from the controller, and from the other MX hosts. A quorum counts these vantages.

The value of a failing signal says how it failed: `timeout` when it connects and nothing comes within the
patience, `unreachable` when there is no connection, `refused`, `closed` or `wrong`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from failover.core.fleet import Host
from failover.core.observe.signal import CONTROLLER, Outcome, Signal
from failover.core.words import duration
from failover.ports import Reply, SmtpAnswer, SmtpClient
from failover.signals.family import Family, Visit
from failover.signals.kind import SignalKind, Where
from failover.signals.sight import Answer, Sight, answer, why_missing

BANNER = SignalKind("smtp.banner", "does the MX greet, seen from the controller", Where.HERE, unit="s")
DIALOGUE = SignalKind("smtp.dialogue", "does it accept a recipient, seen from the controller", Where.HERE, unit="s")
PEER = SignalKind("smtp.peer", "does it greet, seen from another MX", Where.PEER, unit="s")


def dial(visit: Visit, name: str, smtp: SmtpClient) -> Iterable[Signal]:
    at, patience_s = visit.host.smtp, visit.patience_s
    if name == BANNER.name:
        yield from_here(visit.host, BANNER, smtp.banner(at, patience_s=patience_s), patience_s, visit.at)
    elif visit.fleet.domains:
        to = f"postmaster@{next(iter(visit.fleet.domains))}"  # must be accepted: RFC 5321, 4.5.1
        yield from_here(visit.host, DIALOGUE, smtp.dialogue(at, to, patience_s=patience_s), patience_s, visit.at)


def from_here(host: Host, kind: SignalKind, found: SmtpAnswer, patience_s: float, at: datetime) -> Signal:
    """Unknown if our own network is down (`ours`)."""
    sight = Sight(host.name, CONTROLLER, at)
    if found.ok:
        said = f"{found.said} in {duration(found.seconds)}"
        return sight.signal(kind, Outcome.OK, said, found.seconds)
    outcome = Outcome.UNKNOWN if found.ours else Outcome.FAIL
    return sight.signal(kind, outcome, found.said, _word(found, patience_s))


_NO_CONNECTION = ("no connection", "no route to host", "cannot connect", "timed out connecting")


def _word(found: SmtpAnswer, patience_s: float) -> str:
    said = found.said.lower()
    if "refused" in said:
        return "refused"
    if any(words in said for words in _NO_CONNECTION):
        return "unreachable"
    return "timeout" if found.seconds >= 0.9 * patience_s else "wrong"


def _from_there(found: Answer) -> tuple[Outcome, str]:
    """A dead host on the same network is "no route" after 3 s (measured): that counts as an answer."""
    if any(words in found.detail.lower() for words in _NO_CONNECTION):
        return Outcome.FAIL, "unreachable"
    return found.outcome, found.word


def asks(visit: Visit) -> dict[str, str]:
    return {"peers": ",".join(str(h.smtp) for h in visit.peers)} if visit.peers else {}


def read(visit: Visit, facts: Reply) -> Iterable[Signal]:
    """The peers that this host was asked to look at."""
    rows = {row[0]: row[1:] for row in facts.all("peer") if row}
    vantage = visit.host.name
    for address, host in {str(h.smtp): h for h in visit.peers}.items():
        sight = Sight(host.name, vantage, visit.at)
        if address not in rows:
            yield sight.unknown(PEER, f"{vantage}: {why_missing(facts, 'peer')}")
            continue
        found = answer(rows[address])
        outcome, word = _from_there(found)
        yield sight.signal(PEER, outcome, found.said(address), found.seconds if found.ok else word)


FAMILY = Family((BANNER, DIALOGUE, PEER), asks=asks, read=read, dial=dial)
