"""One look at the fleet: one session per host, SMTP from here, all at once, each within a hard deadline."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from failover.core import debts as core_debts
from failover.core.fleet import Engine, Fleet, Host
from failover.core.signal import CONTROLLER, Outcome, Samples, Signal
from failover.errors import FailoverError, Fault
from failover.fence import fence
from failover.ports import Clock, Rc, Remote, Reply, SmtpAnswer, SmtpClient
from failover.signals import (
    COUNTED,
    SIGNALS,
    Where,
    container,
    cpu,
    debts,
    disk,
    handler,
    queue,
    smtp,
    spam,
    ssh,
    traffic,
)
from failover.signals.sight import Sight

_READERS = (queue.read, spam.read, handler.read, container.read, cpu.read, disk.read, debts.read)
_Job = Callable[[], list[Signal]]
_NEWER = frozenset({"log", "log_from", "top", "debts", "waited"})
"""Arguments of `look` that a helper of an earlier release does not know."""
COUNT_S = 30
"""Seconds that a count of a whole queue may take."""


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
    whole: bool = False,
    heard: Callable[[str, Reply], object] = lambda host, facts: None,
) -> Samples:
    """Look at `hosts` (None: all) for the `wanted` signals (none named: all), asking for no more than these need.

    `before`: earlier samples, from which what is counted between looks goes on; what is unknown of that is said only
    where it is wanted by name. `waited_s`: also count the mail that waits for so many seconds; 0: do not. `whole`:
    where a look opened only the first of a long queue, count a filter's mail in all of it, which takes seconds.

    Never raises for what a host does; of one that hosts.yaml does not have there is no signal, so nothing is known. All
    signals of one look carry the time at which it began. `patience_s` is how long each single answer is waited for.
    `workers=1` looks serially, in the caller's thread. `heard` is given each host's own answer, as it came.
    """
    at = clock.now()
    names = _with_counts(wanted & SIGNALS.keys() if wanted else frozenset(SIGNALS))
    chosen = tuple(h for h in (fleet.hosts if hosts is None else hosts) if h in fleet.hosts)
    looker = _Looker(fleet, remote, smtp, clock, patience_s, at, before, waited_s, whole, heard)
    found = _all([*looker.over_ssh(chosen, names), *looker.from_here(chosen, names)], workers)
    if traffic.SHARE in names:
        found += [s for s in _shares(fleet, before, found, at) if s.host in chosen]
    quiet = COUNTED - (wanted or frozenset())
    said = [s for s in found if s.outcome is not Outcome.UNKNOWN or s.name not in quiet]
    return tuple(sorted(said, key=partial(_order, {h: i for i, h in enumerate(fleet.hosts)})))


def _shares(fleet: Fleet, before: Samples, found: list[Signal], at: datetime) -> list[Signal]:
    try:
        with fence("the fleet"):
            return list(traffic.shares(fleet, before, found, at))
    except Fault as e:
        return [Sight(name, CONTROLLER, at).unknown(traffic.SHARE, str(e)) for name in fleet.hosts]


def _with_counts(names: frozenset[str]) -> frozenset[str]:
    """One count needs the others: a share all counts, and the next look this one's position."""
    return names | COUNTED if names & COUNTED else names


def _all(jobs: Sequence[_Job], workers: int) -> list[Signal]:
    if workers <= 1 or len(jobs) <= 1:
        return [s for job in jobs for s in job()]
    with ThreadPoolExecutor(min(workers, len(jobs)), thread_name_prefix="look") as pool:
        return [s for found in pool.map(lambda job: job(), jobs) for s in found]


_PLACE = {name: i for i, name in enumerate(SIGNALS)}


def _order(place: dict[str, int], s: Signal) -> tuple[int, int, bool, int]:
    """As in hosts.yaml, then as in the registry; of several vantages the controller first."""
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

    def over_ssh(self, chosen: tuple[str, ...], names: frozenset[str]) -> Iterable[_Job]:
        """A host that is only a vantage is asked about its peers and nothing else."""
        here = frozenset(n for n in names if SIGNALS[n].where in {Where.HOST, Where.LOG})
        watches = _watches(self.fleet, chosen) if "smtp.peer" in names else {}
        for name, host in {**self.fleet.witnesses, **self.fleet.hosts}.items():
            mine = here if name in chosen else frozenset()
            if mine or name in watches:
                yield partial(self._call, host, mine, watches.get(name, ()))

    def from_here(self, chosen: tuple[str, ...], names: frozenset[str]) -> Iterable[_Job]:
        for host in (self.fleet.hosts[c] for c in chosen):
            if "smtp.banner" in names:
                yield partial(self._dial, host, "smtp.banner", partial(self.smtp.banner, host.smtp))
            if "smtp.dialogue" in names and self.fleet.domains:
                to = f"postmaster@{next(iter(self.fleet.domains))}"  # must be accepted: RFC 5321, 4.5.1
                yield partial(self._dial, host, "smtp.dialogue", partial(self.smtp.dialogue, host.smtp, to))

    def _dial(self, host: Host, name: str, dial: Callable[..., SmtpAnswer]) -> list[Signal]:
        try:
            with fence(host.name):
                return [smtp.from_here(host, name, dial(patience_s=self.patience_s), self.patience_s, self.at)]
        except FailoverError as e:
            return [smtp.from_here(host, name, SmtpAnswer(False, str(e), 0.0, ours=True), self.patience_s, self.at)]

    def _call(self, host: Host, names: frozenset[str], seen: tuple[Host, ...]) -> list[Signal]:
        started = self.clock.monotonic()
        try:
            with fence(host.name):
                earlier = traffic.since(host.name, self.before, self.at)
                facts = self._ask(host, self._args(host, names, seen, earlier))
        except FailoverError as e:
            reach = [ssh.missed(host, e, self.at)] if names else []
            return reach + self._nothing(host, names, seen, "behind ssh.reach", str(e))
        reach = [ssh.reached(host, self.clock.monotonic() - started, self.at)] if names else []
        if facts.rc != Rc.OK:
            return reach + self._nothing(host, names, seen, facts.because, facts.because)
        if names:
            self.heard(host.name, facts)
        if self.whole and "queue.frozen" in names:
            facts = self._counted(host, facts)
        return reach + self._read(host, facts, names, seen, earlier)

    def _counted(self, host: Host, facts: Reply) -> Reply:
        """What could not be counted stays as the look saw it."""
        try:
            with fence(host.name):
                args = {"limit": str(COUNT_S), "config_dir": host.postfix.config_dir}
                asked = queue.to_count(facts)
                told = [self.remote.call(host, "frozen", args | {"filter": f}, limit_s=COUNT_S) for f in asked]
                return queue.counted(facts, told, self.waited_s) if told else facts
        except FailoverError:
            return facts

    def _ask(self, host: Host, args: dict[str, str]) -> Reply:
        facts = self.remote.call(host, "look", args, limit_s=float(args["limit"]))
        if facts.rc == Rc.USAGE and args.keys() & _NEWER:  # one that was installed before: it still sees the rest
            return self._ask(host, {k: v for k, v in args.items() if k not in _NEWER})
        if facts.rc == Rc.USAGE and args["spam"] == spam.AUTO:
            return self._ask(host, args | spam.USUAL)
        return facts

    def _read(
        self, host: Host, facts: Reply, names: frozenset[str], seen: tuple[Host, ...], earlier: traffic.Since | None
    ) -> list[Signal]:
        """What each reader makes of the answer; a fault in one makes its signals unknown, and no others."""
        readers: list[Callable[[], Iterable[Signal]]] = [partial(read, host, facts, self.at) for read in _READERS]
        readers.append(partial(traffic.read, host, facts, self.at, earlier))
        own, faults = [], list[Fault]()
        for read in readers:
            try:
                with fence(host.name):
                    own += list(read())
            except Fault as e:
                faults.append(e)
        own = [s for s in own if s.name in names]
        if faults:
            lost = names - {s.name for s in own} - {ssh.NAME}
            own += self._nothing(host, lost, (), str(faults[0]), "")
        return own + self._peers(host, facts, seen)

    def _peers(self, host: Host, facts: Reply, seen: tuple[Host, ...]) -> list[Signal]:
        try:
            with fence(host.name):
                return list(smtp.peers(host, {str(h.smtp): h for h in seen}, facts, self.at))
        except Fault as e:
            return list(smtp.not_looked(host, seen, str(e), self.at))

    def _nothing(
        self, host: Host, names: frozenset[str], seen: tuple[Host, ...], why: str, peers_why: str
    ) -> list[Signal]:
        hidden = [n for n in names - {ssh.NAME} if _has(host, n)]
        return [*ssh.behind(host, hidden, why, self.at), *smtp.not_looked(host, seen, peers_why, self.at)]

    def _args(
        self, host: Host, names: frozenset[str], seen: tuple[Host, ...], earlier: traffic.Since | None
    ) -> dict[str, str]:
        """Whole seconds, as the script takes them; what is not asked for is left out."""
        patience = math.ceil(self.patience_s)
        args = {"limit": str(patience + 1), "patience": str(patience), "config_dir": host.postfix.config_dir}
        none = host.spam is not None and host.spam.engine is Engine.NONE
        asks_spam = bool(names & {"spam.ping", "spam.scan"}) and not none
        args |= spam.args(host) if asks_spam else {"spam": "none"}
        args["scan"] = "yes" if asks_spam and "spam.scan" in names else "no"
        if "cpu.top" not in names:  # a third of a second, which a step that waits for its effect need not spend
            args["top"] = "no"
        if not names & core_debts.NAMES:
            args["debts"] = "no"
        args["filters"] = "yes" if "queue.frozen" in names or (asks_spam and host.spam is None) else "no"
        if host.handler is not None and handler.NAME in names:
            args["handler"] = str(host.handler.address)
        if (name := container.of(host)) is not None and container.NAME in names:
            args["container"] = name
        if names & COUNTED:
            args |= traffic.args(host, earlier)
        if self.waited_s:
            args["waited"] = str(int(self.waited_s))
        if seen:
            args["peers"] = ",".join(str(h.smtp) for h in seen)
        return args


def _has(host: Host, name: str) -> bool:
    """Would this host show this signal, had we got in? Undeclared filters are not missed."""
    if name == handler.NAME:
        return host.handler is not None
    if name == container.NAME:
        return container.of(host) is not None
    return not name.startswith("spam.") or (host.spam is not None and host.spam.engine is not Engine.NONE)


def _watches(fleet: Fleet, chosen: tuple[str, ...]) -> dict[str, tuple[Host, ...]]:
    """Who looks at whom: each chosen host is seen by every witness, and by the next `quorum` hosts, not by all."""
    names = tuple(fleet.hosts)
    found: dict[str, list[Host]] = {}
    for target in chosen:
        place = names.index(target)
        others = (names[(place + i) % len(names)] for i in range(1, min(fleet.policy.quorum, len(names) - 1) + 1))
        for watcher in (*others, *fleet.witnesses):
            found.setdefault(watcher, []).append(fleet.hosts[target])
    return {watcher: tuple(targets) for watcher, targets in found.items()}
