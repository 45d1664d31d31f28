"""`ssh.reach`: could we get in? It says nothing about mail, only about us; all that lies behind it is unknown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from failover.core.fleet import Host
from failover.core.signal import CONTROLLER, Outcome, Signal
from failover.core.words import duration
from failover.errors import Blind, ConfigError, FailoverError, Fault, Refused
from failover.signals.sight import Sight

NAME = "ssh.reach"


def reached(host: Host, seconds: float, at: datetime) -> Signal:
    """`seconds`: connecting, and the whole look that came back."""
    sight = Sight(host.name, CONTROLLER, at)
    return sight.signal(NAME, Outcome.OK, f"looked in {duration(seconds)}", seconds, "s")


def missed(host: Host, error: FailoverError, at: datetime) -> Signal:
    """Only what the network or the far side did is a sign against it. Our own files, machine, faults and refusals (the
    helper there is not the one for this) are none."""
    outcome = Outcome.UNKNOWN if isinstance(error, Blind | ConfigError | Fault | Refused) else Outcome.FAIL
    return Sight(host.name, CONTROLLER, at).signal(NAME, outcome, str(error))


def behind(host: Host, names: Iterable[str], reason: str, at: datetime) -> Iterable[Signal]:
    sight = Sight(host.name, host.name, at)
    return (sight.unknown(name, reason) for name in names)
