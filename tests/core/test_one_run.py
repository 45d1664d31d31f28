"""What a decision becomes while a run is at work: nothing is begun, and people are told as if it could not be."""

from __future__ import annotations

from typing import Any

import pytest

from failover.core.alerting.incident_alerts import alerts
from failover.core.decide.one_run import waiting
from failover.core.decide.verdict import Decision, decide
from tests.core.cases import situation

HUNG = {"spam.ping": "fail:timeout", "spam.scan": "fail:timeout", "queue.frozen": "fail:412@190s"}
AT_WORK = {"run": "r7", "playbook": "handler-down", "state": "running", "busy": "controller"}
ASK = {"mode": "ask"}
ASKED = {"key": "mx2-k7", "playbook": "spam-filter-hung", "params": {"sick": "mx2"}}
PAUSE = {"of": "mx2", "ends_in": "2h"}


@pytest.mark.parametrize(
    ("case", "kind", "page"),
    [
        ({"mx2": HUNG}, Decision.HOLD, "mx2/spam-filter-hung its turn critical 120"),
        ({"mx2": HUNG, "policy": ASK}, Decision.PAGE, "mx2/spam-filter-hung its turn critical 120"),
        (
            {"mx2": HUNG, "policy": ASK, "proposed": [ASKED]},
            Decision.PAGE,
            "mx2/spam-filter-hung asked mx2-k7 critical 0",
        ),
        ({"mx2": HUNG, "policy": {"mode": "observe"}}, Decision.PAGE, "mx2/spam-filter-hung mode critical 0"),
        ({"mx2": HUNG, "pauses": [PAUSE]}, Decision.HOLD, "mx2/spam-filter-hung paused warning 600"),
        ({"mx1": HUNG}, Decision.HOLD, "mx1/spam-filter-hung busy info inf"),
    ],
    ids=["would run", "would ask", "has asked", "observes", "paused", "the very host"],
)
def test_case(case: dict[str, Any], kind: Decision, page: str) -> None:
    s = situation({"looks": "from 9m every 60s", "ran": [AT_WORK], **case})
    verdict = waiting(decide(s), s.past)
    assert (verdict.kind, verdict.ask) == (kind, False)
    found = alerts(s, verdict)
    assert [f"{a.key} {a.stage} {a.severity} {a.patience_s:g}" for a in found] == [page]
    if "its turn" in page:
        assert "run r7 is at work on mx1, and one is made at a time" in found[0].text


def test_where_all_is_well_it_says_what_it_said() -> None:
    s = situation({"ran": [AT_WORK]})
    assert waiting(decide(s), s.past) == decide(s)
