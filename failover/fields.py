"""The types of values in files. Names and addresses become arguments of commands, so odd ones are refused here."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

from failover.core.fleet import Endpoint
from failover.core.words import found, seconds

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOSTNAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*", re.DOTALL)
_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|cred:[A-Za-z0-9_][A-Za-z0-9_.-]*|file:[^\x00-\x1f]+")
DURATION = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$"


class Wrong(ValueError):
    """A wrong value; the text says what was found and what to write instead."""


class Strict(BaseModel):
    """No unknown keys, no conversions: a value is what it looks like."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    hides: ClassVar[bool] = False
    """Its values may be secrets, written inline by mistake: errors do not show them."""


def shaped(pattern: str, what: str) -> AfterValidator:
    """Text that matches the pattern as a whole; `what` names it and gives an example."""
    whole = re.compile(pattern)

    def check(text: str) -> str:
        if not whole.fullmatch(text):
            raise Wrong(f"{found(text)} is no {what}")
        return text

    return AfterValidator(check)


def is_hostname(text: str) -> bool:
    """RFC 1123, lower case; an address is none."""
    return bool(_HOSTNAME.fullmatch(text)) and not text.rpartition(".")[2].isdigit()


def _hostname(text: str) -> str:
    if is_hostname(text) and "." in text:
        return text
    if is_hostname(better := text.rstrip(".").lower()) and "." in better:
        raise Wrong(f"{found(text)} is not written as expected; write {better}")
    hint = " (names in other scripts: their xn-- form)" if not text.isascii() else ""
    raise Wrong(f"{found(text)} is no host name; write one such as mx1.example.net{hint}")


def _address(text: str) -> str:
    if is_hostname(text) or _is_ip(text):
        return text
    raise Wrong(f"{found(text)} is no address; write an IP address or a host name, such as 192.0.2.11")


def _is_ip(text: str) -> bool:
    try:
        return "%" not in text and bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def _endpoint(value: Any) -> Endpoint:
    shape = (
        re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+)):([0-9]{1,5})", value) if isinstance(value, str) else None
    )
    if (
        shape
        and 0 < int(shape[3]) < 65536
        and (_is_ip(shape[1]) if shape[1] else is_hostname(shape[2]) or _is_ip(shape[2]))
    ):
        return Endpoint(shape[1] or shape[2], int(shape[3]))
    raise Wrong(f'{found(value)} is no address with port; write one such as "127.0.0.1:783" or "[::1]:783", in quotes')


def span(value: Any) -> float:
    """Text such as `90s` in seconds. Raises Wrong."""
    if isinstance(value, str) and (secs := seconds(value)):
        return secs
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise Wrong(f"{found(value)} has no unit; write it as a duration: {value}s, or {value}m (ms, s, m, h, d)")
    raise Wrong(f"{found(value)} is no duration; write one such as 90s, 10m or 4h (ms, s, m, h, d)")


def _secret(text: str) -> str:
    if not _REFERENCE.fullmatch(text):
        raise Wrong(
            "a secret is written here itself (not shown); write where it is kept: "
            '"file:/etc/failover/tsig", "env:FAILOVER_TSIG" or "cred:tsig"'
        )
    return text


def is_reference(text: str) -> bool:
    """Is it a reference to a secret, and not the secret?"""
    return bool(_REFERENCE.fullmatch(text))


def _secret_url(url: str) -> str:
    if is_reference(url) or re.fullmatch(r"https://[^\s]+|http://(127\.0\.0\.1|localhost|\[::1\])[:/][^\s]*", url):
        return url
    raise Wrong('this is no webhook (not shown); write "https://…", or where it is kept: "env:NAME", "file:PATH"')


def _path(text: str) -> str:
    if not text or not text.isprintable():
        raise Wrong(f"{found(text)} is no path; write one such as /etc/failover/id_ed25519")
    return text


def _text(text: str) -> str:
    if not text.strip():
        raise Wrong("the text is empty; write a sentence")
    return text


def inside(path: str, folder: Path) -> str:
    """The absolute path; a relative one is in `folder`."""
    return str(folder / Path(path).expanduser())


def reference(text: str, folder: Path) -> str:
    """A secret's reference, the path of `file:` made absolute; a plain value as it is."""
    return f"file:{inside(text[5:], folder)}" if text.startswith("file:") else text


def _schema(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


Hostname = Annotated[str, AfterValidator(_hostname)]
Address = Annotated[str, AfterValidator(_address)]
EndpointText = Annotated[Endpoint, PlainValidator(_endpoint), _schema(":[0-9]+$", "127.0.0.1:783")]
Span = Annotated[float, PlainValidator(span), _schema(DURATION, "10m")]
Secret = Annotated[str, AfterValidator(_secret)]
SecretUrl = Annotated[str, AfterValidator(_secret_url)]
"""The URL of a channel or heartbeat, or a reference to it: whoever knows it may use it."""
HTTPS = r"https://[^\s/?#]+|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?"
"""A URL up to its path; http only to this machine."""
PathText = Annotated[str, AfterValidator(_path)]
Text = Annotated[str, AfterValidator(_text)]
Port = Annotated[int, Field(ge=1, le=65535)]
HOST_ID = r"(?!controller$)[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?"
"""`controller` is a vantage's name, so no host may have it."""
HostId = Annotated[str, shaped(HOST_ID, "name for a host; write one such as mx1")]
PlaybookId = Annotated[
    str, shaped(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", "playbook name; write one such as spam-filter-hung")
]
