"""The incidents a lab can suffer: one entry each, with its cause and the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from failover.errors import ConfigError

if TYPE_CHECKING:
    from failover.lab.lab import Lab


@dataclass(frozen=True, slots=True)
class Incident:
    """`cause` and `heal` take the lab and the host; each may be called again without harm."""

    name: str
    about: str
    cause: Callable[[Lab, str], None]
    heal: Callable[[Lab, str], None]
    host: str = "mx1"


INCIDENTS: dict[str, Incident] = {}


def incident(name: str) -> Incident:
    """Raises ConfigError for a name the registry does not have."""
    if name not in INCIDENTS:
        raise ConfigError(f"the lab knows no incident {name!r}", try_=f"one of {', '.join(INCIDENTS)}")
    return INCIDENTS[name]
