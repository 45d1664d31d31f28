"""The closed catalogue of actions, as playbooks write them: each one's `with:` is a typed model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema

from failover.config import references
from failover.core.words import found
from failover.fields import DURATION, HOST_ID, Strict, Wrong, is_hostname, span

LATER: Mapping[str, str] = {
    name: f"{name} is known, but not in this version"
    for name in (
        *("spam.switch", "queue.hold", "queue.release", "smtp.drain"),
        *("approve", "shell"),
    )
}


def _host(value: Any, info: ValidationInfo) -> str:
    if reference := references.whole(value, info, "host"):
        return reference
    if isinstance(value, str) and "${" in value:
        references.within(value, info)
    if isinstance(value, str) and re.fullmatch(HOST_ID, value):
        return value
    raise Wrong(f'{found(value)} is no host; write one of hosts.yaml, such as mx1, or a parameter: "${{sick}}"')


def _subject(value: Any, info: ValidationInfo) -> str:
    """By the signal, which stands before it in every model: `dns.…` is looked at on a domain."""
    return (_domain if str(info.data.get("signal", "")).startswith("dns.") else _host)(value, info)


def _span(value: Any, info: ValidationInfo) -> float | str:
    return references.whole(value, info, "duration") or span(value)


def _batch(value: Any, info: ValidationInfo) -> int | str:
    if reference := references.whole(value, info, "number"):
        return reference
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 10_000:
        return value
    raise Wrong(f"{found(value)} is no batch; write a whole number from 1 to 10000")


def _filter(value: Any, info: ValidationInfo) -> str:
    if reference := references.whole(value, info, "string"):
        return reference
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}", value):
        return value
    raise Wrong(f"{found(value)} is no transport of master.cf; write one such as spamassassin")


def _domain(value: Any, info: ValidationInfo) -> str:
    if reference := references.whole(value, info, "domain"):
        return reference
    if isinstance(value, str) and is_hostname(value) and "." in value:
        return value
    raise Wrong(f'{found(value)} is no domain; write one of hosts.yaml, such as example.net, or "${{domain}}"')


def _size(value: Any, info: ValidationInfo) -> str:
    if reference := references.whole(value, info, "string"):
        return reference
    if isinstance(value, str) and re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}\.[a-z0-9-]{1,30}", value):
        return value
    raise Wrong(f"{found(value)} is no instance type; write one such as m5.4xlarge")


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, list) and value and all(isinstance(n, str) and is_hostname(n) and "." in n for n in value):
        return tuple(value)
    raise Wrong(f"{found(value)} is no list of names; write [mx2a.example.net, mx2b.example.net]")


def _unit(value: Any, info: ValidationInfo) -> str:
    if reference := references.whole(value, info, "string"):
        return reference
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9@_.:-]{0,127}", value):
        return value
    raise Wrong(f"{found(value)} is no service; write postfix, or a spam filter's unit of hosts.yaml such as spamd")


def _said(value: Any, info: ValidationInfo) -> str:
    if isinstance(value, str) and value.strip():
        return references.within(value, info)
    raise Wrong(f"{found(value)} is no text; write a sentence")


_A_TEXT = WithJsonSchema({"type": "string", "minLength": 1})

HostRef = Annotated[str, PlainValidator(_host), WithJsonSchema({"type": "string", "examples": ["${sick}", "mx1"]})]
SubjectRef = Annotated[
    str, PlainValidator(_subject), WithJsonSchema({"type": "string", "examples": ["${sick}", "mx1"]})
]
"""What a signal is looked at on: a host, or a domain for `dns.mx`."""
SpanRef = Annotated[
    float | str,
    PlainValidator(_span),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": DURATION}, {"type": "string", "pattern": r"^\$\{[^}]+\}$"}]}
    ),
]
Said = Annotated[str, PlainValidator(_said), _A_TEXT]
"""Text for people, in which references are replaced."""
_Batch = Annotated[
    int | str, PlainValidator(_batch), WithJsonSchema({"type": ["integer", "string"], "minimum": 1, "maximum": 10_000})
]
_Filter = Annotated[str, PlainValidator(_filter), _A_TEXT]
_UnitName = Annotated[str, PlainValidator(_unit), _A_TEXT]
DomainRef = Annotated[
    str, PlainValidator(_domain), WithJsonSchema({"type": "string", "examples": ["${domain}", "example.net"]})
]
_Size = Annotated[str, PlainValidator(_size), _A_TEXT]
_Names = Annotated[
    tuple[str, ...],
    PlainValidator(_names),
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "minItems": 1}),
]
_DOMAIN = Field(description="The domain whose MX it is; one, named.", examples=['"${domain}"'])
_HOST = Field(description="The host that it works on; one, named.", examples=['"${sick}"'])


class Bypass(Strict):
    """Takes the spam filter out of the mail's path, for a time."""

    host: HostRef = _HOST
    mode: Literal["pass"] = Field(description="pass: mail goes on unscanned.", examples=["pass"])
    expires: SpanRef = Field(description="After this the filter is due to be put back.", examples=["4h"])
    filter: _Filter | None = Field(default=None, description="Its transport in master.cf, where there are several.")


class Restore(Strict):
    """Puts the spam filter back."""

    host: HostRef = _HOST


class Requeue(Strict):
    """Submits queued mail anew, so that it forgets the filter it was fixed to."""

    host: HostRef = _HOST
    only: Literal["frozen"] = Field(description="frozen: only mail that is fixed to a filter.", examples=["frozen"])
    batch: _Batch = Field(default=200, description="So many at a time.")


class Flush(Strict):
    """Tries the delivery of all queued mail at once."""

    host: HostRef = _HOST


class Prefer(Strict):
    """Has senders try another MX of a domain first."""

    domain: DomainRef = _DOMAIN
    to: HostRef = Field(description="The host that shall be tried first.", examples=['"${to}"'])
    mode: Literal["overlay", "swap", "weighted"] = Field(
        default="overlay",
        description="overlay: one better record more; swap: preferences exchanged; weighted: names beside the best.",
    )
    names: _Names | None = Field(default=None, description="weighted: the names of the host, two or more.")
    preference: Annotated[int, Field(ge=0, le=65_535)] | None = Field(
        default=None, description="overlay: the preference of the record; else one better than the best."
    )
    new: bool = Field(default=False, description="The MX need not be published yet.")
    expires: SpanRef | None = Field(default=None, description="After this it is due to be taken back.")


class Ttl(Strict):
    """Sets the TTL of a domain's MX records."""

    domain: DomainRef = _DOMAIN
    ttl: SpanRef = Field(description="How long senders may remember them.", examples=["60s"])


class Resize(Strict):
    """Stops the host's cloud machine, gives it another size, and starts it."""

    host: HostRef = _HOST
    size: _Size = Field(description="The instance type that it shall have.", examples=["m5.4xlarge"])
    traffic: Literal["accepted"] | None = Field(
        default=None, description="accepted: it may be interrupted though senders try it first, or nobody can tell."
    )
    expires: SpanRef | None = Field(default=None, description="After this it is due to be taken back.")


class RestartService(Strict):
    """Restarts a service that hosts.yaml names."""

    host: HostRef = _HOST
    unit: _UnitName = Field(description="postfix, or the unit of a spam filter.", examples=["postfix", "spamd"])


class RestartContainer(Strict):
    """Starts the mail handler's container that hosts.yaml names, anew where it runs."""

    host: HostRef = _HOST


class Notify(Strict):
    """Tells people, on every channel of hosts.yaml."""

    text: Said = Field(description="What they read.", examples=['"spam is not scanned on ${sick}"'])
    severity: Literal["info", "warning", "critical"] = "warning"


class Wait(Strict):
    """Waits."""

    for_: SpanRef = Field(alias="for", description="How long.", examples=["2m"])
