"""What a hostile or broken far side might say, as hypothesis draws it; and what of it may reach people."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from failover import fence
from tests.examples import examples

TIMES = int(os.environ.get("FAILOVER_SOAK", "0")) // 10


def fuzz(most: int) -> Callable[[Any], Any]:
    """So many examples; the same each time, but in a soak."""
    return settings(
        max_examples=examples(most) * max(1, TIMES),
        derandomize=not TIMES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


NASTY = [
    "\x1b[2J\x1b]0;owned\x07", "\x1b]52;c;ZWNobw==\x07", "\x9b31m", "\x90q\x9c", "\u202eevil\u2066",
    "\u200b\ufeff\u2060",
    "\u061c\u200f", "\ud800", "\udcff", "\u3164\u115f\ufe0f", "\U000e0041", "a" * 20_000, "\r\n", "\x00",
    "\x7f", "\u2028", "$(id)", "`id`", "%s%n", "{}", "{0}", "../../etc/passwd",
]  # fmt: skip
NUMBERS = [
    "1:2", "1e400", "nan", "inf", "-inf", "-1", "-0", "1" + "0" * 30, "9" * 400, "1_0", "٣", "0x1f", "1e-400", "1.5.2",
    "1e15", "253402300800", "-62135596801", "9999-12-31T23:59:59.999999999Z", "0001-01-01T00:00:00Z",
    "0000-00-00T00:00",
]  # fmt: skip
TEXT = st.sampled_from(NASTY) | st.sampled_from(NUMBERS) | st.text(max_size=12)


def mutated(good: bytes) -> st.SearchStrategy[bytes]:
    """`good` with some of its bytes replaced, taken away, doubled or cut off."""
    cut = st.tuples(st.integers(0, len(good)), st.integers(0, 12), st.binary(max_size=12))

    def edit(edits: list[tuple[int, int, bytes]]) -> bytes:
        found = good
        for at, gone, put in edits:
            found = found[:at] + put + found[at + gone :]
        return found

    return st.lists(cut, min_size=1, max_size=4).map(edit)


def plain(text: str) -> bool:
    """May a terminal show it? Decided by Unicode's own categories, not by the code that cleans."""
    return not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in text.replace("\n", ""))


def no_fault() -> None:
    """Nothing was caught at a fence: what is made up is what a reader is made for."""
    told = fence.told()
    fence.forget()
    assert not told
