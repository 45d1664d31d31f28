"""The incidents of a lab: one entry each, with its cause and its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from failover.errors import ConfigError
from failover.lab import network
from failover.lab.files import CONTAINER

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
    """Send it to every process of those names, in that order, in the host's pid namespace; the first must exist."""

    def send(lab: Lab, host: str) -> None:
        for n, comm in enumerate(comms):
            lab.run(host, ["pkill", f"-{signal}", "-x", comm], timeout=10, check=n == 0)

    return send


def _slow(lab: Lab, host: str) -> None:
    (lab.folder / host / "shared" / "slow").write_text(f"{SLOW_SCAN_S}\n")


def _not_slow(lab: Lab, host: str) -> None:
    (lab.folder / host / "shared" / "slow").unlink(missing_ok=True)


HANDLER = r"[^ ]*python[^ ]* -P -m failover\.lab\.handler"
"""Its whole command line, as process of the host or of a container there."""


def _handler(signal: str) -> Callable[[Lab, str], None]:
    """It may be down or restarted: a cure is allowed."""
    return lambda lab, host: _run(lab, host, "pkill", f"-{signal}", "-xf", HANDLER, check=False)


def _stop_handler(lab: Lab, host: str) -> None:
    """By hand, so that its restart policy leaves it down (docker-run(1))."""
    if "docker" in lab.extras:
        _run(lab, host, "docker", "stop", "-t", "5", CONTAINER)
    else:
        _run(lab, host, "service", "handler", "stop")


def _start_handler(lab: Lab, host: str) -> None:
    if "docker" in lab.extras:
        _run(lab, host, "docker", "start", CONTAINER)
    else:
        _run(lab, host, "service", "handler", "start")


def _run(lab: Lab, host: str, *argv: str, check: bool = True) -> None:
    lab.run(host, list(argv), timeout=20, check=check)


# The spool lies in memory, so it is made small first: 64 MB are enough to fill it.
_FILL = """cd /var/spool/postfix && [ ! -e lab-filler ] || exit 0
used=$(df -k --output=used . | tail -n 1)
mount -o remount,size=$((used + 65536 + 512))k /var/spool/postfix && dd if=/dev/zero of=lab-filler bs=1M count=64"""
_EMPTY = "rm -f /var/spool/postfix/lab-filler && mount -o remount,size=1g /var/spool/postfix"


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
    Incident(
        "handler-down",
        "the mail handler has ended, and nothing starts it again",
        cause=_stop_handler,
        heal=_start_handler,
    ),
    Incident(
        "handler-stuck",
        "the mail handler runs and answers nothing",
        cause=_handler("STOP"),
        heal=_handler("CONT"),
    ),
    Incident(
        "mx-frozen",
        "Postfix stands still: the kernel accepts on port 25, and no banner comes",
        cause=_signal("STOP", "master", "smtpd"),  # an idle smtpd would accept on its own
        heal=_signal("CONT", "master", "smtpd"),
    ),
    Incident(
        "disk-full",
        "no room on the file system of the queue",
        cause=lambda lab, host: _run(lab, host, "sh", "-c", _FILL),
        heal=lambda lab, host: _run(lab, host, "sh", "-c", _EMPTY),
    ),
)
INCIDENTS = {entry.name: entry for entry in _ENTRIES}
