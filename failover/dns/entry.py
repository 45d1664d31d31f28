"""A provider's entry in the registry: its part of hosts.yaml, and its draft for `failover init`."""

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
    """A domain's zone as DNS shows it. `mname`: the primary by the SOA. `answers`: its answer to us, in words."""

    domain: str
    name: str
    servers: tuple[str, ...]
    mname: str
    address: str | None
    answers: str


@dataclass(frozen=True, slots=True)
class Drafted:
    """The `dns:` of a domain in a first hosts.yaml, with the reason. `usable` False: it is commented out.

    `tries`: how the right to change the MX is tested, in words; empty: it is not tested.
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

    `example`: as hosts.yaml takes it. `serves`: do the name servers of a zone show this provider? `at_odds`: keys that
    contradict each other in the plain values, each with what to write.
    """

    model: type[Strict]
    provider: Callable[[Any, Path], Provider]
    example: Mapping[str, str | int]
    draft: Callable[[Found, Mapping[str, str]], Drafted]
    serves: Callable[[Found], bool] = _no_zone
    at_odds: Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]] = _nothing

    @property
    def text(self) -> str:
        """The example as a line of hosts.yaml."""
        plain = re.compile(r"[A-Za-z0-9_.-]+")
        rows = (f"{k}: {v if plain.fullmatch(str(v)) else json.dumps(v)}" for k, v in self.example.items())
        return f"{{{', '.join(rows)}}}"

    def chosen(self, given: Mapping[str, str]) -> dict[str, str]:
        """The given keys that this provider has."""
        return {k: v for k, v in given.items() if k in self.model.model_fields}
