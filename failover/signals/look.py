"""One look at the fleet: one SSH session per host, and SMTP from here; all at once, each with a hard deadline."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from failover.core.fleet import Fleet, Host
from failover.core.observe import vantages
from failover.core.observe.signal import CONTROLLER, Outcome, Samples, Signal
from failover.errors import FailoverError, Fault
from failover.fence import fence
from failover.ports import Clock, Rc, Remote, Reply, SmtpClient
from failover.signals import FAMILIES, QUIET, SIGNALS, at, ssh
from failover.signals.family import Args, Family, Visit
from failover.signals.kind import SignalKind, Where
from failover.signals.sight import Sight

_Job = Callable[[], list[Signal]]
Spread = Callable[[Sequence[_Job]], list[list[Signal]]]
_NEWER = frozenset(name for family in FAMILIES for name in family.newer)
_OVER_SSH, _THERE = at(Where.SSH, Where.HOST, Where.LOG), at(Where.HOST, Where.LOG)
_HERE, _PEER, _FLEET = at(Where.HERE), at(Where.PEER), at(Where.FLEET)


def look(
    fleet: Fleet,
    *,
    hosts: Iterable[str] | None = None,
    wanted: frozenset[str] | None = None,
    before: Samples = (),
    waited_s: float = 0.0,
    remote: Remote,
    smtp: SmtpClient,
    clock: Clock,
    patience_s: float = 5.0,
    workers: int = 16,
    spread: Spread | None = None,
    whole: bool = False,
    heard: Callable[[str, Reply], object] = lambda host, facts: None,
) -> Samples:
    """Look at `hosts` (None: all) for the `wanted` signals (None: all).

    `before`: earlier samples, from which rates are counted on, and which tell who could look. `waited_s`: also count
    the mail that has waited for that many seconds; 0: do not. `whole`: count all of a long queue, not only its first
    files; this takes seconds. `patience_s`: for each single answer. `workers=1`: serially, in the caller's thread.
    `spread`: runs the single looks, instead of so many threads. `heard` is called with each host's answer.

    Never raises for what a host does; a host that is not in hosts.yaml has no signals. All signals of one look carry
    the time at which it began.
    """
    began = clock.now()
    names = _with_counts(wanted & SIGNALS.keys() if wanted else frozenset(SIGNALS))
    chosen = tuple(h for h in (fleet.hosts if hosts is None else hosts) if h in fleet.hosts)
    looker = _Looker(
        fleet, remote, smtp, clock, patience_s, began, before, waited_s, whole, heard, by_name=wanted is not None
    )
    every = spread or partial(_threads, workers)
    jobs = [*looker.over_ssh(chosen, names), *looker.from_here(chosen, names)]
    found = [s for said in every(jobs) for s in said]
    if more := [*looker.again(chosen, names, tuple(found))]:
        found += [s for said in every(more) for s in said]
    found += [s for s in _compared(fleet, before, tuple(found), began, names) if s.host in chosen]
    quiet = QUIET - (wanted or frozenset())
    said = [s for s in found if s.outcome is not Outcome.UNKNOWN or s.name not in quiet]
    return tuple(sorted(said, key=partial(_order, {h: i for i, h in enumerate(fleet.hosts)})))


def _compared(
    fleet: Fleet, before: Samples, found: Samples, began: datetime, names: frozenset[str]
) -> Iterator[Signal]:
    for family, kinds in _wanted(names & _FLEET):
        try:
            with fence("the fleet"):
                yield from list(family.compare(fleet, before, found, began))
        except Fault as e:
            yield from (Sight(name, CONTROLLER, began).unknown(k, str(e)) for k in kinds for name in fleet.hosts)


def _with_counts(names: frozenset[str]) -> frozenset[str]:
    """Counts need each other: a share needs all counts, and the next look needs this one's position."""
    whole = (f for f, _ in _wanted(names) if f.together)
    return names.union(kind.name for family in whole for kind in family.kinds)


def _wanted(names: frozenset[str]) -> Iterator[tuple[Family, tuple[SignalKind, ...]]]:
    """The families of these signals, each with the kinds wanted."""
    for family in FAMILIES:
        if kinds := tuple(kind for kind in family.kinds if kind.name in names):
            yield family, kinds


def _threads(workers: int, jobs: Sequence[_Job]) -> list[list[Signal]]:
    if workers <= 1 or len(jobs) <= 1:
        return serially(jobs)
    with ThreadPoolExecutor(min(workers, len(jobs)), thread_name_prefix="look") as pool:
        return list(pool.map(lambda job: job(), jobs))


def serially(jobs: Sequence[_Job]) -> list[list[Signal]]:
    return [job() for job in jobs]


_PLACE = {name: i for i, name in enumerate(SIGNALS)}


def _order(place: dict[str, int], s: Signal) -> tuple[int, int, bool, int]:
    """By hosts.yaml, then by the registry, then by vantage with the controller first."""
    return place[s.host], _PLACE[s.name], s.vantage != CONTROLLER, place.get(s.vantage, -1)


@dataclass(frozen=True, slots=True)
class _Looker:
    fleet: Fleet
    remote: Remote
    smtp: SmtpClient
    clock: Clock
    patience_s: float
    at: datetime
    before: Samples
    waited_s: float
    whole: bool
    heard: Callable[[str, Reply], object]
    by_name: bool

    def _visit(self, host: Host, names: frozenset[str], peers: tuple[Host, ...] = ()) -> Visit:
        return Visit(self.fleet, host, self.at, names, peers, self.by_name, self.before, self.waited_s, self.patience_s)

    def over_ssh(self, chosen: tuple[str, ...], names: frozenset[str]) -> Iterable[_Job]:
        """A host that is only a vantage is asked about its peers alone."""
        watches = vantages.watches(self.fleet, chosen, self.before) if names & _PEER else {}
        for name, host in {**self.fleet.witnesses, **self.fleet.hosts}.items():
            mine = names & _OVER_SSH if name in chosen else frozenset()
            if mine or name in watches:
                yield partial(self._call, self._visit(host, mine, self._peers(watches, name)), names & _PEER)

    def again(self, chosen: tuple[str, ...], names: frozenset[str], found: Samples) -> Iterable[_Job]:
        """Where a vantage could not look, another one is asked."""
        watches = vantages.again(self.fleet, chosen, self.before, found) if names & _PEER else {}
        for name in watches:
            visit = self._visit(self.fleet.hosts[name], frozenset(), self._peers(watches, name))
            yield partial(self._call, visit, names & _PEER)

    def _peers(self, watches: vantages.Watches, name: str) -> tuple[Host, ...]:
        return tuple(self.fleet.hosts[n] for n in watches.get(name, ()))

    def from_here(self, chosen: tuple[str, ...], names: frozenset[str]) -> Iterable[_Job]:
        for host in (self.fleet.hosts[c] for c in chosen):
            for family, kinds in _wanted(names & _HERE):
                for kind in kinds:
                    yield partial(self._dial, self._visit(host, names), family, kind)

    def _dial(self, visit: Visit, family: Family, kind: SignalKind) -> list[Signal]:
        try:
            with fence(visit.host.name):
                return list(family.dial(visit, kind.name, self.smtp))
        except FailoverError as e:
            return [Sight(visit.host.name, CONTROLLER, self.at).unknown(kind, str(e))]

    def _call(self, visit: Visit, peer: frozenset[str]) -> list[Signal]:
        host, started = visit.host, self.clock.monotonic()
        nothing = partial(_nothing, visit, FAMILIES, peer)
        try:
            with fence(host.name):
                facts = self._ask(host, _args(visit))
        except FailoverError as e:
            reach = [ssh.missed(host, e, self.at)] if visit.names else []
            return [*reach, *nothing("behind ssh.reach", str(e))]
        reach = [ssh.reached(host, self.clock.monotonic() - started, self.at)] if visit.names else []
        if facts.rc != Rc.OK:
            return [*reach, *nothing(facts.because, facts.because)]
        if visit.names:
            self.heard(host.name, facts)
        if self.whole:
            facts = self._again(visit, facts)
        return [*reach, *_read(visit, facts, peer)]

    def _again(self, visit: Visit, facts: Reply) -> Reply:
        def call(verb: str, args: Args, limit_s: float) -> Reply:
            return self.remote.call(visit.host, verb, args, limit_s=limit_s)

        for family, _ in _wanted(visit.names):
            facts = family.again(visit, facts, call)
        return facts

    def _ask(self, host: Host, args: Args) -> Reply:
        """An older helper does not know all arguments, so it is asked with fewer."""
        for asked in _ways(args):
            facts = self.remote.call(host, "look", asked, limit_s=float(args["limit"]))
            if facts.rc != Rc.USAGE:
                break
        return facts


def _args(visit: Visit) -> dict[str, str]:
    """The arguments for the script, in whole seconds."""
    patience = math.ceil(visit.patience_s)
    args = {"limit": str(patience + 1), "patience": str(patience), "config_dir": visit.host.postfix.config_dir}
    for family in FAMILIES:
        args |= family.asks(visit)
    return args


def _ways(args: Args) -> Iterator[Args]:
    """The arguments for our helper, then those for older ones."""
    yield args
    known = {k: v for k, v in args.items() if k not in _NEWER}
    if known != args:
        yield known
    oldest: Args = known
    for family in FAMILIES:
        oldest = family.older(oldest)
    if oldest != known:
        yield oldest


def _read(visit: Visit, facts: Reply, peer: frozenset[str]) -> Iterator[Signal]:
    """The signals of each family; a fault in one makes only its own signals unknown."""
    names = visit.names | peer
    for family, _ in _wanted(names):
        try:
            with fence(visit.host.name):
                found = [s for s in family.read(visit, facts) if s.name in names]
        except Fault as e:
            found = list(_nothing(visit, (family,), peer, str(e), str(e)))
        yield from found


def _nothing(
    visit: Visit, families: Iterable[Family], peer: frozenset[str], why: str, peers_why: str
) -> Iterator[Signal]:
    """The signals of a host without an answer: unknown, and so are its peers as seen from it."""
    for family in families:
        for kind in family.kinds:
            if kind.name in visit.names & _THERE and family.has(visit.host, kind):
                yield visit.sight.unknown(kind, why)
            if kind.name in peer:
                seen = (replace(visit.sight, host=h.name) for h in visit.peers)
                yield from (s.unknown(kind, f"{visit.host.name} could not look: {peers_why}") for s in seen)
