"""The table of tests/cases/attention.yaml, played line by line, and what a run's own page says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from failover.core.alerting.advice import BY_HAND, advice
from failover.core.alerting.alert import NEVER, Alert, Shows
from failover.core.alerting.incident_alerts import alerts, incident, of_peaks, unsure
from failover.core.alerting.run_alerts import of_fault, of_lost, of_notices, of_returns, of_run, of_runs
from failover.core.decide.failback import Return, returns
from failover.core.decide.past import InForce, Past, Ran
from failover.core.decide.verdict import Decision as Verdict
from failover.core.decide.verdict import decide
from failover.core.observe.baseline import Anomaly
from failover.core.observe.diagnosis import INCIDENTS
from failover.core.runs.journal import Phase, RunState, RunView, StepView
from failover.core.runs.plan import Certainty, Plan, Step, StepKind
from failover.core.words import seconds
from tests.core.cases import NOW, situation, table
from tests.core.histories import DOWN, FROZEN


@pytest.mark.parametrize("case", table("attention.yaml"), ids=lambda c: str(c["case"]))
def test_case(case: dict[str, Any]) -> None:
    s = situation({"looks": "from 9m every 60s", **case})
    verdict = decide(s)
    if case.get("nothing_to_change"):  # as a cycle has it when the plan comes out empty
        verdict = replace(verdict, kind=Verdict.HOLD, because=(*verdict.because, "but it would change nothing"))
    found = alerts(s, verdict, returns(s, verdict))
    assert [_page(a) for a in found] == [_expected(p) for p in case["pages"]]
    for key, parts in case.get("says", {}).items():
        said = "\n".join(f"{a.title}\n{a.text}" for a in found if a.key == key)
        assert [p for p in parts if p not in said] == [], said
    for key, text in case.get("exactly", {}).items():
        assert [f"{a.title}\n{a.text}\n" for a in found if a.key == key] == [text]
    for key, n in case.get("lines", {}).items():
        assert [len(a.text.splitlines()) for a in found if a.key == key] == [n]


def _page(a: Alert) -> tuple[str, float]:
    assert a.quiet or a.stage not in {"failed", "degraded"}, "what a host shows says nothing new by itself"
    assert (a.again_s < NEVER) == (a.stage == "paused"), "a reminder, and of nothing else"
    return f"{a.key} {a.stage} {a.severity}", a.patience_s


def _expected(told: str) -> tuple[str, float]:
    *words, last = told.split()
    patience = NEVER if last == "never" else seconds(last)
    return (told, 0.0) if patience is None else (" ".join(words), patience)


# What a run of the controller's own came to -----------------------------------

STEPS = tuple(
    Step(i, i, StepKind.EVENT, Certainty.EXACT, says) for i, says in (("bypass", "out"), ("drain", "flushed"))
)
PLAN = Plan("spam-filter-hung", "takes it out", STEPS, not_fixed=("spamd itself", "spam that passes"))
VIEW = RunView({"bypass": StepView(Phase.VERIFIED), "drain": StepView(Phase.FAILED, error="it stalls")})

WORKED = {RunState.SUCCEEDED, RunState.ROLLED_BACK}
STANDS = InForce("r3", "spam-filter-hung", frozenset({"mx1"}), "mail passes the filter by", NOW)


def ran(state: RunState, because: str = "") -> Ran:
    return Ran("r7", PLAN.playbook, "mx1", frozenset({"mx2", "mx1"}), NOW, state, because=because)


def test_a_runs_page_says_what_was_done_what_remains_until_when_and_the_way_back() -> None:
    assert of_run(ran(RunState.PAUSED, "drain failed"), PLAN, VIEW, NOW + timedelta(hours=4)) == Alert(
        "mx1/r7",
        "r7 paused",
        "critical",
        "mx1, mx2: spam-filter-hung paused",
        """\
spam-filter-hung: paused, drain failed
bypass: verified (out)
drain: failed, it stalls (flushed)
Not fixed by this: spamd itself; spam that passes.
In force until 2020-08-11 18:00 UTC.
Undo: failover rollback r7   More: failover runs show r7""",
        shows=Shows.PAST,
    )


def test_a_run_that_came_out_well_is_no_alarm_and_says_only_what_there_is() -> None:
    told = of_run(ran(RunState.SUCCEEDED), Plan("restart", "", STEPS[:1]), VIEW, None)
    assert (
        told.text
        == "restart: succeeded\nbypass: verified (out)\nUndo: failover rollback r7   More: failover runs show r7"
    )
    every = {state: of_run(ran(state), PLAN, VIEW, None) for state in RunState}
    assert {s for s, a in every.items() if a.severity != "warning"} == {*RunState} - WORKED
    assert {s for s, a in every.items() if a.quiet} == WORKED


def test_a_run_that_was_made_for_an_incident_is_told_under_its_key() -> None:
    made = replace(ran(RunState.PAUSED), incident="mx1/spam-filter-hung")
    assert of_run(made, PLAN, VIEW, None).key == "mx1/spam-filter-hung"


def test_what_ours_does_is_nobodys_symptom_and_only_what_has_expired_wakes_again() -> None:
    past = Past(ran=(replace(ran(RunState.PAUSED), open=True),), standing=(STANDS,))
    back = [Return(STANDS, Verdict.PAGE, ("why",), stage) for stage in ("may go back", "ends soon", "expired", "")]
    told = (*of_runs(past), *of_returns(back))
    assert [(a.stage, a.quiet) for a in told] == [
        ("r7 paused", False),
        ("r3 stands", False),
        ("r3 may go back", True),
        ("r3 ends soon", True),
        ("r3 expired", False),
    ]
    assert {a.shows for a in told} == {Shows.OURS}


def test_a_fault_of_ours_and_a_change_that_is_lost_are_told_under_the_runs_incident_or_its_own_key() -> None:
    on_two = (replace(STEPS[0], host="mx2"), replace(STEPS[1], host="mx1"))
    own, made = Plan("p", "", on_two), Plan("p", "", on_two, incident="mx1/spam-filter-hung")
    assert of_fault("r7", own, "KeyError") == Alert(
        "mx1/r7",
        "r7 fault",
        "critical",
        "mx1, mx2: run r7 cannot be gone on with, for a fault of failover's own",
        "KeyError\nEvery other host is looked after as ever. More: failover runs show r7",
        shows=Shows.OURS,
    )
    assert of_lost("r7", own, "it is not mx1") == Alert(
        "mx1/r7",
        "r7 elsewhere",
        "critical",
        "mx1, mx2: what run r7 changed is where hosts.yaml no longer leads",
        "it is not mx1",
        shows=Shows.OURS,
    )
    assert {of("r7", made, "").key for of in (of_fault, of_lost)} == {"mx1/spam-filter-hung"}
    assert {of("r7", Plan("p", "", ()), "").key for of in (of_fault, of_lost)} == {"controller/r7"}


def test_only_a_notice_that_was_sent_has_an_end_to_be_told() -> None:
    sent = RunView({"tell": StepView(Phase.VERIFIED, result={"told": "ops"}), "again": StepView(Phase.FAILED)})
    told = Alert("r7.tell", "told", "info", "failover run r7", "", NEVER, shows=Shows.OURS, said=True)
    assert of_notices("r7", ("tell", "again"), sent) == (told,)


def test_a_run_has_the_key_of_the_incident_that_it_is_started_for() -> None:
    s = situation({"looks": "from 9m every 60s", "mx2": FROZEN, "policy": {"mode": "auto"}})
    verdict = decide(s)
    assert (verdict.kind, incident(s, verdict)) == (Verdict.RUN, "mx2/postfix-frozen")


def test_why_is_told_what_keeps_the_nearest_playbook_off() -> None:
    s = situation({"mx1": FROZEN, "policy": {"mode": "observe"}})
    said, _ = advice(s.diagnoses()["mx1"], decide(s), s)
    assert said == "mx-down would help, but policy says observe: a person has to start it."


def test_each_class_of_the_diagnosis_has_a_word_for_a_persons_hands() -> None:
    assert {*BY_HAND} == {*INCIDENTS, None}


def test_a_standbys_peak_is_told_with_how_the_others_are() -> None:
    s = situation({"hosts": ["mx1", "mx2", "mx3"], "mx1": FROZEN})
    peak = Anomaly("mx2", "traffic.share", 80.0, 1.0, 30.0, "mx2 takes 80 % of the mail, usually 1 %")
    text = "mx1: failed, Postfix frozen\nmx3: healthy, healthy"
    assert of_peaks(s, [peak]) == (Alert("mx2/traffic", "peak", "warning", peak.words, text, 120),)


def test_unsure_are_the_hosts_that_cannot_be_seen_and_all_of_them_when_it_is_us() -> None:
    assert unsure(situation({"mx1": FROZEN})) == frozenset()
    assert unsure(situation({"mx1": FROZEN, "mx2": {"ssh.reach": "fail"}})) == {"mx2"}
    assert unsure(situation({"mx1": DOWN, "mx2": DOWN})) == {"mx1", "mx2"}
    assert unsure(situation({"controller": {"net.anchors": "fail"}})) == {"mx1", "mx2"}
