"""Pydantic's errors → problems at their place in the file, each with what to write instead."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError

from failover.config.problems import Place, Problem
from failover.config.source import Source
from failover.core.words import found, meant
from failover.fields import Wrong

_SECRET = {"key", "url", "token", "state"}
"""Values that may be secrets written inline by mistake; never repeated."""

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "list_type": "a list ([...], or lines that begin with -)",
}
_LIMITS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def explain(error: ValidationError, source: Source, model: type[BaseModel], later: Mapping[str, str]) -> list[Problem]:
    """One problem per error. `later` maps known words that this version cannot do to what to do instead."""
    spoiled = {p.at for p in source.problems}
    problems = [_problem(e, source, model, later) for e in error.errors(include_url=False)]
    return [p for p in problems if p.at not in spoiled]


def _problem(error: Any, source: Source, model: type[BaseModel], later: Mapping[str, str]) -> Problem:
    kind, loc, ctx, value = error["type"], tuple(error["loc"]), error.get("ctx", {}), error["input"]
    place = _place(loc, source.value)
    hidden = bool(place) and (place[-1] in _SECRET or getattr(_type_at(model, loc[:-1]), "hides", False))
    shown = "a value that is not shown here" if hidden else found(value)
    name = _name(place)
    if kind == "missing":
        add = _example(_type_at(model, loc[:-1]), str(loc[-1]))
        return Problem(source.where(place), f'{name} lacks "{loc[-1]}"; add {add}')
    if kind == "extra_forbidden":
        hint = later.get(str(loc[-1])) or meant(str(loc[-1]), _keys(_type_at(model, loc[:-1])))
        return Problem(source.where(place), f'unknown key "{loc[-1]}" in {_name(place[:-1])}; {hint}')
    at = source.values.get(place) or source.where(place)
    if kind == "value_error" and isinstance(ctx.get("error"), Wrong):
        return Problem(at, str(ctx["error"]))
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        return _tag(place, ctx, source, later, _tags(_type_at(model, loc), ctx["discriminator"].strip("'")))
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", ctx["expected"]) or [ctx["expected"]]
        write = f"write {known[0]}" if len(known) == 1 else meant(str(value), known)
        return Problem(at, f"{name} is {shown}; {later.get(str(value), write)}")
    if kind == "too_short":
        return Problem(at, f"{name} is empty; write at least one entry")
    if limit := next((k for k in _LIMITS if k in ctx), None):
        return Problem(at, f"{name} is {shown}; write {_LIMITS[limit]} {ctx[limit]:g}")
    bare = kind == "string_type" and isinstance(value, int | float)
    quotes = ", in quotes" + ("" if hidden else f': "{value}"') if bare else ""
    return Problem(at, f"{name} is {shown}; write {_WANTED.get(kind, error['msg'])}{quotes}")


def _tag(place: Place, ctx: Mapping[str, Any], source: Source, later: Mapping[str, str], known: list[str]) -> Problem:
    """The key that names the model (kind, action) is missing or unknown."""
    key = ctx["discriminator"].strip("'")
    if "tag" not in ctx:
        return Problem(source.where(place), f'{_name(place)} lacks "{key}"; add one of {", ".join(known)}')
    hint = later.get(ctx["tag"]) or meant(ctx["tag"], known)
    return Problem(source.values[(*place, key)], f'{key} is "{ctx["tag"]}"; {hint}')


def _place(loc: tuple[str | int, ...], value: Any) -> Place:
    """Pydantic's location without what is not in the file: union tags, and a missing key."""
    place: list[str | int] = []
    for part in loc:
        if _holds(value, part):
            value = value[part]
            place.append(part)
    return tuple(place)


def _holds(value: Any, part: str | int) -> bool:
    if isinstance(part, int):
        return isinstance(value, list) and part < len(value)
    return isinstance(value, dict) and part in value


def _name(place: Place) -> str:
    return "".join(f"[{p + 1}]" if isinstance(p, int) else f".{p}" for p in place).lstrip(".") or "the file"


def _type_at(type_: Any, loc: tuple[str | int, ...]) -> Any:
    """The model (or other type) that pydantic was filling at `loc`."""
    for part in loc:
        type_ = _inside(_bare(type_), part)
    return _bare(type_)


def _bare(type_: Any) -> Any:
    """Without `Annotated` and `| None`."""
    if get_origin(type_) is Annotated:
        return _bare(get_args(type_)[0])
    if get_origin(type_) in {Union, types.UnionType}:
        rest = [a for a in get_args(type_) if a is not type(None)]
        return _bare(rest[0]) if len(rest) == 1 else type_
    return type_


def _inside(type_: Any, part: str | int) -> Any:
    if isinstance(type_, type) and issubclass(type_, BaseModel):
        return next((f.annotation for n, f in type_.model_fields.items() if part in {n, f.alias}), None)
    if get_origin(type_) in {Union, types.UnionType}:
        return next((a for a in get_args(type_) if _is_tagged(a, part)), None)
    return get_args(type_)[-1] if get_origin(type_) in {dict, list} else None


def _is_tagged(type_: Any, tag: str | int) -> bool:
    if get_origin(type_) is Annotated:
        return any(isinstance(m, Tag) and m.tag == tag for m in type_.__metadata__)
    literals = [f.annotation for f in type_.model_fields.values() if get_origin(f.annotation) is Literal]
    return any(tag in get_args(a) for a in literals)


def _tags(union: Any, key: str) -> list[str]:
    return [tag for model in get_args(union) for tag in get_args(model.model_fields[key].annotation)]


def _keys(type_: Any) -> list[str]:
    return [f.alias or n for n, f in type_.model_fields.items()] if hasattr(type_, "model_fields") else []


def _example(type_: Any, key: str) -> str:
    """The example of the model's field."""
    for name, field in getattr(type_, "model_fields", {}).items():
        if key in {name, field.alias} and field.examples:
            return f"`{key}: {field.examples[0]}`"
    return f"`{key}: …`"
