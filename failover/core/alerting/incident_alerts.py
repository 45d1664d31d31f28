"""The alerts of a look and a decision, in the words of a page. Pure.

A page says what is wrong, with evidence for and against, what was or would be done, what remains, until when, and the
next command.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from failover.core.alerting import debts, run_alerts
from failover.core.alerting.advice import BY_HAND, advice
from failover.core.alerting.alert import NEVER, Alert
from failover.core.alerting.severity import AT_ONCE, NOT_NOW, Urgency, of_host, urgency
from failover.core.decide.candidates import Candidate, Situation
from failover.core.decide.failback import Return
from failover.core.decide.guards import NOT_FIRST, Barrier, Weight
from failover.core.decide.past import Past, Proposed
from failover.core.decide.verdict import Decision, Verdict
from failover.core.observe.baseline import Anomaly
from failover.core.observe.diagnosis import TOLD_AS, Diagnosis, State, our_network
from failover.core.observe.signal import Outcome
from failover.core.runs.playbook import moves_mail

EVIDENCE = 6


def alerts(s: Situation, verdict: Verdict, back: Iterable[Return] = ()) -> tuple[Alert, ...]:
    """Most urgent first; each incident has a key, `SUBJECT/WHAT`."""
    if why := our_network(s.fleet, s.samples, s.now):
        return (_network(why), *run_alerts.of_runs(s.past), *run_alerts.of_returns(back))
    found = s.diagnoses()
    return (
        *_of_candidates(s, verdict, found),
        *_of_hosts(s, verdict, found),
        *debts.alerts(s.fleet.hosts, s.samples),
        *run_alerts.of_runs(s.past),
        *run_alerts.of_returns(back),
    )


def incident(s: Situation, v: Verdict) -> str:
    """The key of the incident that this verdict is about; the run that it starts has the same."""
    about = next(
        x.candidate for x in v.considered if x.fires and (x.candidate.name, x.candidate.host) == (v.playbook, v.host)
    )
    return _about(about, s.diagnoses().get(v.host or ""))[0]


def unsure(s: Situation) -> frozenset[str]:
    """The subjects that cannot be seen now: their incidents do not end meanwhile."""
    if our_network(s.fleet, s.samples, s.now):
        return frozenset(s.fleet.hosts)
    return frozenset(h for h, d in s.diagnoses().items() if d.state is State.UNKNOWN)


def of_peaks(s: Situation, peaks: Iterable[Anomaly]) -> tuple[Alert, ...]:
    """Mail at a standby is often the first sign of trouble at a primary."""
    found = s.diagnoses()
    elsewhere = {p.host: [f"{h}: {d.state.value}, {d.summary}" for h, d in found.items() if h != p.host] for p in peaks}
    return tuple(
        _alert(f"{p.host}/traffic", "peak", urgency("peak"), p.words, "\n".join(elsewhere[p.host])) for p in peaks
    )


def _network(why: str) -> Alert:
    text = f"{why}\nNothing is done to any host meanwhile, and nothing seen from here is believed."
    return _alert("controller/network", "seen", urgency("network"), "the controller cannot see", text)


def _alert(key: str, stage: str, how: Urgency, title: str, text: str) -> Alert:
    return Alert(key, stage, how.severity, title, text, how.patience_s, again_s=how.again_s)


def _of_candidates(s: Situation, verdict: Verdict, found: Mapping[str, Diagnosis]) -> tuple[Alert, ...]:
    """Playbooks that fire and may not run, one for each host and incident: the first by priority."""
    return tuple(_of_candidate(c, b, found.get(c.host or ""), s) for c, b in _barred(verdict))


def _barred(verdict: Verdict) -> tuple[tuple[Candidate, Barrier], ...]:
    """Candidates that fire, would help and may not run, on hosts where none runs. One for another incident than its
    host shows counts only if no other fires there."""
    acting = verdict.host if verdict.kind is Decision.RUN else None
    firing = [
        (c.candidate, c.barrier) for c in verdict.considered if c.fires and not (acting and acting == c.candidate.host)
    ]
    firing = [(c, b) for c, b in firing if b is None or b.rule != NOT_FIRST]
    meant = {c.host for c, b in firing if b is None or b.rule != "diagnosis"}
    return tuple((c, b) for c, b in firing if b is not None and (b.rule != "diagnosis" or c.host not in meant))


def _of_candidate(c: Candidate, b: Barrier, d: Diagnosis | None, s: Situation) -> Alert:
    asked = _question(c, b, s.past)
    return _asked(c, d, asked) if asked else _blocked(c, b, d, s)


def _question(c: Candidate, b: Barrier, past: Past) -> Proposed | None:
    if b.weight is not Weight.ASK:
        return None
    return next((p for p in past.proposed if p.playbook == c.name and p.params == c.params), None)


def _asked(c: Candidate, d: Diagnosis | None, asked: Proposed) -> Alert:
    key, title, evidence = _about(c, d)
    said = [*evidence, f"{asked.playbook} would do this:", *(f"  {line}" for line in asked.says)]
    said.append(f"Yes: failover run --key {asked.key}   (until {asked.until:%H:%M} UTC)")
    return _alert(key, f"asked {asked.key}", AT_ONCE, f"{title}. Go on?", "\n".join(said))


def _blocked(c: Candidate, b: Barrier, d: Diagnosis | None, s: Situation) -> Alert:
    key, title, evidence = _about(c, d)
    said = [*evidence, *_what_to_do(c, b, d)]
    return _alert(key, b.rule, _urgency(c, b, d, s), title, "\n".join(said))


def _what_to_do(c: Candidate, b: Barrier, d: Diagnosis | None) -> Iterable[str]:
    """A playbook for another incident than its host shows is not advised: what it would do is wrong there."""
    if b.rule == "diagnosis" and d is not None:
        yield BY_HAND[d.incident].format(host=d.host)
        yield f"Not {c.name}: {b.because}.   Why: failover why {c.name}"
        return
    yield f"{c.name} would help, but {b.because}."
    yield f"By hand: failover run {c.name}{_given(c.params)}   Why: failover why {c.name}"


def _urgency(c: Candidate, b: Barrier, d: Diagnosis | None, s: Situation) -> Urgency:
    """A change in force that does not get the mail moving did not help. A run for this incident that waits for a person
    has its own page. The person who paused it knows, for a while."""
    eased = moves_mail(c.bound) or d is None or d.state is not State.FAILED
    key, how = _about(c, d)[0], urgency(b.rule)
    if b.rule == "in force" and not eased:
        return urgency("no help")
    if b.rule == "open run" and any(r.open and r.incident == key for r in s.past.ran):
        return urgency("busy")
    if b.rule == "paused" and _paused_for(c, s) < how.patience_s:
        return replace(how, patience_s=NOT_NOW)
    return how


def _paused_for(c: Candidate, s: Situation) -> float:
    mine = (p for p in s.past.pauses if p.until > s.now and (p.host is None or p.host in c.subjects))
    return max(((s.now - p.since).total_seconds() for p in mine), default=0.0)  # ended since the verdict


def _about(c: Candidate, d: Diagnosis | None) -> tuple[str, str, list[str]]:
    """Key, title and evidence: of the host, or of the playbook if it is for no host in particular."""
    if d is not None:
        return _key(d), _title(d), _evidence(d)
    about = sorted(c.subjects)
    return f"{min(about, default='controller')}/{c.name}", f"{', '.join(about)}: {c.name}", [*c.trigger.because]


def _of_hosts(s: Situation, verdict: Verdict, found: Mapping[str, Diagnosis]) -> tuple[Alert, ...]:
    """Hosts that are not well and for which no playbook speaks."""
    acting = verdict.host if verdict.kind is Decision.RUN else None
    spoken_for = {c.host for c, _ in _barred(verdict)}
    return tuple(
        _of_host(d, NEVER if d.host == acting else _patience(d, s), advice(d, verdict, s))
        for d in found.values()
        if d.host not in spoken_for and deserves_a_page(d)
    )


def deserves_a_page(d: Diagnosis) -> bool:
    """A mere warning does not; what fails does, whatever it is."""
    if d.state is not State.DEGRADED:
        return d.state is not State.HEALTHY
    return d.incident is not None or any(
        x.outcome is Outcome.FAIL and x.name not in debts.NAMES for x in d.evidence_for
    )


def _patience(d: Diagnosis, s: Situation) -> float:
    """NEVER while a run is at work there, or one for this incident is open or in force: that run has its own page. But
    a change in force that does not get the mail moving did not help."""
    for_it = {p.name for p in s.playbooks if d.incident in (p.cures or (p.name,))}
    runs = [r for r in s.past.ran if r.open and d.host in r.subjects]
    if any(r.busy or r.incident == _key(d) or (r.playbook in for_it and r.host in {None, d.host}) for r in runs):
        return NEVER
    helping = [m for m in s.past.standing if m.playbook in for_it and m.is_for({d.host}) and not m.gone]
    if not helping:
        return of_host(d).patience_s
    eased = d.state is not State.FAILED or any(d.host in m.away_from for m in helping)
    return NEVER if eased else urgency("no help").patience_s


def _of_host(d: Diagnosis, patience: float, to_do: Iterable[str]) -> Alert:
    said = [*_evidence(d), *to_do, "Why: failover why"]
    how = replace(of_host(d), patience_s=patience)
    return replace(_alert(_key(d), d.state.value, how, _title(d), "\n".join(said)), quiet=True)


def _key(d: Diagnosis) -> str:
    return f"{d.host}/{TOLD_AS.get(d.incident or '', d.incident) or 'state'}"


def _title(d: Diagnosis) -> str:
    said = {State.FAILED: "is failing", State.UNKNOWN: "cannot be judged", State.DEGRADED: "is degraded"}
    return f"{d.host} {said.get(d.state, 'is ' + d.state.value)}: {d.summary}"


def _evidence(d: Diagnosis) -> list[str]:
    said = [f"{x.name}: {x.reason}" for x in d.evidence_for[:EVIDENCE]]
    return [*said, *([f"against: {', '.join(d.evidence_against)}"] if d.evidence_against else [])]


def _given(params: Mapping[str, str]) -> str:
    return "".join(f" --set {name}={value}" for name, value in params.items())
