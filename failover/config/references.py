"""`${name}` and `${hosts.mx1.address}` as they stand in a playbook, checked before any fleet is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationInfo

from failover.core.bind import HOST_FIELDS, HOST_REFERENCE, REFERENCE
from failover.core.words import found, meant
from failover.fields import Wrong


def declared(playbook: Any) -> Mapping[str, str]:
    """Name → type of the parameters in a playbook's plain values, as far as they can be read."""
    params = playbook.get("params") if isinstance(playbook, dict) else None
    items = params.items() if isinstance(params, dict) else ()
    return {k: str(p.get("type", "string")) if isinstance(p, dict) else "string" for k, p in items}


def whole(value: Any, info: ValidationInfo, *types: str) -> str | None:
    """The value if it is one whole reference, of one of these types; None when it is none. Raises Wrong."""
    if not isinstance(value, str) or not (match := REFERENCE.fullmatch(value)):
        return None
    type_ = _type(match[1], info.context or {})
    if type_ not in types:
        raise Wrong(f"{value} is a {type_}; a {' or '.join(types)} is needed here")
    return value


def within(text: str, info: ValidationInfo) -> str:
    """The text, after every reference in it was checked. Raises Wrong."""
    for match in REFERENCE.finditer(text):
        _type(match[1], info.context or {})
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
