"""`dns.mx`: does every authoritative server of a domain show the MX set that its primary has? Its subject is a domain.

The sets are compared, not the serials: a server may show a new set with an old serial, or the reverse.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from threading import Thread
from time import monotonic
from typing import Protocol

from failover.core.fleet import Domain, Fleet
from failover.core.mx import MxSet
from failover.core.observe.signal import CONTROLLER, Outcome, Samples, Signal
from failover.core.words import count, duration
from failover.errors import FailoverError
from failover.fence import fence
from failover.ports import Clock, DnsZone
from failover.signals.family import Family
from failover.signals.kind import SignalKind, Where
from failover.signals.sight import Sight

MX = SignalKind(
    "dns.mx",
    "of a domain, named in place of the host: do all its name servers show the MX that its primary has",
    Where.SERVERS,
    unit="servers",
)
FAMILY = Family((MX,))
_Zone = Callable[[Domain], DnsZone]


class _Look(Protocol):
    def __call__(self, hosts: Iterable[str], names: frozenset[str] | None, waited: float = 0.0, /) -> Samples: ...


def with_domains(look: _Look, fleet: Fleet, zone: _Zone, clock: Clock) -> _Look:
    """A look that also takes names of domains, and looks at them if `dns.mx` is wanted by name."""

    def see(subjects: Iterable[str], names: frozenset[str] | None, waited: float = 0.0) -> Samples:
        asked = tuple(subjects)
        hosts = [s for s in asked if s in fleet.hosts]
        domains = [fleet.domains[s] for s in asked if s in fleet.domains and names and MX.name in names]
        return (*look(hosts, names, waited), *look_at(domains, zone, clock))

    return see


WITHIN_S = 20.0
"""A zone with silent servers takes some 13 s (measured): to find them, and to ask them twice."""


def look_at(domains: Iterable[Domain], zone: _Zone, clock: Clock, *, within_s: float = WITHIN_S) -> Samples:
    """Looks at all domains at once; one without an answer within `within_s` seconds is unknown. Never raises for what
    name servers do.

    Daemon threads: one that still waits does not keep the process alive.
    """
    asked, at = tuple(domains), clock.now()
    waiting, found = deque(asked), dict[str, Signal]()

    def work() -> None:
        with suppress(IndexError):
            while True:
                domain = waiting.popleft()
                found[domain.name] = _one(domain, zone, at)

    _join([Thread(target=work, name="dns.mx", daemon=True) for _ in asked[:16]], within_s)
    late = f"its name servers have not told in {duration(within_s)}"
    return tuple(found.get(d.name) or Sight(d.name, CONTROLLER, at).unknown(MX, late) for d in asked)


def _join(threads: Sequence[Thread], within_s: float) -> None:
    until = monotonic() + within_s
    for t in threads:
        t.start()
    for t in threads:
        t.join(max(0.0, until - monotonic()))


def _one(domain: Domain, zone: _Zone, at: datetime) -> Signal:
    try:
        with fence(domain.name), ThreadPoolExecutor(1, thread_name_prefix="dns.mx at the primary") as beside:
            there = zone(domain)
            primary = beside.submit(_primary, there, domain.name)
            shown = there.seen(domain.name)
            return compared(domain.name, primary.result(), shown, at)
    except FailoverError as e:
        return Sight(domain.name, CONTROLLER, at).unknown(MX, str(e))


def _primary(there: DnsZone, name: str) -> MxSet | str:
    try:
        return there.mx(name)
    except FailoverError as e:
        return str(e)


def compared(domain: str, primary: MxSet | str, shown: Mapping[str, MxSet | str], at: datetime) -> Signal:
    """`value`: how many servers show the primary's set. One silent server among three or more is ok, and is told."""
    sight = Sight(domain, CONTROLLER, at)
    sets = {server: s for server, s in shown.items() if isinstance(s, MxSet)}
    missing = {server: words for server, words in shown.items() if isinstance(words, str)}
    if not sets:
        said = "; ".join(f"{server}: {words}" for server, words in missing.items()) or "it has no authoritative server"
        return sight.unknown(MX, said)
    meant = primary if isinstance(primary, MxSet) else next(iter(sets.values()))
    stale = {server: s for server, s in sets.items() if s != meant}
    outcome, first = _judged(domain, primary, meant, stale, missing, len(sets))
    agree = len(sets) - len(stale)
    notes = [f"{server} shows {s.text}" for server, s in stale.items()]
    notes += [f"{server}: {words}" for server, words in missing.items()]
    reason = "; ".join([first, *notes])
    return sight.signal(MX, outcome, f"{agree} of {count(len(shown), 'server')}: {reason}", agree)


def _judged(
    domain: str,
    primary: MxSet | str,
    meant: MxSet,
    stale: Mapping[str, MxSet],
    missing: Mapping[str, str],
    answered: int,
) -> tuple[Outcome, str]:
    if not meant.targets:
        return Outcome.FAIL, f"no MX records: senders use the address of {domain} itself"
    if stale:
        return Outcome.FAIL, f"not all show {meant.text}"
    if "." in meant.names:
        return Outcome.WARN, "a null MX: the domain refuses all mail"
    if isinstance(primary, str):
        return Outcome.WARN, f"{meant.text}, but the primary could not be read: {primary}"
    tolerable = not missing or (len(missing) == 1 and answered >= 2)
    return (Outcome.OK if tolerable else Outcome.WARN), meant.text
