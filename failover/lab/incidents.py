"""The incidents a lab can suffer: one entry each, with its cause and the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from failover.errors import ConfigError
from failover.lab import network

if TYPE_CHECKING:
    from failover.lab.lab import Lab

SLOW_SCAN_S = 4.0  # five children: 1.25 messages a second, less than any MX gets


@dataclass(frozen=True, slots=True)
class Incident:
    """`cause` and `heal` take the lab and a host; each may be called again without harm."""

    name: str
    about: str
    cause: Callable[[Lab, str], None]
    heal: Callable[[Lab, str], None]
    host: str = "mx1"


def incident(name: str) -> Incident:
    """Raises ConfigError for a name the registry does not have."""
    if name not in INCIDENTS:
        raise ConfigError(f"the lab knows no incident {name!r}", try_=f"one of {', '.join(INCIDENTS)}")
    return INCIDENTS[name]


def _signal(signal: str, *comms: str) -> Callable[[Lab, str], None]:
    """To every process of those names, in that order, inside the host's own pid namespace; the first must exist."""

    def send(lab: Lab, host: str) -> None:
        for n, comm in enumerate(comms):
            lab.run(host, ["pkill", f"-{signal}", "-x", comm], timeout=10, check=n == 0)

    return send


def _slow(lab: Lab, host: str) -> None:
    (lab.folder / host / "shared" / "slow").write_text(f"{SLOW_SCAN_S}\n")


def _not_slow(lab: Lab, host: str) -> None:
    (lab.folder / host / "shared" / "slow").unlink(missing_ok=True)


# spamd's parent first and last: it would replace children that do not answer it.
_ENTRIES = (
    Incident(
        "spamd-hung",
        "spamd accepts and never answers; its log looks benign",
        cause=_signal("STOP", "spamd", "spamd child"),
        heal=_signal("CONT", "spamd", "spamd child"),
    ),
    Incident("spamd-slow", f"every scan takes {SLOW_SCAN_S:g} s, and finishes", cause=_slow, heal=_not_slow),
    Incident(
        "mx-unreachable",
        "the cable is out: nothing reaches the host, all on it runs on",
        cause=lambda lab, host: network.pull(lab, host),
        heal=lambda lab, host: network.plug_back(lab, host),
    ),
    Incident(
        "ssh-hung",
        "connections are accepted by the kernel, and no banner comes; mail is fine",
        cause=_signal("STOP", "sshd"),
        heal=_signal("CONT", "sshd"),
    ),
)
INCIDENTS = {entry.name: entry for entry in _ENTRIES}
