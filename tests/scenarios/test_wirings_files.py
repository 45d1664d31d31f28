"""The wirings of tests/cases/wirings.yaml, part files."""

from __future__ import annotations

from pathlib import Path

import pytest

from failover.lab import Lab
from tests.scenarios.wired import play
from tests.scenarios.wiring_rows import Row, rows

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("row", rows("files"), ids=lambda row: row.wiring)
def test_cured_or_refused_and_every_letter_once(wirings_lab: Lab, row: Row, tmp_path: Path) -> None:
    play(wirings_lab, row, tmp_path)
