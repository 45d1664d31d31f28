"""Bad files as data: each case under tests/cases/config ends with the exact lines that the operator must read."""

from __future__ import annotations

from pathlib import Path

import pytest

from failover.config.hosts import load_fleet
from failover.config.playbooks import load_playbook
from failover.errors import ConfigError

CASES = sorted((Path(__file__).parents[1] / "cases" / "config").glob("*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda p: p.stem)
def test_every_problem_is_said_at_its_line_and_column(case: Path) -> None:
    load = load_playbook if case.name.startswith("playbook-") else load_fleet
    with pytest.raises(ConfigError) as caught:
        load(case)
    said = str(caught.value).replace(f"{case}:", "").splitlines()
    expected = case.read_text().partition("# expected:\n")[2]
    assert said == [line.removeprefix("# ") for line in expected.splitlines()]
    assert "hunter2" not in str(caught.value)


def test_there_are_cases_of_both_kinds() -> None:
    assert len([c for c in CASES if c.name.startswith("hosts-")]) >= 8
    assert len([c for c in CASES if c.name.startswith("playbook-")]) >= 5
