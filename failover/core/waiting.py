"""The queue of one host, for people: which mail waits, since when, and why. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

QUEUES = ("incoming", "active", "deferred", "hold", "maildrop", "corrupt")
AGES = (
    *((300.0, "up to 5 min"), (1800.0, "5 to 30 min"), (7200.0, "30 min to 2 h")),
    *((43200.0, "2 to 12 h"), (172800.0, "12 h to 2 d"), (float("inf"), "more than 2 d")),
)
"""Up to so many seconds, and the name."""
UNKNOWN_AGE = "not known"


@dataclass(frozen=True, slots=True)
class Message:
    """`age` in seconds, None when not known. `recipient`: of so many `recipients` the one asked for, else the first
    with a `reason`, else the first."""

    queue: str
    id: str
    age: float | None
    size: int | None
    recipients: int
    sender: str
    recipient: str
    reason: str


@dataclass(frozen=True, slots=True)
class Frozen:
    """Messages that are fixed to a filter, among the `examined` of `total` queue files."""

    filter: str
    messages: int
    oldest: float
    examined: int
    total: int


@dataclass(frozen=True, slots=True)
class Listing:
    """`counts`: of all mail, by queue, without those that could not be counted. `sample`: drawn from the `matched`
    messages, which are those asked for among the `read` ones; `whole`: nothing else waits. `matched` None: nothing was
    listed. `troubles`: what could not be read."""

    counts: Mapping[str, int] = field(default_factory=dict)
    frozen: tuple[Frozen, ...] = ()
    oldest: tuple[Message, ...] = ()
    sample: tuple[Message, ...] = ()
    matched: int | None = None
    read: int = 0
    whole: bool = False
    troubles: tuple[str, ...] = ()

    @property
    def counted(self) -> bool:
        """Every queue was counted."""
        return all(queue in self.counts for queue in QUEUES)

    @property
    def waiting(self) -> int:
        return sum(n for queue, n in self.counts.items() if queue != "corrupt")


@dataclass(frozen=True, slots=True)
class Share:
    """`messages` of the sample have this in common; `oldest` in seconds."""

    what: str
    messages: int
    oldest: float | None


def shares(messages: Iterable[Message], by: str) -> tuple[Share, ...]:
    """The most frequent first; ages from young to old. `by`: one of `BY`."""
    found: dict[str, list[Message]] = {}
    for message in messages:
        found.setdefault(BY[by](message), []).append(message)
    made = [
        Share(what, len(of), max((m.age for m in of if m.age is not None), default=None)) for what, of in found.items()
    ]
    if by == "age":
        return tuple(sorted(made, key=lambda s: -1.0 if s.oldest is None else s.oldest))
    return tuple(sorted(made, key=lambda s: (-s.messages, s.what)))


def cause(reason: str) -> str:
    """The text of a reason without what differs from message to message: addresses, ids, ports of clients, times."""
    said = reason
    for pattern, put in _OWN:
        said = pattern.sub(put, said)
    return said or NO_REASON


NO_REASON = "no reason yet: not tried, or being delivered"
_OWN = (
    (re.compile(r"<[^<>\s]*@[^<>\s]*>|[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+"), "<…>"),
    (re.compile(r"\[[0-9A-Fa-f.:]+\]"), "[…]"),
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b"), "…"),
    (re.compile(r"\b(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[0-9A-Za-z]{9,}\b"), "…"),
    (re.compile(r"\b\d+\.\d+ s(?:econds)?\b|\b\d{4,}\b"), "…"),
    (re.compile(r"\s+"), " "),
)
_HOST = re.compile(r"\b(?:host|to|with|from) ([A-Za-z0-9._-]+)\[([^\[\]]{1,200})\]")


def next_hop(message: Message) -> str:
    """The host that the reason names, else the recipient's domain."""
    named = _HOST.search(message.reason)
    return (named[2] if named[2].startswith("/") else named[1].lower()) if named else domain(message.recipient)


def domain(address: str) -> str:
    return address.rpartition("@")[2].lower() if "@" in address else "(no domain)"


def bucket(age: float | None) -> str:
    if age is None:
        return UNKNOWN_AGE
    return next(name for most, name in AGES if age <= most)


BY: Mapping[str, Callable[[Message], str]] = {
    "reason": lambda m: cause(m.reason),
    "nexthop": next_hop,
    "sender": lambda m: m.sender or "<> (bounces)",
    "sender-domain": lambda m: domain(m.sender) if m.sender else "<> (bounces)",
    "recipient": lambda m: m.recipient,
    "recipient-domain": lambda m: domain(m.recipient),
    "age": lambda m: bucket(m.age),
}
