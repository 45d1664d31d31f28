"""The answer of `failover why`, as a colleague would give it, and as a JSON document of the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from failover.cli.diagnosis_text import headline
from failover.cli.output import table
from failover.core.candidates import Situation
from failover.core.condition import Condition, judge, predicates
from failover.core.diagnosis import our_network
from failover.core.past import Cycle
from failover.core.returns import Return, returns
from failover.core.usual import Peak
from failover.core.verdict import Considered, Kind, Verdict, decide
from failover.core.words import duration

_MARKS = {True: "yes", False: "no", None: "?"}


def lines(s: Situation, last: Cycle | None, only: str | None = None, peaks: tuple[Peak, ...] = ()) -> list[str]:
    verdict = decide(s)
    out = [_last(last, s)]
    for d in s.diagnoses().values():
        out += [headline(d), *table([(x.name, x.outcome.value, x.reason) for x in (*d.evidence_for, *d.latent)])]
        if d.evidence_against:
            out.append(f"  against: {', '.join(d.evidence_against)}")
    out += [p.words for p in peaks]
    out += ["", _now(verdict, s)]
    shown = _wanted(verdict, s, only)
    for c in shown:
        out += ["", f"{c.candidate.name} on {c.candidate.host}: {outcome(c)}", *_conditions(c, s)]
    blind = our_network(s.fleet, s.samples, s.now)
    if rest := [c for c in verdict.considered if c not in shown and only is None and not blind]:
        said = ", ".join(f"{c.candidate.name} on {c.candidate.host}" for c in rest)
        out += ["", f"nothing speaks for {said}"]
    out += [line for r in returns(s, verdict) for line in ("", *_standing(r))]
    return out


def _last(last: Cycle | None, s: Situation) -> str:
    if last is None:
        return "the controller has not run yet: neither `failover tick` nor `failover watch` has left a cycle here"
    ago = duration(max(0.0, (s.now - last.at).total_seconds()))
    what = f"{last.kind}{' ' + last.playbook if last.playbook else ''}{' on ' + last.host if last.host else ''}"
    return f"last cycle {ago} ago, by {last.by}: {what}"


def _now(v: Verdict, s: Situation) -> str:
    if why := our_network(s.fleet, s.samples, s.now):
        return f"now it would do nothing, and page: {why}"
    match v.kind:
        case Kind.RUN:
            return f"now it would run {v.playbook} on {v.host}"
        case Kind.PAGE:
            what = "ask a person" if v.ask else "page a person"
            return f"now it would {what}: {v.playbook} would help on {v.host}, {v.because[-1]}"
        case _:
            return f"now it would hold{': ' + v.because[-1].removeprefix('but ') if v.playbook else ''}"


def _wanted(v: Verdict, s: Situation, only: str | None) -> tuple[Considered, ...]:
    """All of one that was asked for by name; else those of which at least one test is met or cannot be told. When our
    own network is at fault no test says anything."""
    if only is not None:
        return tuple(c for c in v.considered if c.candidate.name == only)
    if our_network(s.fleet, s.samples, s.now):
        return ()
    return tuple(c for c in v.considered if any(mark != "no" for mark, _ in _judged(c.candidate.bound.trigger, s, "")))


def outcome(c: Considered) -> str:
    match c.candidate.trigger.holds:
        case True:
            return f"fires, but {c.barrier.because}" if c.barrier else "fires, and nothing stands in its way"
        case False:
            return "does not fire"
        case None:
            return "cannot tell yet"


def _conditions(c: Considered, s: Situation) -> list[str]:
    """Each test with what it saw and wanted; `yes` where it is met, `?` where nobody can tell."""
    trigger = c.candidate.bound.trigger
    rows = [*_judged(trigger, s, ""), *(r for p in c.candidate.bound.preconditions for r in _judged(p, s, "needs: "))]
    return table([(mark, said) for mark, said in rows])


def _judged(condition: Condition | None, s: Situation, word: str) -> list[tuple[str, str]]:
    tests = predicates(condition) if condition else ()
    judged = [judge(t, s.samples, now=s.now, pace=s.pace) for t in tests]
    return [(_MARKS[j.holds], word + "; ".join(j.because)) for j in judged]


def _standing(r: Return) -> Iterable[str]:
    m = r.standing
    until = f", until {m.until:%Y-%m-%d %H:%M} UTC" if m.until else ""
    yield f"in force since {m.since:%H:%M} UTC{until}: {m.says} (run {m.run})"
    word = {Kind.RUN: "goes back now", Kind.PAGE: r.stage, Kind.HOLD: "stays"}[r.kind]
    yield from (f"  {word}: {b}" for b in r.because)


def document(s: Situation, last: Cycle | None, only: str | None = None, peaks: tuple[Peak, ...] = ()) -> dict[str, Any]:
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
