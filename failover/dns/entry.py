"""A provider's entry in the registry: its part of hosts.yaml, and what `failover init` writes there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from failover.fields import Strict
from failover.ports import Provider


@dataclass(frozen=True, slots=True)
class Found:
    """A domain's zone as DNS shows it. `mname`: the primary as the SOA names it. `answers`: how it answered us, in
    words."""

    domain: str
    name: str
    servers: tuple[str, ...]
    mname: str
    address: str | None
    answers: str


@dataclass(frozen=True, slots=True)
class Drafted:
    """The `dns:` of a domain in a first hosts.yaml, and why it stands there. `usable` False: it is commented out.

    `tries`: how it is tried whether it may change the MX, in words; empty: it is not tried.
    """

    value: Mapping[str, str | int]
    zone: str
    why: str
    example: str = ""
    usable: bool = True
    tries: str = ""


def _no_zone(_: Found) -> bool:
    return False


def _nothing(_: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    return ()


@dataclass(frozen=True, slots=True)
class Entry:
    """`model` is the domain's `dns:` in hosts.yaml, `provider` makes its value, with paths relative to a folder.

    `example` is one as hosts.yaml takes it. `serves`: does a zone show that it is kept there? `at_odds`: keys that
    contradict each other, each with what to write, looked for in the plain values.
    """

    model: type[Strict]
    provider: Callable[[Any, Path], Provider]
    example: Mapping[str, str | int]
    draft: Callable[[Found, Mapping[str, str]], Drafted]
    serves: Callable[[Found], bool] = _no_zone
    at_odds: Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]] = _nothing

    @property
    def text(self) -> str:
        """The example as a line of hosts.yaml has it."""
        plain = re.compile(r"[A-Za-z0-9_.-]+")
        rows = (f"{k}: {v if plain.fullmatch(str(v)) else json.dumps(v)}" for k, v in self.example.items())
        return f"{{{', '.join(rows)}}}"

    def chosen(self, given: Mapping[str, str]) -> dict[str, str]:
        """Of what was given for any provider: what this one has a word for."""
        return {k: v for k, v in given.items() if k in self.model.model_fields}
