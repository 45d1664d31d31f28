"""The names of signals that a playbook may watch, so that a misspelt one is refused and not waited for in vain."""

from __future__ import annotations

from collections.abc import Mapping

SIGNALS: Mapping[str, str] = {
    "ssh.reach": "can we get in",
    "queue.pending": "messages in incoming and active",
    "queue.deferred": "messages put off",
    "queue.hold": "messages on hold",
    "queue.maildrop": "messages submitted locally and not yet picked up",
    "queue.frozen": "messages fixed to a filter; age: of the oldest",
    "queue.oldest_age": "seconds that the oldest pending message waits",
    "queue.removed_rate": "messages done per minute",
    "spam.ping": "does the scanner answer at all",
    "spam.scan": "does a scan come to its end",
    "handler.banner": "does the mail handler greet",
    "container.state": "state of the handler's container",
    "smtp.banner": "does the MX greet, seen from the controller",
    "smtp.dialogue": "does it accept a recipient, seen from the controller",
    "smtp.peer": "does it greet, seen from another MX",
    "traffic.share": "its part of the mail, percent",
    "cpu.load": "load per core",
    "cpu.top": "busiest process, percent of one core",
    "disk.free": "free space of the queue's disk, percent",
    "disk.inodes": "free inodes of the queue's disk, percent",
    "dns.mx": "of a domain, named in place of the host: do all its name servers show the MX that its primary has",
    "tls.days": "days until the certificate ends",
}
