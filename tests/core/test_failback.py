"""The table of tests/cases/returns.yaml, played line by line."""

from __future__ import annotations

from typing import Any

import pytest

from failover.core.decide.failback import Return, returns
from failover.core.decide.verdict import decide
from tests.core.cases import situation, table

USUAL: dict[str, Any] = {
    "playbook": "spam-filter-hung",
    "expires": "4h",
    "back": "auto",
    "back_when": ["spam.scan on mx1 is ok for 15m", "spam.ping on mx1 is ok for 15m"],
    "guards": ["spam.ping on mx1 is ok", "spam.scan on mx1 is ok"],
}


@pytest.mark.parametrize("case", table("returns.yaml"), ids=lambda c: str(c["case"]))
def test_case(case: dict[str, Any]) -> None:
    told = {"looks": "from 16m every 60s", **case}
    told["standing"] = [{**USUAL, **m} for m in told.get("standing", [{}])]
    s = situation(told)
    found = returns(s, decide(s))
    said = "\n".join(b for r in found for b in r.because)
    assert [_becomes(r) for r in found] == case["becomes"], said
    for part in case.get("because", ()):
        assert part in said
    assert said.splitlines() == case.get("exactly", said.splitlines())
    assert case.get("reasons", len(said.splitlines())) == len(said.splitlines())


def _becomes(r: Return) -> str:
    return " ".join(w for w in (r.standing.run, r.kind.value, r.stage) if w)
