"""MX sets as values: what a domain says about who takes its mail."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MxSet:
    """`targets` are (preference, exchange) pairs; exchanges are absolute and lower case. `ttl` in seconds."""

    ttl: int
    targets: frozenset[tuple[int, str]]

    def __str__(self) -> str:
        return ", ".join(f"{preference} {name}" for preference, name in sorted(self.targets)) or "(empty)"
