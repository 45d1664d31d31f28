"""The looks, and the registry of signals: what each needs to be looked at. A new signal is one line here."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from failover.core.debts import EPOCH, FORCE, HELD, UNLOADED
from failover.signals import cpu, disk, dns, queue, spam, traffic


class Where(enum.Enum):
    HOST = "failover-host look, over SSH"
    HERE = "SMTP from the controller"
    PEER = "SMTP from another MX, over SSH there"
    LOG = "failover-host look, over SSH, and where an earlier look ended"
    FLEET = "the looks at all hosts together"
    SERVERS = "DNS at every authoritative server; its subject is a domain"


@dataclass(frozen=True, slots=True)
class Need:
    """`meaning`: for whoever writes a playbook; empty: no playbook may name it. `warn` and `fail` are the thresholds in
    the signal's unit, for graphs; `below`: low is bad."""

    meaning: str
    where: Where = Where.HOST
    warn: float | None = None
    fail: float | None = None
    below: bool = False


SIGNALS: dict[str, Need] = {
    "ssh.reach": Need("can we get in"),
    "queue.pending": Need("messages in incoming and active", warn=queue.PENDING_WARN),
    "queue.deferred": Need("messages put off", warn=queue.DEFERRED_WARN),
    "queue.hold": Need("messages on hold"),
    "queue.maildrop": Need("messages submitted locally and not yet picked up", warn=queue.MAILDROP_WARN),
    "queue.frozen": Need("messages fixed to a filter; age: of the oldest", warn=queue.PENDING_WARN),
    "queue.oldest_age": Need(
        "seconds that the oldest pending message waits", warn=queue.OLDEST_WARN_S, fail=queue.OLDEST_FAIL_S
    ),
    traffic.REMOVED_RATE: Need("messages done per minute", Where.LOG),
    "spam.ping": Need("does the scanner answer at all"),
    "spam.scan": Need("does a scan come to its end", warn=spam.SCAN_WARN_S),
    "handler.banner": Need("does the mail handler greet"),
    "container.state": Need("state of the handler's container"),
    "smtp.banner": Need("does the MX greet, seen from the controller", Where.HERE),
    "smtp.dialogue": Need("does it accept a recipient, seen from the controller", Where.HERE),
    "smtp.peer": Need("does it greet, seen from another MX", Where.PEER),
    dns.NAME: Need(
        "of a domain, named in place of the host: do all its name servers show the MX that its primary has",
        Where.SERVERS,
    ),
    traffic.SHARE: Need("its part of the mail, percent", Where.FLEET),
    traffic.ACCEPTED: Need("", Where.LOG),
    traffic.POSITION: Need("", Where.LOG),
    "cpu.load": Need("load per core", warn=cpu.LOAD_WARN),
    "cpu.top": Need("busiest process, percent of one core", warn=cpu.TOP_WARN),
    "disk.free": Need("free space of the queue's disk, percent", warn=disk.FREE_WARN, fail=disk.FREE_FAIL, below=True),
    "disk.inodes": Need(
        "free inodes of the queue's disk, percent", warn=disk.FREE_WARN, fail=disk.FREE_FAIL, below=True
    ),
    HELD: Need("messages that failover itself put on hold and did not let go"),
    FORCE: Need(""),
    UNLOADED: Need(""),
    EPOCH: Need(""),
}

NAMED: Mapping[str, str] = {name: need.meaning for name, need in SIGNALS.items() if need.meaning}
"""The signals that a playbook may name. Each has a probe, so what is written is also looked at."""

COUNTED = frozenset(name for name, need in SIGNALS.items() if need.where in {Where.LOG, Where.FLEET})
"""Counted between looks: a single look has none of these, and none of these makes a host anything but healthy."""
