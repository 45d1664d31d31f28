"""What deserves a person's attention after a look and a decision, in the words that a page has. Pure.

A page says what is wrong and by what evidence, what speaks against it, what was or would be done, what remains, until
when, and the command that goes on or goes back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime

from failover.core.alert import Alert
from failover.core.barriers import Barrier, Weight
from failover.core.candidates import Candidate, Situation
from failover.core.diagnosis import Diagnosis, State, our_network
from failover.core.past import Past, Proposed, Ran, Standing
from failover.core.plan import Plan
from failover.core.playbook import moves_mail
from failover.core.returns import Return
from failover.core.run import RunState, View
from failover.core.usual import Peak
from failover.core.verdict import Kind, Verdict

FAILED_S, BLIND_S, DEGRADED_S, NETWORK_S = 120.0, 600.0, 900.0, 120.0
"""How long it must have been so before a page: longer than a restart, a bad network, a burst."""
PAUSED_S = 600.0
NEVER = math.inf
EVIDENCE = 6


def alerts(s: Situation, verdict: Verdict, back: Iterable[Return] = ()) -> tuple[Alert, ...]:
    """Most urgent first; each incident under a key of its own, `SUBJECT/WHAT`."""
    if why := our_network(s.fleet, s.samples, s.now):
        return (_network(why), *_of_runs(s.past), *_of_returns(back))
    found = s.diagnoses()
    return (
        *_of_candidates(s, verdict, found),
        *_of_hosts(s, verdict, found),
        *_of_runs(s.past),
        *_of_returns(back),
    )


def unsure(s: Situation) -> frozenset[str]:
    """The subjects that cannot be seen: whatever was wrong with them is not over just because we are blind."""
    if our_network(s.fleet, s.samples, s.now):
        return frozenset(s.fleet.hosts)
    return frozenset(h for h, d in s.diagnoses().items() if d.state is State.UNKNOWN)


def of_peaks(s: Situation, peaks: Iterable[Peak]) -> tuple[Alert, ...]:
    """Mail that comes to a standby is often the first that is seen of a primary in trouble."""
    found = s.diagnoses()
    elsewhere = {p.host: [f"{h}: {d.state.value}, {d.summary}" for h, d in found.items() if h != p.host] for p in peaks}
    return tuple(
        Alert(f"{p.host}/traffic", "peak", "warning", p.words, "\n".join(elsewhere[p.host]), FAILED_S) for p in peaks
    )


def _network(why: str) -> Alert:
    text = f"{why}\nNothing is done to any host meanwhile, and nothing seen from here is believed."
    return Alert("controller/network", "seen", "critical", "the controller cannot see", text, NETWORK_S)


def _of_candidates(s: Situation, verdict: Verdict, found: Mapping[str, Diagnosis]) -> tuple[Alert, ...]:
    """Playbooks that would run and may not, one for each host and incident: the first by priority."""
    return tuple(_of_candidate(c, b, found.get(c.host or ""), s) for c, b in _barred(verdict))


def _barred(verdict: Verdict) -> tuple[tuple[Candidate, Barrier], ...]:
    """What fires and may not run, on hosts where nothing does. One that is for another incident than its host shows
    speaks only where no other fires for that host."""
    acting = verdict.host if verdict.kind is Kind.RUN else None
    firing = [
        (c.candidate, c.barrier) for c in verdict.considered if c.fires and not (acting and acting == c.candidate.host)
    ]
    meant = {c.host for c, b in firing if b is None or b.rule != "diagnosis"}
    return tuple((c, b) for c, b in firing if b is not None and (b.rule != "diagnosis" or c.host not in meant))


def _of_candidate(c: Candidate, b: Barrier, d: Diagnosis | None, s: Situation) -> Alert:
    asked = _question(c, b, s.past)
    return _asked(c, d, asked) if asked else _blocked(c, b, d)


def _question(c: Candidate, b: Barrier, past: Past) -> Proposed | None:
    if b.weight is not Weight.ASK:
        return None
    return next((p for p in past.proposed if p.playbook == c.name and p.params == c.params), None)


def _asked(c: Candidate, d: Diagnosis | None, asked: Proposed) -> Alert:
    key, title, evidence = _about(c, d)
    said = [*evidence, f"{asked.playbook} would do this:", *(f"  {line}" for line in asked.says)]
    said.append(f"Yes: failover run --key {asked.key}   (until {asked.until:%H:%M} UTC)")
    return Alert(key, f"asked {asked.key}", "critical", f"{title}. Go on?", "\n".join(said))


def _blocked(c: Candidate, b: Barrier, d: Diagnosis | None) -> Alert:
    key, title, evidence = _about(c, d)
    said = [
        *evidence,
        f"{c.name} would help, but {b.because}.",
        f"By hand: failover run {c.name}{_given(c.params)}   Why: failover why {c.name}",
    ]
    eased = moves_mail(c.bound) or d is None or d.state is not State.FAILED
    severity, patience = _urgency(b.rule, eased=eased)
    return Alert(key, b.rule, severity, title, "\n".join(said), patience)


def _about(c: Candidate, d: Diagnosis | None) -> tuple[str, str, list[str]]:
    """Key, title and evidence: the host's, or where it is for no host in particular the playbook's own."""
    if d is not None:
        return _key(d), _title(d), _evidence(d)
    about = sorted(c.subjects)
    return f"{min(about, default='controller')}/{c.name}", f"{', '.join(about)}: {c.name}", [*c.trigger.because]


def _urgency(rule: str, *, eased: bool) -> tuple[str, float]:
    """Whoever paused it knows; what is at work, or in force and eases it, has its own page; the rest waits for nobody.

    `eased`: mail does move, here or elsewhere. When it does not for long although help is in force, that did not help.
    """
    match rule:
        case "paused":
            return "warning", PAUSED_S
        case "busy":
            return "info", NEVER
        case "in force":
            return ("info", NEVER) if eased else ("critical", DEGRADED_S)
        case "diagnosis" | "quorum":
            return "critical", FAILED_S
        case _:
            return "critical", 0.0


def _of_hosts(s: Situation, verdict: Verdict, found: Mapping[str, Diagnosis]) -> tuple[Alert, ...]:
    """Hosts that are not well and for which no playbook speaks."""
    acting = verdict.host if verdict.kind is Kind.RUN else None
    spoken_for = {c.host for c, _ in _barred(verdict)}
    return tuple(
        _of_host(d, NEVER if d.host == acting else _patience(d, s))
        for d in found.values()
        if d.host not in spoken_for
        if d.state is not State.HEALTHY
        if d.incident is not None or d.state is not State.DEGRADED
    )


_SEVERITY = {State.FAILED: "critical", State.UNKNOWN: "warning", State.DEGRADED: "warning"}
_PATIENCE = {State.FAILED: FAILED_S, State.UNKNOWN: BLIND_S, State.DEGRADED: DEGRADED_S}


def _patience(d: Diagnosis, s: Situation) -> float:
    """For ever while a run is at work there, or one for just this incident is open or in force: its page is that run's.
    But what is in force and does not get the mail moving was no help."""
    for_it = {p.name for p in s.playbooks if d.incident in (p.cures or (p.name,))}
    runs = [r for r in s.past.ran if r.open and d.host in r.subjects]
    if any(r.busy or (r.playbook in for_it and r.host in {None, d.host}) for r in runs):
        return NEVER
    helping = [m for m in s.past.standing if m.playbook in for_it and m.is_for({d.host}) and not m.gone]
    if not helping:
        return _PATIENCE[d.state]
    eased = d.state is not State.FAILED or any(d.host in m.away_from for m in helping)
    return NEVER if eased else DEGRADED_S


def _of_host(d: Diagnosis, patience: float) -> Alert:
    said = [*_evidence(d), "No playbook's trigger holds.   Why: failover why"]
    return Alert(_key(d), d.state.value, _SEVERITY[d.state], _title(d), "\n".join(said), patience)


def _key(d: Diagnosis) -> str:
    return f"{d.host}/{d.incident or 'state'}"


def _title(d: Diagnosis) -> str:
    said = {State.FAILED: "is failing", State.UNKNOWN: "cannot be judged", State.DEGRADED: "is degraded"}
    return f"{d.host} {said.get(d.state, 'is ' + d.state.value)}: {d.summary}"


def _evidence(d: Diagnosis) -> list[str]:
    said = [f"{x.name}: {x.reason}" for x in d.evidence_for[:EVIDENCE]]
    return [*said, *([f"against: {', '.join(d.evidence_against)}"] if d.evidence_against else [])]


def _given(params: Mapping[str, str]) -> str:
    return "".join(f" --set {name}={value}" for name, value in params.items())


# Runs and what they left -----------------------------------------------------


def of_run(ran: Ran, plan: Plan, view: View, until: datetime | None) -> Alert:
    """What a run of the controller's came to: done, not done, what remains, until when, and the way back."""
    done = [f"{s.id}: {_outcome(s.id, view)} ({s.says})" for s in plan.steps]
    said = [f"{plan.playbook}: {ran.state.value}" + (f", {ran.because}" if ran.because else ""), *done]
    if plan.not_fixed:
        said.append(f"Not fixed by this: {'; '.join(plan.not_fixed)}.")
    if until is not None:
        said.append(f"In force until {until:%Y-%m-%d %H:%M} UTC.")
    said.append(f"Undo: failover rollback {ran.run}   More: failover runs show {ran.run}")
    worked = ran.state in {RunState.SUCCEEDED, RunState.ROLLED_BACK}
    title = f"{', '.join(sorted(ran.subjects))}: {plan.playbook} {ran.state.value}"
    return Alert(
        _run_key(ran.run, ran.subjects), ran.state.value, "warning" if worked else "critical", title, "\n".join(said)
    )


def _outcome(step: str, view: View) -> str:
    s = view.steps[step]
    return s.phase.value + (f", {s.error}" if s.error else "")


def _of_runs(past: Past) -> tuple[Alert, ...]:
    """Runs that wait for a person, and those that stand and are nobody's worry for now."""
    waiting = [_waiting(r) for r in past.ran if r.open and not r.busy]
    known = {a.key for a in waiting}
    standing = [a for m in past.standing if (a := _quiet(m)).key not in known]
    return (*waiting, *standing)


def _waiting(r: Ran) -> Alert:
    said = (
        f"{r.because or 'it ended half-way'}\nfailover runs show {r.run}, then resume, roll back, resolve or accept it."
    )
    title = f"{', '.join(sorted(r.subjects))}: run {r.run} is {r.state.value} and waits for a person"
    return Alert(_run_key(r.run, r.subjects), r.state.value, "critical", title, said)


def _quiet(m: Standing) -> Alert:
    return Alert(_run_key(m.run, m.subjects), "stands", "info", f"{m.says} (run {m.run})", m.says, NEVER)


def _of_returns(back: Iterable[Return]) -> tuple[Alert, ...]:
    return tuple(_of_return(r) for r in back if r.stage)


def _of_return(r: Return) -> Alert:
    m = r.standing
    text = "\n".join([m.says, *r.because, f"Undo: failover rollback {m.run}"])
    title = (
        f"{', '.join(sorted(m.subjects))}: what {m.playbook} changed {'has ' if r.stage == 'expired' else ''}{r.stage}"
    )
    severity = "critical" if r.stage == "expired" else "warning"
    return Alert(_run_key(m.run, m.subjects), r.stage, severity, title, text)


def _run_key(run: str, subjects: Iterable[str]) -> str:
    return f"{min(subjects, default='controller')}/{run}"
