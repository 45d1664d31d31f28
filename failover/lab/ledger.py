"""The two books of a drill: the mail that servers accepted (the sender's log), and the mail that handlers received.

The counts of a drill come from these alone, never from a counter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from failover.core.drill import Received, Sent, Tally, count


@dataclass(frozen=True, slots=True)
class Posted:
    """A line of the sender's log; `outcome` is accepted, unknown (no final reply came) or refused."""

    outcome: str
    host: str
    sent: Sent
    sha256: str
    queue_id: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A line of a handler's ledger; `seq` is empty if the letter has no number."""

    host: str
    received: Received
    sha256: str


@dataclass(frozen=True, slots=True)
class Books:
    letters: tuple[Posted, ...]
    deliveries: tuple[Delivery, ...]

    @property
    def accepted(self) -> tuple[Posted, ...]:
        return tuple(x for x in self.letters if x.outcome == "accepted")

    def tally(self, *, apart: frozenset[str] = frozenset()) -> Tally:
        """Counts over all; delays without the letters `apart`, which were held on purpose."""
        unsure = [x.sent.seq for x in self.letters if x.outcome == "unknown"]
        sent = [x.sent for x in self.accepted]
        usual = count([s for s in sent if s.seq not in apart], self.received)
        return replace(count(sent, self.received, grace=unsure), delay=usual.delay)

    def altered(self) -> tuple[str, ...]:
        """Letters whose body arrived changed: cut short, or joined with another."""
        sent = {x.sent.seq: x.sha256 for x in self.letters}
        found = (d for d in self.deliveries if sent.get(d.received.seq, d.sha256) != d.sha256)
        return tuple(sorted({d.received.seq for d in found}))

    @property
    def received(self) -> tuple[Received, ...]:
        return tuple(x.received for x in self.deliveries)

    def sent(self, host: str, *, apart: frozenset[str] = frozenset()) -> tuple[Sent, ...]:
        return tuple(x.sent for x in self.accepted if x.host == host and x.sent.seq not in apart)

    def scanned(self, host: str, *, taken_after: float = 0.0) -> int:
        """How many of the letters that `host` accepted after a Unix time were scanned."""
        wanted = {s.seq for s in self.sent(host) if s.at > taken_after}
        return sum(d.host == host and d.received.scanned and d.received.seq in wanted for d in self.deliveries)

    def undelivered(self, host: str, *, taken_before: float, apart: frozenset[str] = frozenset()) -> frozenset[str]:
        """Numbers of the letters that `host` accepted before a Unix time and that some recipient has not received."""
        got = {(d.received.seq, r) for d in self.deliveries for r in d.received.to}
        taken = (s for s in self.sent(host, apart=apart) if s.at < taken_before)
        return frozenset(s.seq for s in taken if any((s.seq, r) not in got for r in s.to))


def read(logs: Iterable[Path], ledgers: Iterable[tuple[str, Path, int]]) -> Books:
    """`ledgers`: host, file, and its bytes before the drill."""
    letters = tuple(_posted(line) for log in logs for line in _lines(log, 0))
    return Books(letters, tuple(_delivery(host, line) for host, path, was in ledgers for line in _lines(path, was)))


def _lines(path: Path, start: int) -> list[dict[str, Any]]:
    """Whole lines only: the last one may not be complete. An absent file has none."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(start)
        whole, _, _ = file.read().rpartition(b"\n")
    return [json.loads(line) for line in whole.splitlines()]


def _posted(line: dict[str, Any]) -> Posted:
    sent = Sent(line["seq"], tuple(line["to"]), line["at"])
    return Posted(line["outcome"], line["host"], sent, line["sha256"], line.get("queue_id"))


def _delivery(host: str, line: dict[str, Any]) -> Delivery:
    return Delivery(host, Received(line["x_seq"] or "", tuple(line["to"]), line["at"], line["scanned"]), line["sha256"])
