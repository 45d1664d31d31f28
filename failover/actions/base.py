"""What an action is: reads, plans, acts, settles and undoes one kind of step, through the ports alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from failover.actions.arguments import Model
from failover.core.fleet import Domain, Fleet, Host
from failover.core.observe.signal import Samples, Signal, latest, worst
from failover.core.runs.plan import Step
from failover.core.runs.playbook import Playbook, StepSpec
from failover.core.runs.recovery import Reading
from failover.errors import Refused
from failover.ports import CheckLease, Clock, Cloud, DnsZone, Notifier, Remote, by_hand


class Look(Protocol):
    def __call__(self, hosts: Iterable[str], names: frozenset[str] | None, waited: float = 0.0, /) -> Samples:
        """Look at these hosts for these signals (None: for every one there is); never raises for what they do. What is
        asked for by name is counted whole, where a look sees only a part of it.
        `waited`: also count the mail that waits for so many seconds (0: do not)."""
        ...


def _no_zone(domain: Domain) -> DnsZone:
    raise Refused(f"{domain.name}: DNS is not within reach here", try_="run it from the controller")


def _no_cloud(host: Host) -> Cloud:
    raise Refused(f"{host.name}: its cloud is not within reach here", try_="run it from the controller")


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports that planning and acting need, and the fleet they serve."""

    fleet: Fleet
    remote: Remote
    notifier: Notifier
    clock: Clock
    look: Look
    zone: Callable[[Domain], DnsZone] = _no_zone
    cloud: Callable[[Host], Cloud] = _no_cloud
    anchors: Callable[[], Samples] = tuple
    """Look whether our own network works; no signal when nothing is known that would prove it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which attempt this is. With it the far side does a repeated request once, and refuses a stale one.

    `check_lease`: for a far side that knows no epochs, called right before the act leaves.
    """

    run: str
    step: str
    attempt: str
    epoch: int
    check_lease: CheckLease = field(default=by_hand, compare=False)

    def keys(self) -> dict[str, str]:
        return {"run": self.run, "step": self.step, "attempt": self.attempt, "epoch": str(self.epoch)}


@dataclass(frozen=True, slots=True)
class Mitigation:
    """A change of ours in force: until `until` (None: for as long as it takes), undone by rolling back `run`."""

    run: str
    step: Step
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Context:
    """What an action may know while planning its step."""

    ports: Ports
    playbook: Playbook
    samples: Samples
    earlier: tuple[Step, ...] = ()
    mitigations: tuple[Mitigation, ...] = ()

    def seen(self, host: Host, name: str) -> Signal | None:
        """The newest sample of this signal, the worst of several vantages; only of signals in the verb's `reads`."""
        return worst(latest(self.samples, host.name, name))


@dataclass(frozen=True, slots=True)
class Flags:
    """What the rest has to know of an action, beside what it does."""

    reads: tuple[str, ...] = ()
    """The signals of its host that its plan reads."""
    moves_mail: bool = False
    """Mail goes elsewhere after it, or cannot come for a while: a quorum and a fit target are asked."""
    changes_mx: bool = False
    tells: bool = False
    """People hear of it; that it is over is told some minutes after its run."""


Result = Mapping[str, str]
"""What acting answered, for the journal: numbers and digests, never contents."""


class Action(Protocol[Model]):
    @property
    def name(self) -> str:
        """As playbooks and stored plans have it."""
        ...

    @property
    def with_(self) -> type[Model]:
        """The shape of its `with:`. `host` and `domain` are what it works on, `to` is the host that takes mail on."""
        ...

    @property
    def flags(self) -> Flags: ...

    def plan(self, spec: StepSpec[Model], context: Context) -> Step:
        """Read, decide, and say it. Raises Refused when it cannot or must not be done here."""
        ...

    def read(self, step: Step, ports: Ports) -> Mapping[str, str]:
        """The bound values as they are now; empty for an event action."""
        ...

    def act(self, step: Step, at: Attempt, ports: Ports) -> Result:
        """Do it once. Raises Unreachable or Refused (nothing was done, and a table of answers says so), StepFailed (it
        ended, not well), OutcomeUnknown (all else: it is settled next)."""
        ...

    def settle(self, step: Step, at: Attempt, ports: Ports) -> Reading:
        """Make sure that this attempt neither runs nor will, then say how far it came."""
        ...

    def undo(self, step: Step, at: Attempt, ports: Ports) -> Result: ...


@runtime_checkable
class Kept(Protocol):
    """An action whose far side keeps what was there before, and knows what it runs by."""

    def stands(self, step: Step, run: str, ports: Ports) -> Reading | None:
        """Of a step that reads as before, by the far side's own word: WANTED where it runs by our change still (what
        was put back is not loaded), else BEFORE, also where it is of an earlier release and does not tell. None: it
        keeps nothing of this step."""
        ...


@runtime_checkable
class Asks(Protocol):
    """An action that names something to the host's helper that only the host's list lets an ordinary user name."""

    def asks(self, host: Host) -> Iterable[str]:
        """KIND:VALUE, as `failover.actions.permits` has it."""
        ...


@runtime_checkable
class Away(Protocol):
    """An action that moves mail away from hosts."""

    def away_from(self, step: Step, fleet: Fleet) -> tuple[str, ...]: ...
