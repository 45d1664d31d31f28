"""A family of signals: their kinds, its question to a host, the hosts that have it, its reading of the answer.

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
    """One host in one look. `names`: the signals wanted; `peers`: the hosts that it looks at for us. `by_name`: the
    signals were asked for by name, so an old reading will not do. `before`: earlier samples. `waited_s`: also count the
    mail that has waited for that long; 0: do not."""

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
    """Only the functions that its kinds need are given.

    On the host, by the helper: `asks` gives the arguments, in every look; a later family overrides an earlier one.
    `read` gives the signals of the answer, perhaps more than wanted. `again` asks once more, where the answer shows
    only a part and all has to be counted. `newer`: arguments that older helpers do not know; `older`: arguments for
    those helpers.
    `Where.HERE`: `dial` looks for one signal, by name. `Where.FLEET`: `compare` takes all that the look found.
    `carried`: the samples that the next look needs. `together`: its signals are read all or none.
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
