"""Rows of the state store as values, each behind a fence of its own: one that is damaged, or that something else wrote,
is told of and left out, or stands for what is safest, and the others are read.

What decides alone, as a run's plan and its events do, is not left out: whoever asks is told that it is unreadable.
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
    """Those that can be read. `what` they are is told with the first error of each kind."""
    for row in rows:
        try:
            found = read(row)
        except (*UNREADABLE, ConfigError) as e:
            tell(what, e)
        else:
            yield found


def tell(what: str, e: Exception) -> None:
    """Once a process: its words are on standard error, as those of a fault are; none are of the row."""
    said = f"failover: {clean(what)}: a row of the state cannot be read ({type(e).__name__}); the others are\n"
    if said not in _told:
        _told.add(said)
        sys.stderr.write(said)


@contextmanager
def one(what: str) -> Iterator[None]:
    """Around what reads a row that nothing can stand for. Raises ConfigError."""
    try:
        yield
    except UNREADABLE as e:
        said = f"{what}: what the state holds of it cannot be read ({type(e).__name__})"
        raise ConfigError(said, try_=TRY) from e
