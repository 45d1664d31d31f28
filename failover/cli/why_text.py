"""The answer of `failover why`, as a colleague would give it, and as a JSON document of the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from failover.cli.diagnosis_text import folded, headline
from failover.cli.output import table
from failover.core.alerting.advice import advice
from failover.core.alerting.incident_alerts import deserves_a_page
from failover.core.decide.candidates import Situation
from failover.core.decide.failback import Return, returns
from failover.core.decide.past import Cycle
from failover.core.decide.verdict import Considered, Decision, Verdict, decide
from failover.core.observe.baseline import Anomaly
from failover.core.observe.condition import All, Condition, Predicate, at_once, judge, predicates
from failover.core.observe.condition import Any as AnyOf
from failover.core.observe.diagnosis import Diagnosis, our_network
from failover.core.words import duration

_MARKS = {True: "yes", False: "no", None: "?"}


def lines(s: Situation, last: Cycle | None, only: str | None = None, peaks: tuple[Anomaly, ...] = ()) -> list[str]:
    """What is seen, our changes in force, what would be done now, and the reasons by playbook."""
    verdict = decide(s)
    shown = _wanted(verdict, s, only)
    out = [_last(last, s), *(line for d in s.diagnoses().values() for line in _host(d, verdict, s, shown))]
    out += [p.words for p in peaks]
    out += [line for r in returns(s, verdict) for line in _standing(r)]
    out += ["", _now(verdict, s)]
    for c in shown:
        out += ["", f"{_name(c)}: {outcome(c, s)}", *_conditions(c, s)]
    if only is None and not our_network(s.fleet, s.samples, s.now):
        out += _rest(c for c in verdict.considered if c not in shown)
    return out


def _host(d: Diagnosis, v: Verdict, s: Situation, shown: Iterable[Considered]) -> list[str]:
    against = [f"  against: {', '.join(d.evidence_against)}"] if d.evidence_against else []
    to_do = (f"  {line}" for line in _to_do(d, v, s, shown))
    return [headline(d), *table(folded((*d.evidence_for, *d.latent))), *against, *to_do]


def _to_do(d: Diagnosis, v: Verdict, s: Situation, shown: Iterable[Considered]) -> tuple[str, ...]:
    """What to do by hand; and what the nearest playbook lacks, unless that is shown further down."""
    if (v.kind is Decision.RUN and v.host == d.host) or not deserves_a_page(d):
        return ()
    nearest, by_hand = advice(d, v, s)
    below = any(c.candidate.host == d.host and d.incident in c.candidate.bound.cures for c in shown)
    return (by_hand,) if below else (nearest, by_hand)


def _rest(silent: Iterable[Considered]) -> list[str]:
    hosts: dict[str, list[str]] = {}
    for c in silent:
        hosts.setdefault(c.candidate.name, []).append(c.candidate.host or "")
    said = "; ".join(f"{name} on {', '.join(of)}" for name, of in hosts.items())
    return ["", f"no sign of {said}"] if hosts else []


def _last(last: Cycle | None, s: Situation) -> str:
    if last is None:
        return "the controller has not run yet: neither `failover tick` nor `failover watch` has left a cycle here"
    ago = duration(max(0.0, (s.now - last.at).total_seconds()))
    what = f"{last.kind}{' ' + last.playbook if last.playbook else ''}{' on ' + last.host if last.host else ''}"
    return f"last cycle {ago} ago, by {last.by}: {what}"


def _now(v: Verdict, s: Situation) -> str:
    if why := our_network(s.fleet, s.samples, s.now):
        return f"would do: nothing, and page: {why}"
    match v.kind:
        case Decision.RUN:
            return f"would do: run {v.playbook} on {v.host}"
        case Decision.PAGE:
            what = "ask a person" if v.ask else "page a person"
            return f"would do: {what}: {v.playbook} would help on {v.host}, {v.because[-1]}"
        case _:
            return f"would do: nothing{_held(v, s)}"


def _held(v: Verdict, s: Situation) -> str:
    if v.playbook:
        return f": {v.playbook} fires on {v.host}, {v.because[-1]}"
    coming = [_name(c) for c in v.considered if _coming(c, s)]
    unsure = [_name(c) for c in v.considered if c.candidate.trigger.holds is None and not _coming(c, s)]
    yet = f" yet ({', '.join(coming)} needs more looks)" if coming else ""
    open_ = f"; cannot tell: {', '.join(unsure)}" if unsure else ""
    return f"{yet}{open_}" or ": no playbook's trigger holds"


def _name(c: Considered) -> str:
    return f"{c.candidate.name} on {c.candidate.host}"


def _coming(c: Considered, s: Situation) -> bool:
    """Its conditions are met by the newest look, but not for long enough."""
    trigger = c.candidate.bound.trigger
    return trigger is not None and not c.fires and _met_now(trigger, s)


def _wanted(v: Verdict, s: Situation, only: str | None) -> tuple[Considered, ...]:
    """All candidates of a playbook asked for by name; else those with a test that is met by the newest look, or that
    cannot be told. None if our own network is at fault: no test means anything then."""
    if only is not None:
        return tuple(c for c in v.considered if c.candidate.name == only)
    if our_network(s.fleet, s.samples, s.now):
        return ()
    return tuple(c for c in v.considered if c.candidate.trigger.holds is None or _speaks(c.candidate.bound.trigger, s))


def _speaks(trigger: Condition | None, s: Situation) -> bool:
    return any(_met_now(test, s) for _, test in _tests(trigger))


def _met_now(condition: Condition, s: Situation) -> bool:
    return judge(at_once(condition), s.samples, now=s.now, pace=s.pace).holds is True


def outcome(c: Considered, s: Situation) -> str:
    match c.candidate.trigger.holds:
        case True:
            return f"fires, but {c.barrier.because}" if c.barrier else "fires, and nothing stands in its way"
        case _ if _coming(c, s):
            return "not yet"
        case False:
            return "does not fire"
        case None:
            return "cannot tell yet"


def _conditions(c: Considered, s: Situation) -> list[str]:
    """Each test with what it saw and wanted. `so far`: met, but not yet for long enough; `?`: cannot be told."""
    trigger = c.candidate.bound.trigger
    rows = [*_judged(trigger, s, ""), *(r for p in c.candidate.bound.preconditions for r in _judged(p, s, "needs: "))]
    return table([(mark, said) for mark, said in rows])


def _judged(condition: Condition | None, s: Situation, word: str) -> list[tuple[str, str]]:
    tests = _tests(condition)
    judged = [judge(test, s.samples, now=s.now, pace=s.pace) for _, test in tests]
    so_far = [j.holds is not True and _met_now(test, s) for j, (_, test) in zip(judged, tests, strict=True)]
    marks = ["so far" if early else _MARKS[j.holds] for early, j in zip(so_far, judged, strict=True)]
    return [(m, word + either + "; ".join(j.because)) for m, (either, _), j in zip(marks, tests, judged, strict=True)]


def _tests(condition: Condition | None, word: str = "") -> list[tuple[str, Predicate]]:
    """The tests; those of an `any` begin with `either` and `or`."""
    match condition:
        case None:
            return []
        case Predicate():
            return [(word, condition)]
        case All(parts):
            return [t for part in parts for t in _tests(part, word)]
        case AnyOf(parts):
            return [t for n, part in enumerate(parts) for t in _tests(part, "or " if n else "either ")]


def _standing(r: Return) -> Iterable[str]:
    m = r.standing
    until = f", until {m.until:%Y-%m-%d %H:%M} UTC" if m.until else ""
    yield f"in force since {m.since:%H:%M} UTC{until}: {m.says} (run {m.run})"
    word = {Decision.RUN: "goes back now", Decision.PAGE: r.stage, Decision.HOLD: "stays"}[r.kind]
    yield from (f"  {word}: {b}" for b in r.because)


def document(
    s: Situation, last: Cycle | None, only: str | None = None, peaks: tuple[Anomaly, ...] = ()
) -> dict[str, Any]:
    verdict = decide(s)
    return {
        "version": 1,
        "at": s.now.isoformat(timespec="seconds"),
        "last_cycle": _cycle(last),
        "decision": {
            "kind": verdict.kind.value,
            "playbook": verdict.playbook,
            "host": verdict.host,
            "ask": verdict.ask,
            "because": list(verdict.because),
        },
        "hosts": {
            name: {"state": d.state.value, "incident": d.incident, "summary": d.summary}
            for name, d in s.diagnoses().items()
        },
        "peaks": [{"host": p.host, "value": p.value, "usual": p.usual, "says": p.words} for p in peaks],
        "considered": [_considered(c, s) for c in verdict.considered if only in {None, c.candidate.name}],
        "in_force": [
            {"run": r.standing.run, "says": r.standing.says, "becomes": r.kind.value, "because": list(r.because)}
            for r in returns(s, verdict)
        ],
    }


def _cycle(last: Cycle | None) -> dict[str, Any] | None:
    if last is None:
        return None
    at = last.at.isoformat(timespec="seconds")
    return {"at": at, "by": last.by, "kind": last.kind, "playbook": last.playbook, "host": last.host}


def _considered(c: Considered, s: Situation) -> dict[str, Any]:
    x = c.candidate
    tests = (
        [(t, judge(t, s.samples, now=s.now, pace=s.pace)) for t in predicates(x.bound.trigger)]
        if x.bound.trigger
        else []
    )
    return {
        "playbook": x.name,
        "host": x.host,
        "params": dict(x.params),
        "fires": x.trigger.holds,
        "barrier": None if c.barrier is None else {"rule": c.barrier.rule, "because": c.barrier.because},
        "conditions": [
            {"signal": t.signal, "host": t.host, "met": j.holds, "because": list(j.because)} for t, j in tests
        ],
    }
