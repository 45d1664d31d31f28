"""Plans as JSON and back, exactly: `loads(dumps(plan)) == plan`, with the same fingerprint.

Driven by the annotations of the core's dataclasses, so a new field needs
nothing here. A condition is tagged with its `type`, since All and Any have the
same fields. An unknown field is refused, never dropped.
"""

from __future__ import annotations

import enum
import json
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from failover.core.observe.condition import Condition
from failover.core.runs.plan import Plan
from failover.errors import ConfigError

_TAGGED = get_args(Condition)
_UNIONS = (Union, types.UnionType)


def dumps(plan: Plan) -> str:
    return json.dumps(_encode(plan), separators=(",", ":"))


def loads(text: str) -> Plan:
    """Raises ConfigError for a plan that this version does not understand."""
    try:
        plan = _decode(Plan, json.loads(text))
    except (KeyError, TypeError, ValueError, RecursionError, OverflowError) as e:
        raise ConfigError(
            f"this is no plan that this version of failover understands: {e}",
            try_="use the version that wrote it",
        ) from e
    assert isinstance(plan, Plan)
    return plan


def _encode(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        tag = {"type": type(value).__name__} if isinstance(value, _TAGGED) else {}
        return tag | {f.name: _encode(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {k: _encode(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(v) for v in value]
    return value


def _decode(hint: Any, value: Any) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if origin in _UNIONS:
        return _decode(_member(args, value), value)
    if origin is tuple and isinstance(value, list):
        return tuple(_decode(args[0], v) for v in value)
    if origin is Mapping and isinstance(value, dict):
        return {k: _decode(args[1], v) for k, v in value.items()}
    if is_dataclass(hint) and isinstance(value, dict):
        return _decode_fields(hint, value)
    if isinstance(hint, enum.EnumType):
        return hint(value)
    # An int stays an int where a float is declared: the fingerprint tells 50 from 50.0.
    if type(value) is hint or (hint is float and type(value) is int):
        return value
    raise ValueError(f"{value!r:.60} where {getattr(hint, '__name__', hint)} belongs")


def _decode_fields(cls: Any, value: dict[str, Any]) -> Any:
    hints = _hints(cls)
    given = {k: v for k, v in value.items() if not (k == "type" and cls in _TAGGED)}
    if unknown := given.keys() - hints.keys():
        raise ValueError(f"{cls.__name__} has no {', '.join(sorted(unknown))}")
    return cls(**{k: _decode(hints[k], v) for k, v in given.items()})


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


def _member(members: tuple[Any, ...], value: Any) -> Any:
    """The member of a union that fits this value; None if none does."""
    if isinstance(value, dict):
        return next((m for m in members if isinstance(m, type) and m.__name__ == value.get("type")), None)
    if isinstance(value, list):
        return next((m for m in members if get_origin(m) is tuple), None)
    wanted = types.NoneType if value is None else type(value)
    if wanted in members:
        return wanted
    return next((m for m in members if m is float or isinstance(m, enum.EnumType)), None)
