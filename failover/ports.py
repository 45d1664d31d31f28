"""The ports: what the flow needs from outside, as Protocols. `adapters/` implements them, and `world/` for tests."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, runtime_checkable

from failover.core.alerting.alert import Message, Told
from failover.core.decide.past import Cycle, Pause
from failover.core.fleet import Channel, Dns, Domain, Endpoint, Host
from failover.core.mx import MxSet
from failover.core.observe.signal import Outcome, Samples
from failover.core.runs.journal import Did, Event
from failover.core.runs.plan import Plan
from failover.core.runs.summary import Summary

__all__ = ["Message", "Pause"]  # the ports speak of them; they are values of the core


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of `failover-host`: its return code, and rows of fields; the first field is the key."""

    verb: str
    rc: int
    rows: tuple[tuple[str, ...], ...] = ()

    def all(self, key: str) -> tuple[tuple[str, ...], ...]:
        return tuple(r[1:] for r in self.rows if r[0] == key)

    def one(self, key: str) -> tuple[str, ...] | None:
        found = self.all(key)
        return found[0] if found else None

    @property
    def because(self) -> str:
        return "; ".join(" ".join(r) for r in self.all("because")) or f"{self.verb} ended with {self.rc}"


class Rc:
    """Return codes of `failover-host`."""

    OK = 0
    USAGE = 64
    FAILED = 70
    CHANGED = 73
    BUSY = 75
    STALE = 76
    NOT_PERMITTED = 77
    REFUSED = 78


class Remote(Protocol):
    def call(self, host: Host, verb: str, args: Mapping[str, str], *, limit_s: float) -> Reply:
        """Run one verb of `failover-host` there; a non-zero `rc` is an answer, not an error.

        Returns or raises within `limit_s` plus a few seconds, whatever the host does.

        Raises:
            Unreachable: nothing was run.
            OutcomeUnknown: the request left, a whole answer did not come back.
        """
        ...


@runtime_checkable
class Ready(Protocol):
    """A Remote that can tell in advance whether the host would let it act."""

    def ready(self, host: Host) -> None:
        """Raises Refused if not; nothing was changed."""
        ...


@dataclass(frozen=True, slots=True)
class SmtpAnswer:
    """`ok`: the dialogue went as wanted. `ours`: our own network failed, so nothing is known."""

    ok: bool
    said: str
    seconds: float
    ours: bool = False


class Tls(enum.Enum):
    """The result of STARTTLS. Broken: it is offered and does not work; unknown: we did not get so far."""

    SHOWN = "shown"
    NOT_OFFERED = "not offered"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TlsAnswer:
    """`until`: the end of the certificate."""

    tls: Tls
    said: str
    until: datetime | None = None


class SmtpClient(Protocol):
    def banner(self, at: Endpoint, *, patience_s: float) -> SmtpAnswer: ...

    def dialogue(self, at: Endpoint, recipient: str, *, patience_s: float) -> SmtpAnswer:
        """EHLO, MAIL, RCPT, RSET, QUIT; never DATA."""
        ...

    def certificate(self, at: Endpoint, *, patience_s: float) -> TlsAnswer:
        """EHLO, STARTTLS, QUIT; the certificate is read, not verified."""
        ...


CheckLease = Callable[[], None]
"""Raises Refused when another process has taken over the lease."""


def by_hand() -> None:
    """No lease: a person acts."""


class DnsZone(Protocol):
    """One domain's MX set at its primary, and as every authoritative server answers it."""

    def mx(self, name: str) -> MxSet:
        """Raises Unreachable, Refused (the server said no: never read as "no MX")."""
        ...

    def swap(self, name: str, *, expected: MxSet, wanted: MxSet, check_lease: CheckLease = by_hand) -> None:
        """Compare and swap at the primary itself; never through an empty set.

        `check_lease` is called after the last reading, before each sending: a process that stood still in between would
        else overwrite what another one has done since. What it raises goes through.

        Raises Changed (it no longer reads `expected`), Refused, Unreachable (nothing was sent), OutcomeUnknown. It
        raises nothing after the change was accepted: `seen` tells whether all servers have it.
        """
        ...

    def seen(self, name: str) -> Mapping[str, MxSet | str]:
        """By the address of each authoritative server: its set, or why it shows none."""
        ...

    def trouble(self, exchange: str) -> str | None:
        """Why a name cannot stand in an MX record (an alias, no address); None if it can, or nobody could tell."""
        ...


@dataclass(frozen=True, slots=True)
class Right:
    """May we change a domain's MX, as far as can be told without doing it? `try_` is empty if we may."""

    outcome: Outcome
    says: str
    try_: str = ""


class Provider(Dns, Protocol):
    """The place where a domain's records are changed, and the way to change them."""

    def zone(self, domain: Domain, clock: Clock) -> DnsZone: ...

    def right(self, domain: Domain, clock: Clock) -> Right:
        """Changes nothing. Raises FailoverError if there was no answer."""
        ...


@dataclass(frozen=True, slots=True)
class Instance:
    """A cloud instance as its provider reports it: `running`, `stopping`, `stopped`, `pending`, …

    `address`: the public one; `elastic`: kept while stopped. `why`: the provider's words on its last change.
    """

    state: str
    size: str
    address: str | None = None
    elastic: bool = False
    why: str = ""


class Cloud(Protocol):
    """Each call asks for one change and returns at once; read again to see the change.

    Raises Refused (the provider's own words; Changed when the machine is not in a state for it), Unreachable,
    OutcomeUnknown.
    """

    def machine(self) -> Instance: ...

    def objection(self, size: str) -> str | None:
        """Why it cannot have that size, as far as can be told without doing it (capacity cannot)."""
        ...

    def stop(self) -> None: ...

    def resize(self, size: str) -> None: ...

    def start(self) -> None: ...


class Notifier(Protocol):
    def send(self, channel: Channel, message: Message) -> None:
        """Raises Unreachable, StepFailed (not told) or OutcomeUnknown (maybe told)."""
        ...


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The part of a run that is fixed when it opens."""

    id: str
    opened: datetime
    by: str
    reason: str
    plan: Plan
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan that waits for a person's `failover run --key KEY`, until `until`. `host`: the host that it is for."""

    key: str
    plan: Plan
    host: str | None
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Unsent:
    """A message that a channel has not taken yet. `channel`: its `Channel.id`; `tries` so far; `due`: the next."""

    number: int
    channel: str
    message: Message
    since: datetime
    due: datetime
    tries: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to act on `scopes`, with the epoch that every acting verb carries."""

    scopes: tuple[str, ...]
    run: str
    epoch: int
    until: datetime
    holder: str = field(default="", compare=False)


class Store(Protocol):
    """A write is durable when it returns. A write to a run raises Refused after its lease was taken over."""

    def lease(self, run: str, scopes: Iterable[str], *, seconds: float, now: datetime) -> Lease:
        """The lease of a process that died on this machine is taken over at once, another one when it ends.

        The epoch is higher than every earlier one, and at least the Unix time, so that it survives the loss of a store.

        Raises Refused, naming the holder.
        """
        ...

    def renew(self, lease: Lease, *, seconds: float, now: datetime) -> Lease: ...

    def release(self, lease: Lease) -> None: ...

    def holders(self, now: datetime) -> tuple[Lease, ...]: ...

    def epoch(self) -> int:
        """The newest epoch; 0 before the first lease."""
        ...

    def open(self, record: RunRecord) -> RunRecord:
        """Record a new run; for a `key` that is known already, return its first run instead."""
        ...

    def append(self, lease: Lease, kind: Did, step: str | None, data: Mapping[str, Any], *, at: datetime) -> Event: ...

    def note(self, run: str, kind: Did, step: str | None, data: Mapping[str, Any], *, at: datetime) -> Event:
        """An event by a person, outside any lease (resolve, accept)."""
        ...

    def run(self, run: str) -> RunRecord | None: ...

    def runs(self, limit: int = 50) -> tuple[RunRecord, ...]:
        """Newest first, each with its plan, which is slow for many."""
        ...

    def by_key(self, key: str) -> RunRecord | None: ...

    def named(self, beginning: str, limit: int = 10) -> tuple[str, ...]:
        """The ids that begin so, sorted."""
        ...

    # Found by index: old runs cost nothing ---------------------------------------

    def current(self, since: datetime | None = None, alike: int | None = None) -> tuple[Summary, ...]:
        """Newest first: each run that is open or owes an undo, and those with an event since `since`.

        `alike`: of the latter, at most so many with the same outline that have all acted or all not.
        """
        ...

    def listed(self, limit: int = 50, before: str | None = None) -> tuple[Summary, ...]:
        """Newest first; `before`: those opened before that run."""
        ...

    def events(self, run: str) -> tuple[Event, ...]: ...

    def pause(self, pause: Pause) -> None: ...

    def unpause(self, host: str | None) -> int: ...

    def pauses(self, now: datetime) -> tuple[Pause, ...]: ...

    # The controller's memory: only `tick` and `watch` write it ------------------

    def remember(self, look: Samples) -> None:
        """The signals of one look; none for an empty one."""
        ...

    def samples(self, since: datetime) -> Samples:
        """The samples since then, oldest first, by whole looks."""
        ...

    def thin(self, now: datetime, *, kept: timedelta = timedelta()) -> int:
        """Forget old looks and runs (`core.runs.retention`); returns how many looks. `kept`: younger runs stay."""
        ...

    def told(self) -> tuple[Told, ...]: ...

    def tell(
        self, rows: Iterable[Told], gone: Iterable[str], out: Iterable[tuple[str, Message]], *, at: datetime
    ) -> None:
        """Write in one transaction: the state of each incident, the keys that are over, (channel id, message) to send.

        A message that still waits, for the same channel, key and `resolves`, is replaced by the newer one.
        """
        ...

    def unsent(self) -> tuple[Unsent, ...]:
        """Oldest first."""
        ...

    def sent(self, number: int) -> None: ...

    def put_off(self, number: int, *, due: datetime, why: str) -> None:
        """It was not taken: count the try, and set the time of the next one."""
        ...

    def drop(self, number: int) -> None:
        """Give up on a message: its channel is gone, or it is too old to help."""
        ...

    def propose(self, proposal: Proposal) -> None: ...

    def proposal(self, key: str) -> Proposal | None: ...

    def proposals(self, now: datetime | None = None) -> tuple[Proposal, ...]:
        """Newest first: those in force at `now`; without a time also ended ones, for a week."""
        ...

    def ended(self, cycle: Cycle) -> None:
        """Record a finished cycle; only the last one is kept."""
        ...

    def cycle(self) -> Cycle | None: ...
