"""The answers of an act: one list for mail hosts, name servers, clouds and channels.

Each adapter has a table of its far side's answers. An answer that is in no table
is unknown, and then the host is read before anything is decided.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import TypeVar

_T = TypeVar("_T")


class Answer(enum.StrEnum):
    DONE = "done"
    NOTHING = "nothing"
    """It came before the first effect: nothing was done, and nothing will be."""
    FAILED = "failed"
    """It ended badly: something may have been done."""
    UNKNOWN = "unknown"
    """It may have been done, or may still be."""


def table(rows: Mapping[Answer, Iterable[_T]]) -> Mapping[_T, Answer]:
    """The table by the far side's words. Raises ValueError if a word has two meanings."""
    found: dict[_T, Answer] = {}
    for answer, sayings in rows.items():
        for said in sayings:
            if found.setdefault(said, answer) is not answer:
                raise ValueError(f"{said!r} means two things")
    return found


def meaning(of: Mapping[_T, Answer], said: _T) -> Answer:
    return of.get(said, Answer.UNKNOWN)
