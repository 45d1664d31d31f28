"""Port 25 as others see it: from the controller, and from the other MX hosts. A quorum counts these vantages.

The value of a failing look is the word for how it failed: `timeout` when nothing came within the patience,
`refused`, `closed` or `wrong`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from failover.core.fleet import Host
from failover.core.signal import CONTROLLER, Outcome, Signal
from failover.core.words import duration
from failover.ports import Reply, SmtpAnswer
from failover.probes.sight import Sight, answer, why_missing


def from_here(host: Host, name: str, found: SmtpAnswer, *, patience_s: float, at: datetime) -> Signal:
    """`ours` (our own network is down): unknown, for we have not looked."""
    sight = Sight(host.name, CONTROLLER, at)
    if found.ok:
        said = f"{found.said} in {duration(found.seconds)}"
        return sight.signal(name, Outcome.OK, said, found.seconds, "s")
    outcome = Outcome.UNKNOWN if found.ours else Outcome.FAIL
    return sight.signal(name, outcome, found.said, _word(found, patience_s))


def _word(found: SmtpAnswer, patience_s: float) -> str:
    if "refused" in found.said.lower():
        return "refused"
    return "timeout" if found.seconds >= 0.9 * patience_s else "wrong"


def peers(vantage: Host, seen: Mapping[str, Host], facts: Reply, at: datetime) -> Iterable[Signal]:
    """`seen`: the hosts that `vantage` was asked to look at, by address and port."""
    rows = {row[0]: row[1:] for row in facts.all("peer") if row}
    for address, host in seen.items():
        sight = Sight(host.name, vantage.name, at)
        if address not in rows:
            yield sight.unknown("smtp.peer", f"{vantage.name}: {why_missing(facts, 'peer')}")
            continue
        found = answer(rows[address])
        value = found.seconds if found.ok else found.word
        yield sight.signal("smtp.peer", found.outcome, found.said(address), value, "s" * found.ok)


def not_looked(vantage: Host, seen: Iterable[Host], reason: str, at: datetime) -> Iterable[Signal]:
    return (
        Sight(h.name, vantage.name, at).unknown("smtp.peer", f"{vantage.name} could not look: {reason}") for h in seen
    )
