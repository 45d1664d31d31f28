"""Port 25 as others see it: from the controller, and from the other MX hosts. A quorum counts these vantages.

The value of a failing look is the word for how it failed: `timeout` when it connects and nothing comes within
the patience, `unreachable` when there is no connection, `refused`, `closed` or `wrong`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from failover.core.fleet import Host
from failover.core.signal import CONTROLLER, Outcome, Signal
from failover.core.words import duration
from failover.ports import Reply, SmtpAnswer
from failover.signals.sight import Answer, Sight, answer, why_missing


def from_here(host: Host, name: str, found: SmtpAnswer, patience_s: float, at: datetime) -> Signal:
    """`ours` (our own network is down): unknown, for we have not looked."""
    sight = Sight(host.name, CONTROLLER, at)
    if found.ok:
        said = f"{found.said} in {duration(found.seconds)}"
        return sight.signal(name, Outcome.OK, said, found.seconds, "s")
    outcome = Outcome.UNKNOWN if found.ours else Outcome.FAIL
    return sight.signal(name, outcome, found.said, _word(found, patience_s))


_NO_CONNECTION = ("no connection", "no route to host", "cannot connect", "timed out connecting")


def _word(found: SmtpAnswer, patience_s: float) -> str:
    said = found.said.lower()
    if "refused" in said:
        return "refused"
    if any(words in said for words in _NO_CONNECTION):
        return "unreachable"
    return "timeout" if found.seconds >= 0.9 * patience_s else "wrong"


def _from_there(found: Answer) -> tuple[Outcome, str]:
    """A dead host on the same network is "no route" after 3 s (measured): it cannot be reached, which is an answer."""
    if any(words in found.detail.lower() for words in _NO_CONNECTION):
        return Outcome.FAIL, "unreachable"
    return found.outcome, found.word


def peers(vantage: Host, seen: Mapping[str, Host], facts: Reply, at: datetime) -> Iterable[Signal]:
    """`seen`: the hosts that `vantage` was asked to look at, by address and port."""
    rows = {row[0]: row[1:] for row in facts.all("peer") if row}
    for address, host in seen.items():
        sight = Sight(host.name, vantage.name, at)
        if address not in rows:
            yield sight.unknown("smtp.peer", f"{vantage.name}: {why_missing(facts, 'peer')}")
            continue
        found = answer(rows[address])
        outcome, word = _from_there(found)
        value = found.seconds if found.ok else word
        yield sight.signal("smtp.peer", outcome, found.said(address), value, "s" * found.ok)


def not_looked(vantage: Host, seen: Iterable[Host], reason: str, at: datetime) -> Iterable[Signal]:
    return (
        Sight(h.name, vantage.name, at).unknown("smtp.peer", f"{vantage.name} could not look: {reason}") for h in seen
    )
