"""Problems of a file, each at its line and column: found this, write that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from failover.errors import ConfigError

Place = tuple[str | int, ...]
"""The way from the document's root to a value: keys and list indices."""


class Position(NamedTuple):
    """Line and column as editors count them, from 1."""

    line: int
    column: int


class Problem(NamedTuple):
    at: Position
    what: str


def refusal(name: str, problems: Iterable[Problem]) -> ConfigError:
    """One error for all the problems of a file, in the file's order, one line each."""
    lines = [_printable(f"{name}:{p.at.line}:{p.at.column}: {p.what}") for p in sorted(set(problems))]
    which = "the line above" if len(lines) == 1 else "the lines above"
    return ConfigError("\n".join(lines), try_=f"correct {which}; nothing was contacted")


def _printable(text: str) -> str:
    """A file may carry control codes for the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
