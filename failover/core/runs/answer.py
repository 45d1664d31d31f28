"""What an act may answer: one list for every far side, be it a mail host, a name server, a cloud or a channel.

Each adapter has a table of what its far side can say. What stands in no table
is unknown, and then the world is read before anything is decided.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import TypeVar

_T = TypeVar("_T")


class Answer(enum.StrEnum):
    DONE = "done"
    NOTHING = "nothing"
    """It was said before the first effect: nothing was done, and nothing of it is still to come."""
    FAILED = "failed"
    """It ended, and not well: something may have been done."""
    UNKNOWN = "unknown"
    """It may have been done, or may still come."""


def table(rows: Mapping[Answer, Iterable[_T]]) -> Mapping[_T, Answer]:
    """By what the far side says. Raises ValueError where it would mean two things."""
    found: dict[_T, Answer] = {}
    for answer, sayings in rows.items():
        for said in sayings:
            if found.setdefault(said, answer) is not answer:
                raise ValueError(f"{said!r} means two things")
    return found


def meaning(of: Mapping[_T, Answer], said: _T) -> Answer:
    return of.get(said, Answer.UNKNOWN)
