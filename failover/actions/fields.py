"""The kinds of value in a `with:`. In a playbook's file each is a value or a reference such as `${sick}`.

A file is checked with its parameters as the context (`declared`). Without a context the values are bound: there are no
references, and a span is in seconds. A verb sees only these, so they give the types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema

from failover.core.runs.bind import HOST_FIELDS, HOST_REFERENCE, REFERENCE
from failover.core.words import found, meant
from failover.fields import DURATION, HOST_ID, Strict, Wrong, is_hostname, span


def declared(playbook: Any) -> Mapping[str, str]:
    """Name → type of the parameters in a playbook's plain values, as far as they can be read."""
    params = playbook.get("params") if isinstance(playbook, dict) else None
    items = params.items() if isinstance(params, dict) else ()
    return {k: str(p.get("type", "string")) if isinstance(p, dict) else "string" for k, p in items}


def whole(value: Any, info: ValidationInfo, *types: str) -> str | None:
    """The value if it is one whole reference, of one of these types; None when it is none. Raises Wrong."""
    if info.context is None or not isinstance(value, str) or not (match := REFERENCE.fullmatch(value)):
        return None
    type_ = _type(match[1], info.context)
    if type_ not in types:
        raise Wrong(f"{value} is a {type_}; a {' or '.join(types)} is needed here")
    return value


def within(text: str, info: ValidationInfo) -> str:
    """The text, after every reference in it was checked. Raises Wrong."""
    if info.context is None:
        return text
    for match in REFERENCE.finditer(text):
        _type(match[1], info.context)
    if "${" in REFERENCE.sub("", text):
        raise Wrong(f"{found(text)} has a reference that is not closed; write ${{name}}")
    return text


def _type(name: str, params: Mapping[str, str]) -> str:
    if name in params:
        return params[name]
    if name.startswith("steps."):
        raise Wrong(f"${{{name}}} is known, but not in this version; leave it out")
    if host := HOST_REFERENCE.fullmatch(name):
        if host["field"] in HOST_FIELDS:
            return "host" if host["field"] == "name" else "string"
        raise Wrong(f'${{{name}}}: a host has no "{host["field"]}"; {meant(host["field"], HOST_FIELDS)}')
    hint = meant(name, params) if params else "declare it under params"
    raise Wrong(f"${{{name}}} names no parameter; {hint}")


def matched(pattern: str, what: str) -> PlainValidator:
    """A text that matches as a whole, or a parameter; `what` names it and gives an example."""
    shape = re.compile(pattern)

    def check(value: Any, info: ValidationInfo) -> str:
        if reference := whole(value, info, "string"):
            return reference
        if isinstance(value, str) and shape.fullmatch(value):
            return value
        raise Wrong(f"{found(value)} is no {what}")

    return PlainValidator(check)


def host(value: Any, info: ValidationInfo) -> str:
    if reference := whole(value, info, "host"):
        return reference
    if isinstance(value, str) and "${" in value:
        within(value, info)
    if isinstance(value, str) and re.fullmatch(HOST_ID, value):
        return value
    raise Wrong(f'{found(value)} is no host; write one of hosts.yaml, such as mx1, or a parameter: "${{sick}}"')


def domain(value: Any, info: ValidationInfo) -> str:
    if reference := whole(value, info, "domain"):
        return reference
    if isinstance(value, str) and is_hostname(value) and "." in value:
        return value
    raise Wrong(f'{found(value)} is no domain; write one of hosts.yaml, such as example.net, or "${{domain}}"')


def _span(value: Any, info: ValidationInfo) -> float | str:
    if info.context is None and isinstance(value, int | float):
        return value
    return whole(value, info, "duration") or span(value)


def _said(value: Any, info: ValidationInfo) -> str:
    if info.context is None and isinstance(value, int | float):  # a whole reference keeps its type
        return str(value)
    if isinstance(value, str) and value.strip():
        return within(value, info)
    raise Wrong(f"{found(value)} is no text; write a sentence")


A_TEXT = WithJsonSchema({"type": "string", "minLength": 1})
A_HOST = WithJsonSchema({"type": "string", "examples": ["${sick}", "mx1"]})

HostRef = Annotated[str, PlainValidator(host), A_HOST]
DomainRef = Annotated[
    str, PlainValidator(domain), WithJsonSchema({"type": "string", "examples": ["${domain}", "example.net"]})
]
SpanRef = Annotated[
    float,
    PlainValidator(_span),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": DURATION}, {"type": "string", "pattern": r"^\$\{[^}]+\}$"}]}
    ),
]
Said = Annotated[str, PlainValidator(_said), A_TEXT]
"""Text for people, in which references are replaced."""


class OnHost(Strict):
    host: HostRef = Field(description="The host that it works on; one, named.", examples=['"${sick}"'])


class OnDomain(Strict):
    domain: DomainRef = Field(description="The domain whose MX it is; one, named.", examples=['"${domain}"'])
