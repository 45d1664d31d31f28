"""What is wrong with a file, each at its line and column, in the operator's words: found this, write that."""

from __future__ import annotations

import difflib
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


class Wrong(ValueError):
    """A value that a field will not take; the text says what was found and what to write instead."""


def refusal(name: str, problems: Iterable[Problem]) -> ConfigError:
    """One error for all the problems of a file, in the file's order, one line each."""
    lines = [_printable(f"{name}:{p.at.line}:{p.at.column}: {p.what}") for p in sorted(set(problems))]
    which = "the line above" if len(lines) == 1 else "the lines above"
    return ConfigError("\n".join(lines), try_=f"correct {which}; nothing was contacted")


def _printable(text: str) -> str:
    """What a file holds may be aimed at the terminal that shows it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def meant(word: str, known: Iterable[str]) -> str:
    """`did you mean "address"?`, or all that is known when nothing comes near."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(names)}"


def found(value: object) -> str:
    """The value in words, cut short."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value}"
        case str():
            return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}..."'
        case list():
            return "a list"
        case _:
            return "a mapping"
