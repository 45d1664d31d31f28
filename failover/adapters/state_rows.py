"""Rows of the state store as values. A damaged row is reported; it is left out, or read as the safest value, and the
others are read.

A run's plan and its events are not left out: the caller gets an error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypeVar

from failover.core.clean import clean
from failover.errors import ConfigError
from failover.fence import UNREADABLE

_Row = TypeVar("_Row")
_T = TypeVar("_T")
_told: set[str] = set()
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
NO_END = datetime(9000, 1, 1, tzinfo=UTC)
TRY = (
    "use the version of failover that wrote it; or see what the hosts say (`failover host status`), then take that row "
    "out of the state by hand"
)


def each(what: str, rows: Iterable[_Row], read: Callable[[_Row], _T]) -> Iterator[_T]:
    """The rows that can be read. `what` they are is printed with the first error of each kind."""
    for row in rows:
        try:
            found = read(row)
        except (*UNREADABLE, ConfigError) as e:
            tell(what, e)
        else:
            yield found


def tell(what: str, e: Exception) -> None:
    """Print an error on stderr, once a process, without words of the row."""
    said = f"failover: {clean(what)}: a row of the state cannot be read ({type(e).__name__}); the others are\n"
    if said not in _told:
        _told.add(said)
        sys.stderr.write(said)


@contextmanager
def one(what: str) -> Iterator[None]:
    """Around the reading of a row that cannot be left out. Raises ConfigError."""
    try:
        yield
    except UNREADABLE as e:
        said = f"{what}: what the state holds of it cannot be read ({type(e).__name__})"
        raise ConfigError(said, try_=TRY) from e
