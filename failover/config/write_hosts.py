"""The text of a first hosts.yaml: each value with its evidence; unknown ones are commented out, with how to fill them.

The values come from DNS and from servers. So only values that the models of hosts.yaml take are written, and a comment
cannot be left by any text in it.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from failover.channels import CHANNELS
from failover.channels.kind import Leads, example
from failover.config import hosts as models

WIDTH = 110
NEEDED = {"role", "address", "dns"}
"""A host or domain cannot be loaded without these: if one is odd, the whole block is commented out."""
Value = str | int | Mapping[str, str | int]
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./@-]*|[0-9]{1,3}(\.[0-9]{1,3}){3}")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


@dataclass(frozen=True, slots=True)
class Line:
    """`value` None: not known. Then `example` is written as a comment, and `why` says how to fill it."""

    key: str
    value: Value | None
    why: str = ""
    example: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """One host or domain. `usable` False: it could not be loaded, so all of it is commented out."""

    name: str
    why: str
    lines: tuple[Line, ...]
    usable: bool = True


@dataclass(frozen=True, slots=True)
class Draft:
    """`ssh` are the values of defaults.ssh."""

    head: tuple[str, ...]
    ssh: tuple[Line, ...]
    hosts: tuple[Block, ...]
    domains: tuple[Block, ...]


def text(draft: Draft) -> str:
    return "\n".join(
        [
            *_comment("", *draft.head),
            "version: 1",
            "",
            *_comment("", "Where runs are recorded. PostgreSQL when several controllers share it."),
            "state: sqlite:///failover.db",
            "",
            "defaults:",
            "  ssh:",
            *(row for line in draft.ssh for row in _line("    ", line)),
            "",
            *_section("hosts", draft.hosts, models.Host),
            "",
            *_section("domains", draft.domains, models.Domain),
            "",
            _POLICY,
            *_notify(),
            "",
        ]
    )


_POLICY = """\
policy:
  # observe: look and tell · ask: a person says yes · auto: act, then tell. Trust it first.
  mode: observe
  # What proves that our own network works, outside of the mail hosts:
  # anchors: ["192.0.2.1:53"]
"""


def _notify() -> Iterable[str]:
    """An example of each kind; commented out, unless it is complete."""
    yield from _comment("", "Two channels at least, none through the mail hosts themselves.")
    yield from _comment("", "A URL is a secret: write only where it is kept (env:NAME, file:PATH).")
    yield "notify:"
    for kind in CHANNELS.values():
        yield from _comment("  ", kind.form.__doc__ or "")
        yield f"  {'' if kind.leads is Leads.NOWHERE else '# '}- {example(kind.form)}"


def _section(key: str, blocks: tuple[Block, ...], model: type[BaseModel]) -> Iterable[str]:
    usable = {b.name: b.usable and fits(model, _needed(b)) for b in blocks}
    yield f"{key}:" if any(usable.values()) else f"# {key}:"
    for block in blocks:
        rows = list(_block(block, model))
        yield from rows if usable[block.name] else [f"# {row}".rstrip() for row in rows]


def _needed(block: Block) -> dict[str, Any]:
    return {line.key: line.value for line in block.lines if line.key in NEEDED}


def _block(block: Block, model: type[BaseModel]) -> Iterable[str]:
    yield f"  {scalar(block.name)}:"
    yield from _comment("    ", block.why)
    for line in block.lines:
        fine = line.key in NEEDED or fits(model, {**_needed(block), line.key: line.value})
        odd = Line(line.key, None, f"{line.why}; it is odd, so it is left out", line.example)
        yield from _line("    ", line if fine else odd)


def fits(model: type[BaseModel], value: Mapping[str, Any]) -> bool:
    """Would hosts.yaml take this?"""
    try:
        model.model_validate({k: dict(v) if isinstance(v, Mapping) else v for k, v in value.items() if v is not None})
    except ValidationError:
        return False
    return True


def _line(indent: str, line: Line) -> Iterable[str]:
    yield from _comment(indent, line.why)
    if line.value is not None:
        yield f"{indent}{line.key}: {flow(line.value)}"
    elif line.example:
        yield f"{indent}# {line.key}: {_printable(line.example)}"


def flow(value: Value) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {scalar(v)}" for key, v in value.items()) + "}"
    return scalar(value)


def scalar(value: str | int) -> str:
    """Plain where YAML reads it as the same text, else in double quotes."""
    if isinstance(value, int):
        return str(value)
    return value if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else json.dumps(value)


def _comment(indent: str, *texts: str) -> list[str]:
    rows = (textwrap.wrap(_printable(t), WIDTH - len(indent), break_long_words=False) for t in texts)
    return [f"{indent}# {row}" for wrapped in rows for row in wrapped]


def _printable(said: str) -> str:
    """One line of printable ASCII: so a server's words cannot end the comment that quotes them."""
    return " ".join("".join(c if " " <= c <= "~" else " " for c in said.replace("·", "-").replace("…", "...")).split())
