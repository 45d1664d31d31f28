"""How many examples hypothesis tries: all of them, or the share that FAILOVER_EXAMPLES says (script/check: a fifth)."""

from __future__ import annotations

import os

SHARE = float(os.environ.get("FAILOVER_EXAMPLES", "1"))


def examples(most: int) -> int:
    return max(5, round(most * SHARE)) if most > 5 else most
