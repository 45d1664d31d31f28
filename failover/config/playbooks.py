"""Playbooks: read from their files, checked as a whole without contacting anything, bound to a fleet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from failover.actions.fields import declared
from failover.config import playbook_values
from failover.config.explain import explain
from failover.config.playbook_file import PlaybookFile
from failover.config.problems import Problem, refusal
from failover.config.source import Source, read
from failover.core.fleet import Fleet
from failover.core.runs.bind import Unbound, bind
from failover.core.runs.playbook import Playbook
from failover.errors import ConfigError

LATER: Mapping[str, str] = {
    name: f"{name} is known, but not in this version" for name in ("spam.switch", "smtp.drain", "approve", "shell")
}
_MISSING = "`failover playbooks list` shows those that there are"


def load_playbook(path: Path, *, named: str | None = None) -> Playbook:
    """The playbook in this file; `named` is the name it must have, when it is found by name. Raises ConfigError with
    every problem of the file, each as `file:line:column: found this; write that`."""
    source = read(path, missing=_MISSING)
    problems = [*source.problems, *_contradictions(source, named)]
    try:
        file = PlaybookFile.model_validate(source.value, context=declared(source.value))
    except ValidationError as e:
        raise refusal(source.name, [*problems, *explain(e, source, PlaybookFile, LATER)]) from None
    if problems:
        raise refusal(source.name, problems)
    return playbook_values.playbook(file)


def bind_playbook(playbook: Playbook, given: Mapping[str, str], fleet: Fleet) -> Playbook:
    """`core.runs.bind.bind` for the command line. Raises ConfigError where something cannot be bound."""
    try:
        return bind(playbook, given, fleet)
    except Unbound as e:
        said = "; ".join(e.problems)
        raise ConfigError(
            f"{playbook.name} cannot be bound: {said}",
            try_=f"`failover playbooks show {playbook.name}` shows its params",
        ) from e


def playbook_schema() -> dict[str, Any]:
    """JSON Schema of a playbook file, for completion and checks in an editor."""
    schema = PlaybookFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "failover playbook"}


def _contradictions(source: Source, named: str | None) -> list[Problem]:
    """Problems between fields. Judged on the plain values, so that they are told together with all others."""
    value = source.value if isinstance(source.value, dict) else {}
    problems: list[Problem] = []
    if named and isinstance(value.get("name"), str) and value["name"] != named:
        what = f'the name is "{value["name"]}", the file is called {named}; give both the same'
        problems.append(Problem(source.values[("name",)], what))
    first: dict[str, int] = {}
    for i, step in enumerate(value["steps"] if isinstance(value.get("steps"), list) else ()):
        id_ = step.get("id") if isinstance(step, dict) else None
        if isinstance(id_, str) and first.setdefault(id_, i) != i:
            what = f'the id "{id_}" stands twice, first in step {first[id_] + 1}; give each step its own'
            problems.append(Problem(source.values["steps", i, "id"], what))
    return problems
