"""Times and words as they stand in the state store's columns."""

from __future__ import annotations

from datetime import UTC, datetime


def text(at: datetime) -> str:
    """UTC with all six digits, so that the order of the texts is the order of the times."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def clean(words: str) -> str:
    """A command line may hold bytes that are no UTF-8, which no database takes."""
    return words.encode("utf-8", "backslashreplace").decode().replace("\0", "")
