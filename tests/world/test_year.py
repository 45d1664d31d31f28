"""A simulated year: thousands of random nights, and the laws checked at every moment of each.

Some nights here, thousands with script/soak (FAILOVER_SOAK_NIGHTS). A night is its seed:
`python -m tests.world.year SEED` plays it again and tells it.
"""

from __future__ import annotations

import os
import sys

import pytest

from tests.world.year import figures, play

CHUNKS, FAST = 20, 40
NIGHTS = int(os.environ.get("FAILOVER_SOAK_NIGHTS", "2000"))


def played(seeds: range) -> None:
    nights = [play(seed) for seed in seeds]
    sys.stdout.write(f"{figures(nights)}\n")  # pytest -rP shows it
    broken = [f"{n}: {b}" for n in nights for b in n.broken]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("chunk", range(4))
def test_some_nights(chunk: int) -> None:
    played(range(chunk * FAST // 4, (chunk + 1) * FAST // 4))


@pytest.mark.soak
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_year_of_nights(chunk: int) -> None:
    played(range(1000 + chunk * NIGHTS // CHUNKS, 1000 + (chunk + 1) * NIGHTS // CHUNKS))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(6))
def test_three_weeks_in_one_world(seed: int) -> None:
    """What is remembered of the nights before does no harm: samples, runs, what was told."""
    one = play(seed, nights=21)
    sys.stdout.write(f"{figures([one])}\n")
    assert not one.broken, f"{one}: {one.broken}"
