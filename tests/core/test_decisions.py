"""The decision table of tests/cases/decisions.yaml, played line by line."""

from __future__ import annotations

from typing import Any

import pytest

from failover.core.decide import guards
from failover.core.decide.verdict import Considered, Verdict, decide, recommend
from tests.core.cases import situation, table

CASES = table("decisions.yaml")


@pytest.mark.parametrize("case", CASES, ids=lambda c: str(c["case"]))
def test_case(case: dict[str, Any]) -> None:
    verdict = decide(situation(case))
    said = "\n".join(verdict.because)
    assert (_decided(verdict), _rule(verdict)) == (case["decides"], case.get("rule")), said
    for part in case.get("because", ()):
        assert part in said
    assert dict(verdict.params or {}) == case.get("with", dict(verdict.params or {}))
    names = [_name(c.candidate.name, c.candidate.host) for c in verdict.considered]
    assert names == case.get("considered", names)
    assert list(verdict.because) == case.get("exactly", list(verdict.because))
    bars = [_bar(c) for c in verdict.considered if c.barrier]
    assert bars == case.get("bars", bars)
    assert len(verdict.because) == case.get("reasons", len(verdict.because))


@pytest.mark.parametrize("case", [c for c in CASES if "person" in c], ids=lambda c: str(c["case"]))
def test_what_a_person_who_is_there_is_recommended(case: dict[str, Any]) -> None:
    verdict, person = recommend(situation(case)), case["person"]
    said = "\n".join(verdict.because)
    assert _decided(verdict) == person["recommends"], said
    for part in person.get("because", ()):
        assert part in said
    assert list(verdict.because) == person.get("exactly", list(verdict.because))
    assert dict(verdict.params or {}) == person.get("with", dict(verdict.params or {}))
    assert verdict.considered


def _bar(c: Considered) -> str:
    assert c.barrier is not None
    b = c.barrier
    return f"{_name(c.candidate.name, c.candidate.host)}: {b.weight.value}, {b.rule}, {b.because}"


def _decided(v: Verdict) -> str:
    kind = "ask" if v.ask else v.kind.value
    return kind if v.playbook is None else f"{kind} {_name(v.playbook, v.host)}"


def _name(playbook: str, host: str | None) -> str:
    return f"{playbook} on {host}"


def _rule(v: Verdict) -> str | None:
    mine = next((c for c in v.considered if _is(c, v)), None)
    return mine.barrier.rule if mine and mine.barrier else None


def _is(c: Considered, v: Verdict) -> bool:
    return (c.candidate.name, c.candidate.host, c.candidate.params) == (v.playbook, v.host, v.params)


def test_every_barrier_speaks_in_a_case() -> None:
    spoken = {case.get("rule") for case in CASES} - {None}
    assert spoken == {
        "paused", "busy", "open run", "diagnosis", "in force", "gone", "unknown", "preconditions", "attempts", "limit",
        "retry", "clock", "not first", "quorum", "target", "one at a time", "mode",
    }  # fmt: skip
    assert len(guards.RULES) == 12, "a rule that has no case yet?"
