"""The options that stand before or after any command, and moving them to the front."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer

JSON = Annotated[bool, typer.Option("--json", help="print one JSON document and nothing else")]
YES = Annotated[bool, typer.Option("--yes", "-y", help="do not ask")]
_TAKES_VALUE = ("--hosts", "--playbooks", "--state")


@dataclass(frozen=True, slots=True)
class Options:
    hosts: Path | None = None
    playbooks: Path | None = None
    state: str | None = None
    verbose: int = 0

    @property
    def hosts_file(self) -> Path:
        """`--hosts`, else FAILOVER_HOSTS, else hosts.yaml here, else the system's."""
        if self.hosts is not None:
            return self.hosts
        if told := os.environ.get("FAILOVER_HOSTS"):
            return Path(told)
        here = Path("hosts.yaml")
        return (
            here if here.exists() or not Path("/etc/failover/hosts.yaml").exists() else Path("/etc/failover/hosts.yaml")
        )

    @property
    def playbook_folder(self) -> Path | None:
        told = os.environ.get("FAILOVER_PLAYBOOKS")
        return self.playbooks or (Path(told) if told else None)

    @property
    def state_url(self) -> str | None:
        return self.state or os.environ.get("FAILOVER_STATE")


def options(ctx: typer.Context) -> Options:
    found = ctx.find_object(Options)
    return found if found is not None else Options()


def hoist(argv: list[str]) -> list[str]:
    """Move global options to the front; not those after `--` or `lab exec PLACE`."""
    front: list[str] = []
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        if word == "--" or _passes_through(rest):
            rest += [word, *words]
        elif word in _TAKES_VALUE:
            front += [word, *([v] if (v := next(words, None)) is not None else [])]
        elif word.startswith(tuple(f"{o}=" for o in _TAKES_VALUE)) or word in {"-v", "-vv", "--verbose"}:
            front.append(word)
        else:
            rest.append(word)
    return front + rest


def _passes_through(rest: list[str]) -> bool:
    """Whether the next word begins the command line of `lab exec PLACE`."""
    if rest[:2] != ["lab", "exec"]:
        return False
    takes_value = {"--name"}
    after = [w for before, w in pairwise(rest[1:]) if before not in takes_value]
    return any(not w.startswith("-") for w in after)
