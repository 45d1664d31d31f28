"""The rows of tests/cases/wirings.yaml."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.scenarios.posting import KINDS

TABLE = Path(__file__).parents[1] / "cases" / "wirings.yaml"
LISTS = ("hangs", "spoils", "ports")


@dataclass(frozen=True, slots=True)
class Row:
    """What each field means is said in the table."""

    wiring: str
    file: str
    about: str
    cured: str = ""
    refused: str = ""
    hangs: tuple[str, ...] = ()
    spoils: tuple[str, ...] = ()
    ports: tuple[int, ...] = (25,)
    postfix: dict[str, str] = field(default_factory=dict)
    holds_senders: bool = False
    waits: str = ""

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(kind for kind in KINDS if kind not in self.spoils)


def rows(file: str | None = None) -> list[Row]:
    """In the table's order; of one test file, or all. Raises TypeError for a word that no row has."""
    return [row for row in map(_row, yaml.safe_load(TABLE.read_text())) if file in {None, row.file}]


def _row(words: dict[str, Any]) -> Row:
    given: dict[str, Any] = {key: tuple(value) if key in LISTS else value for key, value in words.items()}
    return Row(**given)
