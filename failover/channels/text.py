"""The text of a message, made safe: a server's words move no cursor and begin no line."""

from __future__ import annotations

from failover.core.alerting.alert import SEVERITIES, loudness


def line(text: str, most: int) -> str:
    """One line of printable text, of at most so many characters."""
    return _cut("".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text).strip(), most)


def lines(text: str, most: int) -> str:
    """Printable text with its line ends, of at most so many characters."""
    return _cut("".join(c if c.isprintable() or c == "\n" else "?" for c in text.replace("\r\n", "\n")), most)


def bytes_of(text: str, most: int) -> str:
    """As many whole characters as fit into so many bytes of UTF-8."""
    return text.encode()[:most].decode(errors="ignore")


def severity(word: str) -> str:
    """One of the four severities that receivers know."""
    return SEVERITIES[loudness(word)]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
