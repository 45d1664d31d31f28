"""A verb is told in its own file and on its line of the registry, and nowhere else in the product."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import failover
from failover.actions import ACTIONS
from failover.actions.fields import OnHost
from failover.config.playbooks import LATER
from failover.fields import Strict
from failover.signals import SIGNALS

PRODUCT = Path(failover.__file__).parent
SOURCES = sorted(PRODUCT.rglob("*.py"))
OWN = {name: PRODUCT / "actions" / f"{name.replace('.', '_')}.py" for name in ACTIONS}


def test_each_has_a_file_of_its_name_and_each_such_file_is_registered() -> None:
    found = {p for p in (PRODUCT / "actions").glob("*.py") if "\nACTION: Action[" in p.read_text()}
    assert found == set(OWN.values())


@pytest.mark.parametrize("name", ACTIONS)
def test_each_argument_is_described_for_whoever_writes_a_playbook(name: str) -> None:
    model = ACTIONS[name].with_
    assert issubclass(model, Strict)
    assert model.__doc__
    for key, argument in model.model_fields.items():
        assert argument.description or key == "severity", f"{name}: {key}"
        assert not argument.is_required() or argument.examples, f"{name}: {key} has no example"


@pytest.mark.parametrize("name", ACTIONS)
def test_what_its_plan_reads_is_a_signal_of_its_host(name: str) -> None:
    reads = ACTIONS[name].flags.reads
    assert SIGNALS.keys() >= set(reads)
    assert not reads or issubclass(ACTIONS[name].with_, OnHost)


def test_what_is_known_for_later_is_not_there_yet() -> None:
    assert not LATER.keys() & ACTIONS.keys()


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: str(p.relative_to(PRODUCT)))
def test_no_private_list(source: Path) -> None:
    said = [f"{source.name}:{line}: {what}" for line, what in _private(ast.parse(source.read_text()), source)]
    assert not said, "say it in the verb's own file: as a flag, or as a function beside the verb"


def test_a_private_list_is_found() -> None:
    for text in (
        'MOVING = {"dns.prefer"}',
        'x = step.action == "notify"',
        'x = step.action in ("wait", "notify")',
        'x = step.action.startswith("dns.")',
        'match step.action:\n    case "wait":\n        pass',
        'x = {"notify": 1}[step.action]',
    ):
        assert [*_private(ast.parse(text), PRODUCT / "runs/engine.py")], text


def _private(tree: ast.Module, source: Path) -> Iterator[tuple[int, str]]:
    """Names of verbs that are no signal's too, and whatever compares a step's action with text."""
    foreign = {name for name, own in OWN.items() if "." in name and own != source} - SIGNALS.keys()
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if text in foreign:
                yield node.lineno, text
            case ast.Compare(left=left, comparators=others) if source not in OWN.values():
                if any(map(_action, (left, *others))) and any(map(_text, (left, *others))):
                    yield node.lineno, ast.unparse(node)
            case ast.Call(func=ast.Attribute(value=value)) | ast.Match(subject=value) if _action(value):
                yield node.lineno, ast.unparse(node)
            case ast.Subscript(value=ast.Dict(), slice=key) if _action(key):
                yield node.lineno, ast.unparse(node)


def _action(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "action"


def _text(node: ast.expr) -> bool:
    return any(isinstance(n, ast.Constant) and isinstance(n.value, str) for n in ast.walk(node))
