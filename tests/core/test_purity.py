"""The core takes values and gives values: standard library and itself only, no clock, no I/O, no chance, no logging."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import failover.core

FOLDER = Path(failover.core.__file__).parent
MODULES = sorted(FOLDER.rglob("*.py"))
REACHES_OUT = {
    "asyncio", "builtins", "ctypes", "ftplib", "glob", "http", "importlib", "io", "locale", "logging",
    "multiprocessing", "os", "pathlib", "platform", "pty", "select", "shutil", "signal", "smtplib", "socket",
    "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid", "warnings",
}  # fmt: skip
BUILTINS = {"open", "print", "input", "exec", "eval", "__import__", "breakpoint"}
CLOCK = {"now", "utcnow", "today", "time", "monotonic", "SystemRandom"}


@pytest.mark.parametrize("module", MODULES, ids=lambda p: p.stem)
def test_imports_nothing_that_reaches_out(module: Path) -> None:
    for name in _imports(ast.parse(module.read_text())):
        top = name.split(".")[0]
        assert name.startswith("failover.core") or top in sys.stdlib_module_names, name
        assert top not in REACHES_OUT, name


@pytest.mark.parametrize("module", MODULES, ids=lambda p: p.stem)
def test_calls_no_clock_and_opens_nothing(module: Path) -> None:
    for node in ast.walk(ast.parse(module.read_text())):
        match node:
            case ast.Call(func=ast.Name(id=name)):
                assert name not in BUILTINS, f"{module.name}:{node.lineno} calls {name}"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="datetime" | "date" | "random" | "secrets"), attr=name)):
                assert name not in CLOCK, f"{module.name}:{node.lineno} reads the clock or chance: {name}"


def test_chance_comes_in_by_argument() -> None:
    """Of `random` and `secrets` nothing is imported but the type of the argument."""
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text())):
            match node:
                case ast.Import(names=names):
                    assert not {a.name for a in names} & {"random", "secrets"}, module.name
                case ast.ImportFrom(module="random" | "secrets", names=names):
                    assert {a.name for a in names} == {"Random"}, module.name


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
