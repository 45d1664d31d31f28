"""One simulated mail host: its files, its daemons, the way to it, and the memory of `failover-host`."""

from __future__ import annotations

import enum
import hashlib
import random
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from failover.core.drill import Received
from failover.ports import Rc
from failover.world.layers import Layers
from failover.world.postfix import HANDLE_S, MAIN, MASTER, SCAN_S, Daemon, Files, Mail, Postfix, Queue
from failover.world.timeline import Timeline

Rows = list[tuple[str, ...]]
Verb = Generator[float, None, tuple[int, Rows]]
"""A verb at work on the host: yields the seconds of its next stretch, returns its code and rows.

It has no `finally`: after a SIGKILL between two stretches, its effects stay.
"""

HOLD = "hold"
"""Not a file: under this name a hold of ours reads like a setting."""
FILTER_ENTRY = (
    "spamassassin unix - n n - - pipe user=debian-spamd "
    "argv=/usr/bin/spamc -d 127.0.0.1 -f -e /usr/sbin/sendmail -oi -f ${sender} ${recipient}"
)


class Sshd(enum.StrEnum):
    OK = "ok"
    HUNG = "hung"
    REFUSED = "refused"


CORES = 2
LOAD = 0.4
"""One-minute load of the whole machine at rest."""
BUSIEST = ("qmgr", 3.0)
DISK_BYTES = 100_000_000_000.0
DISK_FREE, INODES_FREE = 61.0, 88.0
"""Percent."""


@dataclass(slots=True)
class Result:
    """A result file. `by`: the process that wrote `running`; if that is gone, the attempt has died.

    `settled`: written by settle if there was none, so that a late request is refused.
    """

    by: Process | None = None
    rc: int | None = None
    rows: Rows = field(default_factory=list)
    settled: bool = False


@dataclass(slots=True)
class Saved:
    """The saved state of a bypass: whole files, our settings before and after, and the digests after our change."""

    files: Files
    settings: tuple[tuple[str, str, str, str], ...]
    since: float
    digests: dict[str, str] = field(default_factory=dict)
    undone: bool = False
    held: Mapping[int, int] = field(default_factory=dict)
    """Of a hold: the listed mail by id, with how often each was on hold before."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Made before a file is changed: the change, and the files that Postfix had loaded then."""

    run: str
    step: str
    since: float
    loaded: Files


@dataclass(frozen=True, slots=True)
class Held:
    """The list of a requeue: the mail that it will put on hold."""

    since: float
    ids: frozenset[int]


@dataclass(eq=False)
class Process:
    """A `failover-host` at work. `stall`: the stretch at which it pauses; `killed_at`: the one at which it dies."""

    verb: str
    work: Verb
    machine: Machine
    stall: tuple[int, float] | None = None
    killed_at: int | None = None
    stretches: int = 0
    alive: bool = True
    rc: int | None = None
    rows: Rows = field(default_factory=list)

    def go(self) -> None:
        if not self.alive:
            return
        self.machine.processes.add(self)
        if self.killed_at is not None and self.stretches >= self.killed_at:
            self.end()
            return
        try:
            takes = next(self.work)
        except StopIteration as stop:
            self.rc, self.rows = stop.value
            self.end()
            return
        if self.stall and self.stall[0] == self.stretches:
            takes += self.stall[1]
        self.stretches += 1
        self.machine.timeline.after(takes, self.go)

    def end(self) -> None:
        """The kernel drops its lock."""
        self.alive = False
        self.machine.processes.discard(self)
        self.work.close()
        self.unlock()

    def unlock(self) -> None:
        if self.machine.locked_by is self:
            self.machine.locked_by = None


class Machine:
    def __init__(self, name: str, timeline: Timeline, rng: random.Random, receive: Callable[[Received], None]) -> None:
        self.name = name
        self.address = ""
        self.timeline = timeline
        self.rng = rng
        self.files: Files = wired("smtpd-pipe")
        self.postfix = Postfix(timeline, rng, self.files, receive)
        self.link_up = True
        self.sshd = Sshd.OK
        self.locked_by: Process | None = None
        self.processes: set[Process] = set()
        self.epoch = 0
        self.results: dict[tuple[str, str, str], Result] = {}
        self.saved: dict[tuple[str, str], Saved] = {}
        """By run and step."""
        self.held: dict[tuple[str, str, str], Held] = {}
        """By run, step and attempt."""
        self.heads = 5000
        """Most queue files that one look opens."""
        self.keeps_hold = False
        self.mark: Mark | None = None
        """postsuper is missing, or its disk is full: mail on hold stays there."""
        self.full_until = 0.0
        """The folder of these is full until then."""
        self.container = "sl-email"
        self.started: dict[str, float] = {}
        self.restarts: list[tuple[float, str]] = []
        self.relapsing: set[str] = set()
        """Services that end again at once after a start."""
        self.check_says: str | None = None
        """The error of `postfix check`, if any."""
        self.see_peer: Callable[[str], tuple[str, str, str]] = lambda address: ("error", "0", "no network")
        """Another host's banner as seen from here: OUTCOME, MS, BANNER."""
        self.port_open = True
        """Port 25, as a firewall on the way leaves it."""
        self.crowded = 0.0
        """The share of connections to port 25 that find no free smtpd, and hear nothing."""
        self.refuses = ""
        """The answer to every recipient, such as `451 4.3.0 try again later`; empty: they are taken."""
        self.certificate: datetime | None = None
        """The end of the one that it shows at STARTTLS; None: it offers no TLS."""
        self.boots = 0
        self.sshd_full = 0.0
        """The share of connections that sshd refuses (sshd_config(5), MaxStartups)."""
        self.hesitates = 0.0
        """Seconds that a look takes longer, without a visible reason."""
        self.load = LOAD
        self.busiest = BUSIEST
        """Command, and percent of a core."""
        self.disk_free, self.inodes_free = DISK_FREE, INODES_FREE
        self.under = Influences(self)

    @property
    def time(self) -> float:
        """Unix time, as this host has it."""
        return self.timeline.unix + self.postfix.skew

    @property
    def full(self) -> bool:
        return self.timeline.now < self.full_until

    def greets(self) -> bool:
        """Does a connection to port 25 hear a banner, this time?"""
        reached = self.link_up and self.port_open and self.postfix.takes_mail
        return reached and not (self.crowded and self.rng.random() < self.crowded)

    def halt(self) -> None:
        """The machine goes down, and all its processes end."""
        self.boots += 1
        for p in list(self.processes):
            p.end()

    def rewire(self, wiring: str) -> None:
        self.files.clear()
        self.files.update(wired(wiring))
        self.postfix.reload()

    def read(self, file: str, key: str) -> str:
        """As the contract writes it: `=VALUE`, or `-` when absent."""
        if file == HOLD:
            ours = (s for s in self.saved.values() if s.held and not s.undone and s.settings[0][1] == key)
            return "=held" if any(self.on_hold(s) for s in ours) else "-"
        value = self.files[file].get(key)
        return "-" if value is None else f"={value}"

    def on_hold(self, saved: Saved) -> list[Mail]:
        """The mail of our hold that nobody has let go since."""
        return [m for m in self.postfix.of(Queue.HOLD) if saved.held.get(m.id) == m.held]

    def write(self, file: str, key: str, value: str) -> None:
        if value == "-":
            self.files[file].pop(key, None)
        else:
            self.files[file][key] = value[1:]

    def digest(self, file: str) -> str:
        return digest(self.files[file])

    def snapshot(self) -> Files:
        return {file: dict(values) for file, values in self.files.items()}


_WORRY = {Daemon.OK: 0, Daemon.SLOW: 1, Daemon.HUNG: 2, Daemon.DOWN: 3}


def _worst(states: Iterable[Daemon]) -> Daemon:
    return max(states, key=_WORRY.__getitem__)


def _worst_sshd(states: Iterable[Sshd]) -> Sshd:
    return max(states, key=[Sshd.OK, Sshd.REFUSED, Sshd.HUNG].index)


def _none(mail: Mail) -> bool:
    return False


def _any(tests: Iterable[Callable[[Mail], bool]]) -> Callable[[Mail], bool]:
    every = tuple(tests)
    return lambda mail: any(test(mail) for test in every)


class Influences:
    """The influences on a host: each property is as bad as the worst of its influences."""

    def __init__(self, m: Machine) -> None:
        self.spamd = Layers(Daemon.OK, _worst, m.postfix.set_spamd)
        self.handler = Layers(Daemon.OK, _worst, m.postfix.set_handler)
        self.scan_s = Layers(SCAN_S, max, partial(setattr, m.postfix, "scan_s"))
        self.handle_s = Layers(HANDLE_S, max, partial(setattr, m.postfix, "handle_s"))
        self.puts_off: Layers[Callable[[Mail], bool]] = Layers(_none, _any, partial(setattr, m.postfix, "puts_off"))
        self.turns_away: Layers[Callable[[Mail], bool]] = Layers(_none, _any, partial(setattr, m.postfix, "turns_away"))
        self.qmgr = Layers(True, all, m.postfix.set_qmgr)
        self.pickup = Layers(True, all, m.postfix.set_pickup)
        self.port_open = Layers(True, all, partial(setattr, m, "port_open"))
        self.crowded = Layers(0.0, max, partial(setattr, m, "crowded"))
        self.refuses = Layers("", max, partial(setattr, m, "refuses"))
        self.postfix = Layers(True, all, lambda runs: m.postfix.start() if runs else m.postfix.stop())
        self.link = Layers(True, all, partial(setattr, m, "link_up"))
        self.sshd = Layers(Sshd.OK, _worst_sshd, partial(setattr, m, "sshd"))
        self.sshd_full = Layers(0.0, max, partial(setattr, m, "sshd_full"))
        self.hesitates = Layers(0.0, sum, partial(setattr, m, "hesitates"))
        self.load = Layers(LOAD, sum, partial(setattr, m, "load"))
        self.busiest = Layers(BUSIEST, lambda all_: max(all_, key=lambda b: b[1]), partial(setattr, m, "busiest"))
        self.disk_free = Layers(DISK_FREE, min, partial(setattr, m, "disk_free"))
        self.inodes_free = Layers(INODES_FREE, min, partial(setattr, m, "inodes_free"))
        self.skew = Layers(0.0, sum, partial(setattr, m.postfix, "skew"))


def digest(settings: Mapping[str, str]) -> str:
    """The digest of the whole file, with comments and all settings."""
    text = "".join(f"{key} = {value}\n" for key, value in sorted(settings.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def wired(wiring: str) -> Files:
    """The ways a filter is put into Postfix's path; the first is August 11's."""
    main, master = {"relay_domains": "lab.test"}, {"smtp/inet": "smtp inet n - y - - smtpd"}
    pipe = {"spamassassin/unix": FILTER_ENTRY}
    match wiring:
        case "smtpd-pipe":
            master |= {"smtp/inet/content_filter": "spamassassin", **pipe}
        case "main-pipe":
            main |= {"content_filter": "spamassassin"}
            master |= {"pickup/unix/content_filter": "", **pipe}
        case "other-name":
            entry = FILTER_ENTRY.replace("spamassassin unix", "spamfilter unix", 1)
            master |= {"smtp/inet/content_filter": "spamfilter", "spamfilter/unix": entry}
        case "no-pipe":  # a transport that cannot be made a pass-through, so the setting must be cleared
            entry = "spamassassin unix - n n - - local"
            main |= {"content_filter": "spamassassin"}
            master |= {"pickup/unix/content_filter": "", "spamassassin/unix": entry}
        case _:
            raise ValueError(f"no wiring {wiring!r} here: smtpd-pipe, main-pipe, other-name, no-pipe")
    return {MAIN: main, MASTER: master}


def refused(because: str, rc: int = Rc.REFUSED) -> tuple[int, Rows]:
    return rc, [("because", because)]
