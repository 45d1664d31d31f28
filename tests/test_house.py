"""The law of imports: a room of the house leans on those below it, never above, and no two files on each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import failover

HOUSE = Path(failover.__file__).parent
FLOORS = (
    ("core", "host", "failover"),
    ("core.observe",),
    ("core.runs",),
    ("core.decide",),
    ("core.alerting",),
    ("errors",),
    ("ports", "fields", "fence"),
    ("adapters",),
    ("signals", "actions", "dns", "channels"),
    ("config",),
    ("runs",),
    ("controller",),
    ("doctor", "lab", "world"),
    ("cli",),
    ("__main__",),
)
"""From the ground up."""
FLOOR = {room: n for n, rooms in enumerate(FLOORS) for room in rooms}
FILES = {
    _name: path
    for path in HOUSE.rglob("*.py")
    for _name in [".".join(path.relative_to(HOUSE.parent).with_suffix("").parts)]
}


def imports(path: Path) -> Iterator[str]:
    """Files of ours that it imports, be it at its top or in a function; not those for the type checker alone."""
    for node in _run(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "failover":
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in FILES or f"{whole}.__init__" in FILES else str(node.module)


def _run(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
        for child in ast.iter_child_nodes(node):
            yield from _run(child)


def room(name: str) -> str:
    """The deepest floor that a file stands on."""
    parts = name.split(".")[1:] or [name]
    return next((".".join(parts[:n]) for n in (2, 1) if ".".join(parts[:n]) in FLOOR), parts[0])


def test_every_room_leans_on_those_below_it() -> None:
    above = [
        f"{name} imports {other}"
        for name, path in FILES.items()
        for other in imports(path)
        if room(name) != room(other) and FLOOR[room(other)] >= FLOOR[room(name)]
    ]
    assert above == []


def test_no_two_files_lean_on_each_other() -> None:
    graph = {name: {o if o in FILES else f"{o}.__init__" for o in imports(path)} for name, path in FILES.items()}
    TopologicalSorter(graph).prepare()
