"""The shared lab for this folder, and an unattended controller's desk on whatever lab a module has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from failover.lab import Lab
from tests.labs import lab, lab_or_skip
from tests.scenarios.watching import Desk, Mail

__all__ = ["lab"]


@pytest.fixture
def more_yaml() -> str:
    """What this module's hosts.yaml has besides the lab's own."""
    return ""


@pytest.fixture
def desk(lab: Lab, tmp_path: Path, more_yaml: str) -> Iterator[Desk]:
    ours = Desk.at(lab, tmp_path, more=more_yaml)
    yield ours
    ours.clear()


@pytest.fixture
def mail(lab: Lab, tmp_path: Path) -> Iterator[Mail]:
    ours = Mail.of(lab, tmp_path)
    yield ours
    ours.stop()


@pytest.fixture(scope="session")
def filters_lab_once() -> Iterator[Lab]:
    ours = lab_or_skip("wirings", extras=("filters",))
    yield ours
    ours.down()


@pytest.fixture
def wirings_lab(filters_lab_once: Lab) -> Lab:
    """With real filters. A test that failed took it down, so it comes up again."""
    filters_lab_once.up(extras=("filters",))
    return filters_lab_once
