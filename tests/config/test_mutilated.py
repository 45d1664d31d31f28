"""Good files with one thing replaced, removed or added: they load, or they are refused with a place; nothing else."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import failover
from failover.config.hosts import load_fleet
from failover.config.playbooks import load_playbook
from failover.config.source import read
from failover.errors import ConfigError
from tests.examples import examples

_TOP = Path(failover.__file__).parents[1]
_GOOD = {f: read(_TOP / f, missing="").value for f in ("hosts.yaml", "playbooks/spam-filter-hung.yaml")}
_JUNK: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-3, 100_000)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["", "${sick}", "${x}", "${", "none", "4h", "mx1", "all", "spam.bypass", "queue.hold", "ec2", "\x1b"]
    )
    | st.lists(st.just("x"), max_size=2)
    | st.sampled_from(
        [{}, {"all": []}, {"any": {}}, {"kind": 1}, {"none": None}, {"action": []}, {"id": {}}, {"x": "y"}]
    )
)


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(p for k, v in items for p in _places(v, (*at, k)))]


def _mutilated(data: st.DataObject, good: Any) -> Any:
    root = {"": copy.deepcopy(good)}
    place: tuple[Any, ...] = ("", *data.draw(st.sampled_from(_places(good))))
    way, last = place[:-1], place[-1]
    inside: Any = root
    for key in way:
        inside = inside[key]
    if data.draw(st.booleans()) or not way:
        inside[last] = data.draw(_JUNK)
    elif isinstance(inside, dict) and data.draw(st.booleans()):
        inside[data.draw(st.sampled_from(["x", "is", "none", "all", "kind", "version"]))] = data.draw(_JUNK)
    else:
        del inside[last]
    return root[""]


@pytest.mark.parametrize("name", list(_GOOD))
@settings(
    max_examples=examples(150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_mutilated_file_loads_or_is_refused_with_a_place(tmp_path: Path, name: str, data: st.DataObject) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(json.dumps(_mutilated(data, _GOOD[name]), indent=1))
    try:
        load_fleet(path) if name == "hosts.yaml" else load_playbook(path)
    except ConfigError as e:
        for line in str(e).splitlines():
            assert re.fullmatch(rf"{re.escape(str(path))}:[0-9]+:[0-9]+: \S.*", line)
