"""What a family of signals is: the kinds of its signals, what it asks of a host, which hosts have it, how it reads.

A family is one file here and one line in `failover/signals/__init__.py`. `docs/adding.md` shows how one is added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from failover.core.fleet import Fleet, Host
from failover.core.observe.signal import Samples, Signal
from failover.ports import Reply, SmtpClient
from failover.signals.kind import SignalKind
from failover.signals.sight import Sight

Args = Mapping[str, str]
Call = Callable[[str, Args, float], Reply]
"""A verb of the host's helper, its arguments, and how many seconds it may take."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One host in one look. `names`: the signals that are wanted of it; `peers`: the hosts that it looks at for us.
    `by_name`: somebody asks for these and needs to see them now. `before`: earlier samples. `waited_s`: also count the
    mail that waits for so many seconds; 0: do not."""

    fleet: Fleet
    host: Host
    at: datetime
    names: frozenset[str] = frozenset()
    peers: tuple[Host, ...] = ()
    by_name: bool = False
    before: Samples = ()
    waited_s: float = 0.0
    patience_s: float = 5.0

    @property
    def sight(self) -> Sight:
        return Sight(self.host.name, self.host.name, self.at)

    def wants(self, *kinds: SignalKind) -> bool:
        return any(kind.name in self.names for kind in kinds)


@dataclass(frozen=True, slots=True)
class Family:
    """Each function but those for what its kinds need may be left out.

    For what the host's helper tells: `asks` is asked in each look, wanted or not; of two families the later one's word
    stands. `read` gives what the answer shows, and may give more than is wanted. `again`: where the answer shows only a
    part and all is to be counted, asks once more. `newer`: arguments that a helper of an earlier release does not know;
    `older`: what such a one is asked instead.
    For `Where.HERE`: `dial` looks for one signal, by name. For `Where.FLEET`: `compare` has all that the look found.
    `carried`: what the next look needs of the samples so far. `together`: one of its signals needs them all.
    """

    kinds: tuple[SignalKind, ...]
    has: Callable[[Host, SignalKind], bool] = lambda host, kind: True
    asks: Callable[[Visit], Args] = lambda visit: {}
    read: Callable[[Visit, Reply], Iterable[Signal]] = lambda visit, facts: ()
    again: Callable[[Visit, Reply, Call], Reply] = lambda visit, facts, call: facts
    newer: frozenset[str] = frozenset()
    older: Callable[[Args], Args] = lambda args: args
    dial: Callable[[Visit, str, SmtpClient], Iterable[Signal]] = lambda visit, name, smtp: ()
    compare: Callable[[Fleet, Samples, Samples, datetime], Iterable[Signal]] = lambda fleet, before, found, at: ()
    carried: Callable[[Samples, datetime], Samples] = lambda samples, at: ()
    together: bool = False
