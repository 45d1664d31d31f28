"""Numbers, spans and values as people read them, and the playbook's durations as numbers."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def seconds(text: str) -> float | None:
    """`90s`, `10m`, `4h`, `1h30m` as seconds; None when it is no duration."""
    parts = _DURATION.findall(text)
    if not parts or "".join(n + u for n, u in parts) != text.strip():
        return None
    return sum(float(n) * _UNITS[u] for n, u in parts)


def duration(secs: float) -> str:
    """Two units at most: `12 ms`, `5 s`, `3 min 10 s`, `4 h`."""
    if secs < 1:
        return f"{secs * 1000:.0f} ms"
    whole = round(secs)
    for size, unit, sub, subunit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // sub
            return f"{whole // size} {unit}" + (f" {rest} {subunit}" if rest else "")
    return f"{number(round(secs, 1))} s"


def number(value: float) -> str:
    return f"{value:g}" if abs(value) < 1e6 else f"{value:.0f}"


def count(n: float, one: str, many: str | None = None) -> str:
    """`1 message`, `412 messages`."""
    return f"{number(n)} {one if n == 1 else many or one + 's'}"


def meant(word: str, known: Iterable[str]) -> str:
    """`did you mean "address"?`, or all known words if none is near."""
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
