"""The pace of looks: what a window of them needs, to be judged as one."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How looks follow each other; seconds. `spacing`: closer ones count as one. `gap`: a longer time without a look
    breaks a window, since nobody knows what was in between (a machine that slept, a clock that was set, a dead cron).
    `fresh`: an older look says nothing about now."""

    spacing: float = 0.0
    gap: float = math.inf
    fresh: float = math.inf


AT_ONCE = Pace()
"""For looks that were all made just now, by whoever judges them."""
