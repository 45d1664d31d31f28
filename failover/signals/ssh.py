"""`ssh.reach`: could we log in? If not, all signals of that host are unknown, and mail may be fine."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from failover.core.fleet import Host
from failover.core.observe.signal import CONTROLLER, Outcome, Samples, Signal
from failover.core.words import duration
from failover.errors import Blind, ConfigError, FailoverError, Fault, Refused
from failover.signals.family import Family
from failover.signals.kind import SignalKind, Where
from failover.signals.sight import Sight

REACH = SignalKind("ssh.reach", "can we get in", Where.SSH, unit="s")


def reached(host: Host, seconds: float, at: datetime) -> Signal:
    """`seconds`: for connecting and the whole look."""
    sight = Sight(host.name, CONTROLLER, at)
    return sight.signal(REACH, Outcome.OK, f"looked in {duration(seconds)}", seconds)


def missed(host: Host, error: FailoverError, at: datetime) -> Signal:
    """Fail only for what the network or the host did; unknown for our own files, faults and refusals."""
    outcome = Outcome.UNKNOWN if isinstance(error, Blind | ConfigError | Fault | Refused) else Outcome.FAIL
    return Sight(host.name, CONTROLLER, at).signal(REACH, outcome, str(error))


def carried(samples: Iterable[Signal], at: datetime) -> Samples:
    """Whom we could reach at the last look: they are asked first what they see of others."""
    seen = sorted((s for s in samples if s.name == REACH.name and s.at <= at), key=lambda s: s.at)
    return tuple({s.host: s for s in seen}.values())


FAMILY = Family((REACH,), carried=carried)
