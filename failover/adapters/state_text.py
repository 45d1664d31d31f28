"""Times and words in the state store's columns."""

from __future__ import annotations

from datetime import UTC, datetime


def text(at: datetime) -> str:
    """UTC with six digits: the texts sort as the times do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def time(text: str) -> datetime:
    """Raises ValueError, TypeError; also for a time without a zone, which cannot be compared."""
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
    """A command line may hold bytes that are not UTF-8; no database takes them."""
    return words.encode("utf-8", "backslashreplace").decode().replace("\0", "")
