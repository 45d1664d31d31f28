"""Small helpers for what people and machines read: aligned columns, colour on a terminal only, one JSON document."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "magenta": "35", "bold": "1", "dim": "2"}


def coloured() -> bool:
    """A terminal that wants colour (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str) -> str:
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if coloured() else text


LONG = 60
"""A longer cell sticks out, so that it does not push a column off the screen."""


def table(rows: Sequence[Sequence[str]], *, indent: str = "  ") -> list[str]:
    """Aligned columns, three blanks apart, without trailing blanks."""
    columns = zip(*rows, strict=True) if rows else ()
    widths = [max((len(cell) for cell in column if len(cell) <= LONG), default=0) for column in columns]
    lines = ("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return [indent + line.rstrip() for line in lines]


def json_text(document: dict[str, Any]) -> str:
    return json.dumps({"version": 1, **document}, indent=2)


def print_json(document: dict[str, Any]) -> None:
    """The one thing on stdout."""
    print(json_text(document))


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Shown on stderr while it lasts, on a terminal only."""
    if not sys.stderr.isatty():
        yield
        return
    print(text, end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
