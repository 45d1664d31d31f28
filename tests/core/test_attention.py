"""The table of tests/cases/attention.yaml, played line by line, and what a run's own page says."""

from __future__ import annotations

from typing import Any

import pytest

from failover.core.alert import Alert
from failover.core.attention import NEVER, alerts
from failover.core.returns import returns
from failover.core.verdict import decide
from failover.core.words import seconds
from tests.core.cases import situation, table


@pytest.mark.parametrize("case", table("attention.yaml"), ids=lambda c: str(c["case"]))
def test_case(case: dict[str, Any]) -> None:
    s = situation({"looks": "from 9m every 60s", **case})
    verdict = decide(s)
    found = alerts(s, verdict, returns(s, verdict))
    assert [_page(a) for a in found] == [_expected(p) for p in case["pages"]]
    for key, parts in case.get("says", {}).items():
        said = "\n".join(f"{a.title}\n{a.text}" for a in found if a.key == key)
        assert [p for p in parts if p not in said] == [], said
    assert all(len(a.text.splitlines()) < 12 for a in found)


def _page(a: Alert) -> tuple[str, float]:
    return f"{a.key} {a.stage} {a.severity}", a.patience_s


def _expected(told: str) -> tuple[str, float]:
    *words, last = told.split()
    patience = NEVER if last == "never" else seconds(last)
    return (told, 0.0) if patience is None else (" ".join(words), patience)
