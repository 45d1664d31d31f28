"""A message's words as people may see them: what came from a server moves no cursor and starts no line of its own."""

from __future__ import annotations

from failover.core.alerting.alert import SEVERITIES, loudness


def line(text: str, most: int) -> str:
    """One line of printable text, of at most so many characters."""
    return _cut("".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text).strip(), most)


def lines(text: str, most: int) -> str:
    """Printable text with its line ends, of at most so many characters."""
    return _cut("".join(c if c.isprintable() or c == "\n" else "?" for c in text.replace("\r\n", "\n")), most)


def bytes_of(text: str, most: int) -> str:
    """As much of it as UTF-8 has in so many bytes, whole characters."""
    return text.encode()[:most].decode(errors="ignore")


def severity(word: str) -> str:
    """One of the four that receivers know."""
    return SEVERITIES[loudness(word)]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
