"""What docs/ names is there: each file and folder, and each command with its options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from failover.cli import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TOP: Any = typer.main.get_command(app)


def parts(page: Path) -> tuple[str, list[str]]:
    """The prose of a page, and its blocks of code."""
    pieces = re.split(r"^ *```.*$", page.read_text(), flags=re.MULTILINE)
    return "\n".join(pieces[::2]), pieces[1::2]


def code(page: Path) -> list[str]:
    return [" ".join(text.split()) for text in re.findall(r"`([^`]+)`", parts(page)[0])]


def named(page: Path) -> Iterator[str]:
    """Paths in a page's prose: what leads, relative, into a folder or to a source file."""
    yield from (text for text in code(page) if re.fullmatch(r"[\w.*-]+/[\w./*-]*|[\w.]+\.(?:py|sh|md)", text))
    yield from re.findall(r"\]\(([^):#]+)\)", parts(page)[0])


def commands(page: Path) -> Iterator[str]:
    """Command lines of ours: in the prose, or a line of their own in a block."""
    lines = (line for block in parts(page)[1] for line in block.splitlines())
    for text in (*code(page), *lines):
        if found := re.match(r"\s*(?:\$ )?failover(?: (.*)|$)", text):
            yield found[1] or ""


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_what_a_page_names_exists(page: Path) -> None:
    bases = (ROOT, ROOT / "failover", page.parent)
    assert [name for name in named(page) if not any(list(base.glob(name)) for base in bases)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_what_a_page_names_in_a_file_is_there(page: Path) -> None:
    """As in: `core/place.py`, `moved`."""
    pairs = re.findall(r"`([\w./]+\.(?:py|sh))`,\s+`(?![^`]*\.(?:py|sh)`)(?:\w+\.)?(\w+)`", parts(page)[0])
    found = {file: next(b / file for b in (ROOT / "failover", ROOT) if (b / file).exists()) for file, _ in pairs}
    lost = [(file, name) for file, name in pairs if name not in found[file].read_text()]
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_each_command_of_a_page_is_known(page: Path) -> None:
    assert [why for line in commands(page) if (why := unknown(shlex.split(line, comments=True)))] == []


def unknown(words: list[str]) -> str:
    """The first word or option that the command line does not know; empty where it knows them all."""
    at, rest = TOP, list(words)
    while rest and hasattr(at, "commands") and not rest[0].startswith("-"):
        if rest[0] not in at.commands:
            return f"{rest[0]}: failover {' '.join(words)}"
        at = at.commands[rest.pop(0)]
    known = {"--help", *(o for p in (*TOP.params, *at.params) for o in p.opts)}
    theirs = at.name == "exec"  # what follows is a command of its own
    options = (word for word in rest if word.startswith("--") and not theirs)
    return next((f"{o}: failover {' '.join(words)}" for o in options if o.partition("=")[0] not in known), "")
