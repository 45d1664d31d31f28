"""What the stand-in's services share: AWS's refusals as an exception, and XML written from nested values."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape

Xml = str | int | bool | Iterable["tuple[str, Xml]"]
Rows = Iterable[tuple[str, Xml]]


class AwsError(Exception):
    """A refusal in AWS's words. `status` is the HTTP one."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def xml(tag: str, value: Xml, namespace: str = "") -> str:
    """`value` is text, or (tag, value) pairs in order; an item repeats by its tag."""
    attribute = f' xmlns="{namespace}"' if namespace else ""
    return f"<{tag}{attribute}>{_inner(value)}</{tag}>"


def _inner(value: Xml) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return escape(str(value))
    return "".join(xml(tag, inner) for tag, inner in value)


def document(tag: str, value: Xml, namespace: str = "") -> bytes:
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + xml(tag, value, namespace)).encode()
