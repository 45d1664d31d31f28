"""A step's `with:` as its verb's own model. It is parsed once, when no reference is left in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError

from failover.core.runs.playbook import StepSpec, Value, Values
from failover.errors import Refused
from failover.fields import Strict

Model = TypeVar("Model", bound=Strict)


def parsed(spec: StepSpec[Values], model: type[Model]) -> StepSpec[Model]:
    """Raises Refused with every value that does not fit: a parameter may have brought it."""
    whole: StepSpec[Any] = spec
    try:
        return replace(whole, with_=model.model_validate(dict(spec.with_)))
    except ValidationError as e:
        said = "; ".join(_problem(p) for p in e.errors(include_url=False))
        raise Refused(
            f"step {spec.id} ({spec.action}): {said}", try_="correct it in the playbook, or by --set"
        ) from None


def values(with_: Strict) -> Mapping[str, Value]:
    """By the names that playbooks use, defaults filled in; what was left out is absent."""
    return with_.model_dump(by_alias=True, exclude_none=True, warnings=False)


def _problem(error: Any) -> str:
    why = str(error.get("ctx", {}).get("error", error["msg"]))
    return ": ".join((*map(str, error["loc"]), why))
