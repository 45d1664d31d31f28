"""Each wiring of tests/cases/wirings.yaml once more, with more mail behind the filter than its agents can take."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from failover.lab import Lab
from tests.scenarios.wired import play
from tests.scenarios.wiring_rows import Row, rows

pytestmark = [pytest.mark.lab, pytest.mark.soak]

ROUNDS = int(os.environ.get("FAILOVER_SOAK_SEEDS", "30"))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.wiring)
def test_every_letter_once_with_a_backlog(wirings_lab: Lab, row: Row, tmp_path: Path) -> None:
    play(wirings_lab, row, tmp_path, ROUNDS)
