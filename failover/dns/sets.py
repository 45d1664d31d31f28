"""MX sets as all providers read and check them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from failover.core.mx import MxSet, mx_set
from failover.errors import Changed, FailoverError, Refused
from failover.ports import DnsZone

_PAIR = re.compile(r"\s*([0-9]{1,5})\s+(\S+)\s*")


def from_texts(ttl: int, values: Iterable[str]) -> MxSet:
    """Of values as `10 mx1.example.net.`. Raises ValueError."""
    pairs = [_PAIR.fullmatch(v) for v in values]
    if not all(pairs):
        raise ValueError("a value is no preference and name")
    return mx_set(ttl, ((int(p[1]), p[2]) for p in pairs if p))


def texts(mx: MxSet) -> list[str]:
    return [f"{preference} {exchange}" for preference, exchange in sorted(mx.targets)]


def not_empty(name: str, wanted: MxSet) -> None:
    """Raises Refused."""
    if not wanted.targets:
        raise Refused(f"an empty MX set for {name} is never written", try_="keep one MX record at least")


def reads(zone: DnsZone, name: str, wanted: MxSet) -> bool:
    """Asked after a write. A failed read does not change what is known of the write."""
    try:
        return zone.mx(name) == wanted
    except FailoverError:
        return False


def changed(name: str, expected: MxSet, found: MxSet) -> Changed:
    return Changed(
        f"the MX of {name} is not as expected: {expected.text} was, {found.text} is there",
        try_="somebody else changed it; plan again and read the new plan",
    )
