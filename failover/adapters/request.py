"""A request over HTTPS, and the secrets in it. Loads no HTTP library."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from failover.adapters.secrets import resolve
from failover.errors import ConfigError

if TYPE_CHECKING:
    from urllib3.util import Url

_LOOPBACK = {"127.0.0.1", "[::1]", "localhost"}
REFERENCES = ("file:", "env:", "cred:")


@dataclass(frozen=True, slots=True)
class Request:
    """POST of a JSON document, or GET when there is none, unless `method` says otherwise. `taken`: the status
    codes of success; `fix`: what to try after another one."""

    url: Url = field(repr=False)
    document: Mapping[str, Any] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    taken: Container[int] = range(200, 300)
    fix: str = "check the URL: redirects count too"
    method: str = ""


def url_of(given: str, what: str) -> Url:
    """The URL, or the one that a reference leads to. Raises ConfigError unless it is https, or http to this machine."""
    from urllib3.exceptions import LocationParseError
    from urllib3.util import Url, parse_url

    try:
        url = parse_url(resolve(given).strip() if given.startswith(REFERENCES) else given)
    except LocationParseError:
        url = Url()
    if url.host and (url.scheme == "https" or (url.scheme == "http" and url.host in _LOOPBACK)):
        return url
    raise ConfigError(
        f"{what}'s URL is not an https URL (not shown, since it is a secret)",
        try_='write `url: "https://…"`, or a reference to one: `env:NAME`, `file:PATH`',
    )


def secret(reference: str) -> str:
    """The secret of a reference, fit for a header: one word of visible ASCII. Raises ConfigError, without it."""
    value = resolve(reference).strip()
    if value and value.isascii() and value.isprintable() and " " not in value:
        return value
    raise ConfigError(
        f"{reference} is not one word of plain ASCII (not shown)", try_="write the secret there, alone in one line"
    )
