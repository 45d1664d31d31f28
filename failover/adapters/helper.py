"""Is the `failover-host` that is installed on a host the same as ours? Pure.

Another text may still look: rows are read by their names. It may not act, since
its acts are not those that were planned and tested here.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from failover.ports import Rc, Reply

READING = frozenset(
    {"hello", "look", "filter-read", "settings", "frozen", "queue", "unit", "result", "installed", "debts"}
)
OLDEST_READABLE = 1


@dataclass(frozen=True, slots=True)
class Text:
    version: str
    digest: str

    def __str__(self) -> str:
        return f"{self.version} ({self.digest[:12] or 'digest unknown'})"


def of_text(script: str) -> Text:
    found = re.search(r"^VERSION=(\d+)$", script, re.MULTILINE)
    return Text(found[1] if found else "?", hashlib.sha256(script.encode()).hexdigest())


def of_hello(reply: Reply) -> Text:
    (version, *_), (digest, *_) = reply.one("version") or ("?",), reply.one("digest") or ("",)
    return Text(version, digest)


@dataclass(frozen=True, slots=True)
class Difference:
    """`said` names both; `reads`: it may still look."""

    said: str
    reads: bool


def difference(host: str, hello: Reply, ours: Text) -> Difference | None:
    """None: the same text, byte for byte."""
    there = of_hello(hello)
    if hello.rc != Rc.OK:
        return Difference(f"{host}: its failover-host answers hello with {hello.rc}: {hello.because}", reads=False)
    if there == ours:
        return None
    return Difference(
        f"{host} has failover-host {there}, this failover brings {ours}",
        reads=there.version.isascii() and there.version.isdigit() and int(there.version) >= OLDEST_READABLE,
    )
