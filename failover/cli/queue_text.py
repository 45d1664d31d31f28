"""The queue of a host on one screen, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from failover.cli.output import table
from failover.core.clean import clean
from failover.core.waiting import QUEUES, Frozen, Listing, Message, shares
from failover.core.words import count, duration
from failover.errors import FailoverError

SHORT = (("reason", 5), ("nexthop", 3), ("sender", 3), ("sender-domain", 3), ("recipient-domain", 3), ("age", 7))
"""Tables of the one screen, with their longest."""
LONG = 30
TITLES = {
    "reason": "why", "nexthop": "next hop", "sender": "sender", "sender-domain": "sender's domain",
    "recipient": "recipient", "recipient-domain": "recipient's domain", "age": "waits since",
}  # fmt: skip
Found = Mapping[str, Listing | FailoverError]


def lines(found: Found, by: str | None, oldest: int, what: str) -> Iterator[str]:
    for name, listing in found.items():
        if isinstance(listing, FailoverError):
            yield f"{name}: the queue is not known: {listing}"
            yield from ([f"  try: {listing.try_}"] if listing.try_ else [])
            continue
        yield from _host(name, listing, by, oldest, what)


def _host(name: str, of: Listing, by: str | None, oldest: int, what: str) -> Iterator[str]:
    yield f"{name}: {_head(of)}"
    yield "  " + ", ".join(f"{q} {of.counts.get(q, 'not known')}" for q in QUEUES)
    yield from (f"  {_waits(f)}" for f in of.frozen)
    yield from (f"  not read: {why}" for why in of.troubles)
    if of.matched is None:
        yield "  which mail waits, and why, is not known"
        return
    if scope := _scope(of, what):
        yield f"  {scope}"
    for field, most in ((by, LONG),) if by else SHORT:
        yield from _table(of, field, most)
    if oldest and of.oldest:
        yield "  the oldest"
        yield from table([_row(m) for m in of.oldest[:oldest]], indent="    ")


def _head(of: Listing) -> str:
    if not of.counted:
        return "how much mail waits is not known"
    said = f"{count(of.waiting, 'message')} {'waits' if of.waiting == 1 else 'wait'}" if of.waiting else "no mail waits"
    age = of.oldest[0].age if of.oldest else None
    return f"{said}, the oldest{'' if of.whole else ' of those read'} {duration(age)}" if age is not None else said


def _waits(f: Frozen) -> str:
    part = f" (of the first {f.examined} of {f.total})" if f.examined < f.total else ""
    return f'fixed to the filter "{f.filter}": {count(f.messages, "message")}{part}, oldest {duration(f.oldest)}'


def _scope(of: Listing, what: str) -> str:
    """What the tables are of, where that is not all."""
    matched = of.matched or 0
    said = [f"only {what.replace('=', ' ', 1)}: {count(matched, 'message')}"] if what else []
    if not of.whole:
        about = f"about {max(of.waiting, of.read)}" if of.counted else "an unknown number"
        said.append(f"read in time: {of.read} of {about}; older mail may be among the others")
    if len(of.sample) < matched:
        said.append(f"the tables are of a sample of {len(of.sample)}, drawn from {matched}")
    return "; ".join(said)


def _table(of: Listing, by: str, most: int) -> Iterator[str]:
    made = shares(of.sample, by)
    if not made:
        return
    total = len(of.sample)
    rows = [
        (str(s.messages), f"{100 * s.messages / total:.0f} %", _age(s.oldest), clean(s.what, 110)) for s in made[:most]
    ]
    yield f"  {TITLES[by]}" + (f" (the first {most} of {len(made)})" if len(made) > most else "")
    yield from table(rows, indent="    ")


def _age(age: float | None) -> str:
    return "age not known" if age is None else duration(age)


def _row(m: Message) -> tuple[str, ...]:
    others = f" and {m.recipients - 1} more" if m.recipients > 1 else ""
    return (
        m.id,
        _age(m.age),
        m.queue,
        clean(m.sender or "<>", 40),
        clean(m.recipient, 40) + others,
        clean(m.reason, 110),
    )


def document(found: Found, by: str | None, oldest: int, what: str) -> dict[str, Any]:
    return {"only": what or None, "hosts": {name: _document(of, by, oldest) for name, of in found.items()}}


def _document(of: Listing | FailoverError, by: str | None, oldest: int) -> dict[str, Any]:
    if isinstance(of, FailoverError):
        return {"error": str(of), "try": of.try_}
    fields = {by: LONG} if by else {**dict(SHORT), "recipient": 3}
    return {
        "error": None,
        "waiting": of.waiting if of.counted else None,
        "queues": {q: of.counts.get(q) for q in QUEUES},
        "frozen": [asdict(f) for f in of.frozen],
        "matched": of.matched,
        "read": of.read,
        "whole": of.whole,
        "sample": len(of.sample),
        "by": {f: [asdict(s) for s in shares(of.sample, f)[: max(most, LONG)]] for f, most in fields.items()},
        "oldest": [asdict(m) for m in of.oldest[:oldest]],
        "troubles": list(of.troubles),
    }
