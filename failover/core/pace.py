"""The pace of looks: when several looks count as one window."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """In seconds. `spacing`: closer looks count as one. `gap`: a longer time without a look breaks the window, since
    nobody knows what happened in it (the machine slept, a clock was set, cron was dead). `fresh`: an older look says
    nothing about now."""

    spacing: float = 0.0
    gap: float = math.inf
    fresh: float = math.inf


AT_ONCE = Pace()
"""For looks that were all made just now."""
