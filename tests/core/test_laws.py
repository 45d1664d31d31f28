"""What no history may bring the controller to, searched at random. FAILOVER_SOAK=N: thirty times N for each law.

The laws are checked against the samples themselves, not against what the decision says of them.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, note, settings

from failover.core.alerting.alert import NEVER
from failover.core.alerting.incident_alerts import alerts
from failover.core.decide.candidates import Candidate, Situation
from failover.core.decide.failback import Return, returns
from failover.core.decide.guards import AGAIN_S, NOTHINGS, counted
from failover.core.decide.past import InForce, Ran
from failover.core.decide.verdict import Decision, Verdict, decide, recommend
from failover.core.fleet import Mode
from failover.core.observe.condition import at_once, judge
from failover.core.observe.diagnosis import ANCHORS
from failover.core.observe.signal import CONTROLLER, Outcome, Signal
from failover.core.runs.playbook import moves_mail
from tests.core.cases import situation
from tests.core.histories import Case, alike_cases, cases, standing_cases
from tests.examples import examples

many = settings(max_examples=max(examples(200), 30 * int(os.environ.get("FAILOVER_SOAK", "0"))), deadline=None)


@many
@given(cases())
def test_nothing_is_run_against_a_rule(case: Case) -> None:
    s = situation(case)
    verdict = decide(s)
    if verdict.kind is not Decision.RUN:
        return
    c = _chosen(verdict)
    note(f"runs {c.name} on {c.host}: {verdict.because}")
    assert c.trigger.holds
    assert c.ready.holds
    assert not c.bound.cures or (c.host and s.diagnoses()[c.host].incident in c.bound.cures), "another incident"
    assert s.fleet.policy.mode_of(c.name) is Mode.AUTO
    assert not any(_covers(p.host, c.subjects) for p in s.past.pauses if p.until > s.now)
    ran = [r for r in s.past.ran if not _another_domains(r, c, s)]
    assert not any(r.open and r.subjects & c.subjects for r in ran), "two runs on one host"
    assert not _network_at_fault(s)
    assert not any(
        m.playbook == c.name and c.host in {m.host, *m.away_from}
        for m in s.past.standing
        if not _another_domains(m, c, s)
    )
    mine = [r for r in ran if r.playbook == c.name and c.host in {None, r.host}]
    limits = c.bound.limits
    assert all((s.now - r.opened).total_seconds() >= (limits.cooldown if r.acted else AGAIN_S) for r in mine)
    assert sum((s.now - r.opened).total_seconds() < limits.cooldown for r in mine) < NOTHINGS
    assert sum(r.acted and (s.now - r.opened).total_seconds() < limits.per for r in mine) < limits.max_runs
    if moves_mail(c.bound):
        _moves_mail_safely(c, s)


def _another_domains(past: Ran | InForce, c: Candidate, s: Situation) -> bool:
    """The same cure for the same host, both for domains, and for none in common."""
    mine, theirs = ({*x.subjects} & {*s.fleet.domains} for x in (c, past))
    same = (past.playbook, past.host) == (c.name, c.host) and c.host is not None
    return same and mine != set() != theirs and mine.isdisjoint(theirs)


def _moves_mail_safely(c: Candidate, s: Situation) -> None:
    assert c.host is not None
    seen = _newest(s, c.host, "smtp.banner", "smtp.peer")
    failing, greeting = ({x.vantage for x in seen if x.outcome is o} for o in (Outcome.FAIL, Outcome.OK))
    assert len(failing) >= s.fleet.policy.quorum
    assert len(failing) > len(greeting), "as many places see it greet as see it fail"
    assert c.targets
    (domain,) = c.subjects & s.fleet.domains.keys()
    declared = s.fleet.domains[domain].mx
    assert not declared or c.host in declared, "mail that it never had"
    for target in c.targets:
        assert target != c.host
        assert target in declared if declared else s.fleet.hosts[target].mx, "no MX of the domain"
        assert not any(_covers(p.host, frozenset({target})) for p in s.past.pauses if p.until > s.now)
        greets = [x.outcome for x in _newest(s, target, "smtp.banner")]
        assert greets
        assert {*greets} == {Outcome.OK}
        shown = _newest(s, target, "ssh.reach", "spam.scan", "handler.banner", "disk.free")
        assert not any(x.outcome is Outcome.FAIL for x in shown)
    assert all(c.host in m.away_from for m in s.past.standing if m.away_from), "two out of service by our doing"


def _newest(s: Situation, host: str, *names: str) -> list[Signal]:
    """The newest look of each vantage at each name, if it is fresh."""
    found: dict[tuple[str, str], Signal] = {}
    for x in s.samples:
        if x.host == host and x.name in names and s.now - timedelta(seconds=s.fleet.policy.fresh_s) <= x.at <= s.now:
            found[x.name, x.vantage] = x
    return list(found.values())


def _network_at_fault(s: Situation) -> bool:
    return any(x.outcome is Outcome.FAIL for x in _newest(s, CONTROLLER, ANCHORS))


def _covers(paused: str | None, subjects: frozenset[str]) -> bool:
    return paused is None or paused in subjects


def _chosen(v: Verdict) -> Candidate:
    free = [x.candidate for x in v.considered if x.fires and x.barrier is None]
    assert (free[0].name, free[0].host, dict(free[0].params)) == (v.playbook, v.host, dict(v.params or {}))
    return free[0]


@many
@given(alike_cases())
def test_of_runs_that_are_alike_the_newest_few_decide_as_all_of_them_would(case: Case) -> None:
    s = situation(case)
    few = replace(s.past, ran=_newest_alike(s.past.ran, counted(s.playbooks)))
    assert decide(s) == decide(replace(s, past=few))


def _newest_alike(ran: tuple[Ran, ...], most: int) -> tuple[Ran, ...]:
    kinds = defaultdict(list)
    for r in sorted(ran, key=lambda r: r.opened, reverse=True):
        kinds[r.playbook, r.host, r.subjects, r.acted].append(r)
    return tuple(r for kind in kinds.values() for r in kind[:most])


@many
@given(cases())
def test_what_is_unknown_never_runs_anything(case: Case) -> None:
    s = situation(case)
    dim = tuple(x if x.outcome is Outcome.OK else replace(x, outcome=Outcome.UNKNOWN) for x in s.samples)
    assert decide(replace(s, samples=dim)).kind is not Decision.RUN


@many
@given(cases())
def test_the_future_the_order_of_playbooks_and_asking_twice_change_nothing(case: Case) -> None:
    s = situation(case)
    shuffled = [*s.playbooks]
    random.Random(1).shuffle(shuffled)
    begun = tuple(x for x in s.samples if x.at <= s.now)
    assert decide(s) == decide(replace(s, playbooks=tuple(shuffled))) == decide(s)
    assert _said(decide(s)) == _said(decide(replace(s, samples=begun)))


def _said(v: Verdict) -> tuple[object, ...]:
    return v.kind, v.playbook, v.host, v.ask


@many
@given(cases())
def test_a_person_is_told_whatever_is_bad_and_may_not_be_helped(case: Case) -> None:
    s = situation(case)
    verdict = decide(s)
    told = alerts(s, verdict, returns(s, verdict))
    assert all(a.title and a.text for a in told)
    if verdict.kind is Decision.PAGE:
        loud = {a.key.partition("/")[0] for a in told if a.severity == "critical" and a.patience_s < NEVER}
        about = {verdict.host} if verdict.host else {CONTROLLER, *(_chosen_subjects(verdict))}
        assert loud & about
    if verdict.kind is Decision.RUN and verdict.host:
        incident = f"{verdict.host}/{s.diagnoses()[verdict.host].incident or 'state'}"
        assert not any(a.patience_s < NEVER for a in told if a.key == incident), "the run itself will tell"


def _chosen_subjects(v: Verdict) -> frozenset[str]:
    return next((x.candidate.subjects for x in v.considered if x.candidate.name == v.playbook), frozenset())


@many
@given(cases())
def test_a_recommendation_is_for_what_fires_and_can_be_done(case: Case) -> None:
    s = situation(case)
    verdict = recommend(s)
    fires = [x.candidate for x in verdict.considered if x.fires]
    named = {name: d.incident for name, d in s.diagnoses().items()}
    apt = [c for c in fires if not (c.host and named[c.host] and c.bound.cures) or named[c.host] in c.bound.cures]
    assert (verdict.kind is Decision.HOLD) == (not apt)
    assert (verdict.kind is Decision.RUN) == any(c.ready.holds for c in apt)


@many
@given(standing_cases())
def test_nothing_goes_back_against_law_1(case: Case) -> None:
    s = situation(case)
    verdict = decide(s)
    found = returns(s, verdict)
    assert sorted(r.standing.run for r in found) == sorted(m.run for m in s.past.standing), "one answer for each"
    assert [r.standing.since for r in found] == sorted((m.since for m in s.past.standing), reverse=True)
    for r in found:
        assert r.because
        if r.kind is Decision.RUN:
            _may_go_back(r, s, verdict)
        if r.standing.until is not None and r.standing.until <= s.now and r.kind is not Decision.RUN:
            assert r.kind is Decision.PAGE, "expired, and nobody is told"


def _may_go_back(r: Return, s: Situation, verdict: Verdict) -> None:
    m = r.standing
    note(f"{m.run} goes back: {r.because}")
    assert m.back_mode == "auto"
    assert s.fleet.policy.mode_of(m.playbook) is Mode.AUTO
    assert not any(_covers(p.host, m.subjects) for p in s.past.pauses if p.until > s.now)
    assert not any(x.open and x.subjects & m.subjects for x in s.past.ran)
    assert not _network_at_fault(s)
    assert not any(x.fires and x.candidate.host in _for(m) for x in verdict.considered)
    for c in m.guards:
        assert judge(at_once(c), s.samples, now=s.now, pace=s.pace).holds
    lasted = [judge(c, s.samples, now=s.now, pace=s.pace).holds for c in m.back_when]
    now = [judge(at_once(c), s.samples, now=s.now, pace=s.pace).holds for c in m.back_when]
    assert all(now)
    assert (lasted and all(lasted)) or (m.until is not None and m.until <= s.now and False not in lasted)


def _for(m: InForce) -> set[str | None]:
    return {m.host, *m.away_from}
