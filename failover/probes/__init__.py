"""The looks, and the registry of signals: what each needs to be looked at. A new signal is one line here."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from failover.probes import cpu, disk, dns, queue, spam, traffic


class Where(enum.Enum):
    HOST = "failover-host look, over SSH"
    HERE = "SMTP from the controller"
    PEER = "SMTP from another MX, over SSH there"
    LOG = "failover-host look, over SSH, and where an earlier look ended"
    FLEET = "the looks at all hosts together"
    SERVERS = "DNS at every authoritative server; its subject is a domain"


@dataclass(frozen=True, slots=True)
class Need:
    """`warn` and `fail` are the thresholds in the signal's unit, for graphs; `below`: low is bad."""

    where: Where = Where.HOST
    warn: float | None = None
    fail: float | None = None
    below: bool = False


SIGNALS: dict[str, Need] = {
    "ssh.reach": Need(),
    "queue.pending": Need(warn=queue.PENDING_WARN),
    "queue.deferred": Need(warn=queue.DEFERRED_WARN),
    "queue.hold": Need(),
    "queue.maildrop": Need(warn=queue.MAILDROP_WARN),
    "queue.frozen": Need(warn=queue.PENDING_WARN),
    "queue.oldest_age": Need(warn=queue.OLDEST_WARN_S, fail=queue.OLDEST_FAIL_S),
    traffic.REMOVED_RATE: Need(Where.LOG),
    "spam.ping": Need(),
    "spam.scan": Need(warn=spam.SCAN_WARN_S),
    "handler.banner": Need(),
    "container.state": Need(),
    "smtp.banner": Need(Where.HERE),
    "smtp.dialogue": Need(Where.HERE),
    "smtp.peer": Need(Where.PEER),
    dns.NAME: Need(Where.SERVERS),
    traffic.SHARE: Need(Where.FLEET),
    traffic.ACCEPTED: Need(Where.LOG),
    traffic.POSITION: Need(Where.LOG),
    "cpu.load": Need(warn=cpu.LOAD_WARN),
    "cpu.top": Need(warn=cpu.TOP_WARN),
    "disk.free": Need(warn=disk.FREE_WARN, fail=disk.FREE_FAIL, below=True),
    "disk.inodes": Need(warn=disk.FREE_WARN, fail=disk.FREE_FAIL, below=True),
}

COUNTED = frozenset(name for name, need in SIGNALS.items() if need.where in {Where.LOG, Where.FLEET})
"""Counted between looks: a single look has none of these, and none of these makes a host anything but healthy."""
