"""Times and words as they stand in the state store's columns."""

from __future__ import annotations

from datetime import UTC, datetime


def text(at: datetime) -> str:
    """UTC with all six digits, so that the order of the texts is the order of the times."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def time(text: str) -> datetime:
    """Raises ValueError, TypeError: also for a time of nowhere, which cannot be compared with another."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r:.40} says no zone")
    return at


def words(value: object) -> str:
    """Raises TypeError."""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where words belong")
    return value


def number(value: object) -> int:
    """Raises TypeError."""
    if not isinstance(value, int):
        raise TypeError(f"{type(value).__name__} where a number belongs")
    return value


def clean(words: str) -> str:
    """A command line may hold bytes that are no UTF-8, which no database takes."""
    return words.encode("utf-8", "backslashreplace").decode().replace("\0", "")
