"""The fence keeps a fault of ours to the host where it arose, and never blames that host for it.

It stands where an answer from outside is read: one host, name server, cloud, channel or container. An error on purpose
goes through; any other becomes a Fault, which says that it is ours, what it is and where. The other hosts are still
seen.

An answer of a wrong form is the far side's fault: `reading` says so.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from failover.core.clean import clean
from failover.errors import FailoverError, Fault, Unreachable

_PACKAGE = Path(__file__).parent
_told: set[str] = set()
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""The errors of reading an answer that lacks something, or has another type."""


@contextmanager
def fence(about: str) -> Iterator[None]:
    """Raises Fault in place of an unexpected error. `about`: whose answer is read."""
    try:
        yield
    except FailoverError:
        raise
    except Exception as e:
        raise fault(about, e) from e


@contextmanager
def reading(about: str) -> Iterator[None]:
    """Around the parsing of an answer that changed nothing. Raises Unreachable if it has another form."""
    try:
        yield
    except UNREADABLE as e:
        said = f"{about}: unreadable answer ({type(e).__name__})"
        raise Unreachable(said, try_="look at it by another way; nothing was changed by this") from e


def fault(about: str, error: Exception) -> Fault:
    """The Fault for `error`. The first of its kind is also printed on stderr, once a process. The words of `error` are
    left out: they may be a secret, or come from outside."""
    what = f"{type(error).__name__} at {_place(error)}"
    said = f"a fault of failover's own, not of {about}; please report it: {what}"
    if what not in _told:
        _told.add(what)
        sys.stderr.write(f"failover: {clean(said)}\n")
    return Fault(f"{about}: {said}", try_="report that line; what else there is to see is seen as ever")


def told() -> frozenset[str]:
    """The faults of this process, by type and place."""
    return frozenset(_told)


def forget() -> None:
    _told.clear()


def _place(error: Exception) -> str:
    """Our innermost line, and the library's below it."""
    frames = [(Path(f.filename), f.lineno) for f in traceback.extract_tb(error.__traceback__)]
    if not frames:
        return "?"
    ours = [f for f in frames if f[0].is_relative_to(_PACKAGE)]
    inner, line = frames[-1]
    below = "" if ours and ours[-1] == frames[-1] else f"{inner.parent.name}/{inner.name}:{line}"
    at = f"{ours[-1][0].relative_to(_PACKAGE)}:{ours[-1][1]}" if ours else ""
    return " in ".join(part for part in (below, at) if part)
