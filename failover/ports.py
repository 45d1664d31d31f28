"""The ports: what the flow needs of the outside, as Protocols. Adapters implement them; `world` does, simulated."""

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
    """What `failover-host` answered: its return code and rows of fields, the first field being the key."""

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

        Returns or raises within `limit_s` plus a few seconds of grace, whatever the far side does.

        Raises:
            Unreachable: nothing was run.
            OutcomeUnknown: the request left, a whole answer did not come back.
        """
        ...


@runtime_checkable
class Ready(Protocol):
    """A Remote that can tell, before anything is begun, whether it would be let act."""

    def ready(self, host: Host) -> None:
        """Raises Refused when it would not; nothing was changed."""
        ...


@dataclass(frozen=True, slots=True)
class SmtpAnswer:
    """`ok` when the dialogue went as wanted. `ours`: we could not look (our own network), so nothing is known."""

    ok: bool
    said: str
    seconds: float
    ours: bool = False


class Tls(enum.Enum):
    """What came of STARTTLS. Broken: it is offered, and does not work; unknown: we did not get so far."""

    SHOWN = "shown"
    NOT_OFFERED = "not offered"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TlsAnswer:
    """`until`: when the certificate ends that was shown."""

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
    """Nobody's lease: a person acts."""


class DnsZone(Protocol):
    """One domain's MX set at its primary, and as every authoritative server answers it."""

    def mx(self, name: str) -> MxSet:
        """Raises Unreachable, Refused (the server said no: never read as "no MX")."""
        ...

    def swap(self, name: str, *, expected: MxSet, wanted: MxSet, check_lease: CheckLease = by_hand) -> None:
        """Compare and swap at the primary itself; never through an empty set.

        `check_lease` is called after the last reading, before each sending: a process that stood still in between would
        else overwrite what another one has done since. What it raises goes through.

        Raises Changed (it no longer reads `expected`), Refused, Unreachable (nothing was sent), OutcomeUnknown. Once
        the change was accepted it raises nothing: whether all servers have it is for `seen` to tell.
        """
        ...

    def seen(self, name: str) -> Mapping[str, MxSet | str]:
        """By the address of each authoritative server: its set, or in words why it has none to show."""
        ...

    def trouble(self, exchange: str) -> str | None:
        """Why a name cannot stand in an MX record (an alias, no address); None when it can, or nobody could tell."""
        ...


@dataclass(frozen=True, slots=True)
class Right:
    """Whether we may change a domain's MX, as far as can be told without doing it. `try_` is empty where we may."""

    outcome: Outcome
    says: str
    try_: str = ""


class Provider(Dns, Protocol):
    """Where a domain's records are changed, and how."""

    def zone(self, domain: Domain, clock: Clock) -> DnsZone: ...

    def right(self, domain: Domain, clock: Clock) -> Right:
        """Changes nothing. Raises FailoverError where it could not be asked."""
        ...


@dataclass(frozen=True, slots=True)
class Instance:
    """A cloud instance as its provider reports it: `running`, `stopping`, `stopped`, `pending`, …

    `address` is its public one; `elastic`: it keeps it while stopped. `why`: the provider's words on its last change.
    """

    state: str
    size: str
    address: str | None = None
    elastic: bool = False
    why: str = ""


class Cloud(Protocol):
    """Each call asks for one change and returns at once; the change is seen by reading again.

    Raises Refused (the provider's own words; Changed when the machine is not in a state for it), Unreachable,
    OutcomeUnknown.
    """

    def machine(self) -> Instance: ...

    def objection(self, size: str) -> str | None:
        """Why it cannot be given that size, as far as can be told without doing it (capacity cannot)."""
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
    """What is fixed when a run opens."""

    id: str
    opened: datetime
    by: str
    reason: str
    plan: Plan
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan that waits for a person's `failover run --key KEY`, until `until`. `host`: whom it is for."""

    key: str
    plan: Plan
    host: str | None
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Unsent:
    """One message that a channel has not taken yet. `channel` is `Channel.id`; `tries` so far, `due` for the next."""

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
    """Durable when it returns. Every write to a run is refused (Refused) once its lease was taken over."""

    def lease(self, run: str, scopes: Iterable[str], *, seconds: float, now: datetime) -> Lease:
        """A holder that died on this machine is taken over at once, one elsewhere when its lease ends.

        The epoch is above every earlier one, and at least the Unix time, so that it outlives this store.

        Raises Refused, naming the holder.
        """
        ...

    def renew(self, lease: Lease, *, seconds: float, now: datetime) -> Lease: ...

    def release(self, lease: Lease) -> None: ...

    def holders(self, now: datetime) -> tuple[Lease, ...]: ...

    def epoch(self) -> int:
        """The last that was given; 0 before any."""
        ...

    def open(self, record: RunRecord) -> RunRecord:
        """Record a new run; with a `key` that is already known, return that first run instead."""
        ...

    def append(self, lease: Lease, kind: Did, step: str | None, data: Mapping[str, Any], *, at: datetime) -> Event: ...

    def note(self, run: str, kind: Did, step: str | None, data: Mapping[str, Any], *, at: datetime) -> Event:
        """An event by a person, outside any lease (resolve, accept)."""
        ...

    def run(self, run: str) -> RunRecord | None: ...

    def runs(self, limit: int = 50) -> tuple[RunRecord, ...]:
        """Newest first, each with its plan: for a few."""
        ...

    def by_key(self, key: str) -> RunRecord | None: ...

    def named(self, beginning: str, limit: int = 10) -> tuple[str, ...]:
        """The ids that begin so, in their order."""
        ...

    # What is found by index: none of it costs more for all the runs that are over -

    def current(self, since: datetime | None = None, alike: int | None = None) -> tuple[Summary, ...]:
        """Newest first: each run that is open or owes an undo, however old, and those with a record made since then.

        `alike`: of the latter, with one outline and acted alike, no more than so many of the newest.
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
        """The signals of one look. Nothing looked at is nothing remembered."""
        ...

    def samples(self, since: datetime) -> Samples:
        """Everything seen from then on, oldest first, looks whole."""
        ...

    def thin(self, now: datetime, *, kept: timedelta = timedelta()) -> int:
        """Forget what is too old to matter (`core.runs.retention`); how many looks went. `kept`: no run younger."""
        ...

    def told(self) -> tuple[Told, ...]: ...

    def tell(
        self, rows: Iterable[Told], gone: Iterable[str], out: Iterable[tuple[str, Message]], *, at: datetime
    ) -> None:
        """In one transaction: what is known of each incident, those that are over, and (channel id, message) to send.

        A message that waits already for the same channel, key and stage of resolution is replaced by the newer one.
        """
        ...

    def unsent(self) -> tuple[Unsent, ...]:
        """Oldest first."""
        ...

    def sent(self, number: int) -> None: ...

    def put_off(self, number: int, *, due: datetime, why: str) -> None:
        """Not taken this time: one try more, and when the next one is due."""
        ...

    def drop(self, number: int) -> None:
        """Give up on a message: its channel is no more, or it is too old to help."""
        ...

    def propose(self, proposal: Proposal) -> None: ...

    def proposal(self, key: str) -> Proposal | None: ...

    def proposals(self, now: datetime | None = None) -> tuple[Proposal, ...]:
        """Newest first: those that stand now; without a time ended ones too, for a week."""
        ...

    def ended(self, cycle: Cycle) -> None:
        """The controller has finished a cycle; only the last one is kept."""
        ...

    def cycle(self) -> Cycle | None: ...
