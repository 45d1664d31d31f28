"""The shared lab for this folder, and an unattended controller's desk on whatever lab a module has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from failover.lab import Lab
from tests.labs import lab
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
