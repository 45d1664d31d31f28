"""Scripted ends of the ports: a remote that answers as told, a clock that stands, nobody who listens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from failover.core.fleet import Channel, Host
from failover.ports import Message, Reply

NOW = datetime(2026, 11, 24, 3, 12, tzinfo=UTC)
Rows = tuple[tuple[str, ...], ...]


@dataclass
class Scripted:
    """Answers every verb with the same rows, and remembers what it was asked."""

    rows: Rows = ()
    rc: int = 0
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def call(self, host: Host, verb: str, args: Mapping[str, str], *, limit_s: float) -> Reply:
        self.asked.append((verb, args))
        return Reply(verb, self.rc, self.rows)


class Silent:
    def send(self, channel: Channel, message: Message) -> None: ...


class Still:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None: ...
