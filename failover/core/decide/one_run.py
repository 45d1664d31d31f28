"""While a run is at work nothing else is begun; all is decided anew after its end. A run that only waits for mail to
leave ends for the cure of something else. Pure."""

from __future__ import annotations

from dataclasses import replace

from failover.core.decide.candidates import Situation
from failover.core.decide.guards import Barrier, Weight
from failover.core.decide.past import Past
from failover.core.decide.verdict import Considered, Decision, Verdict, decide


def waiting(v: Verdict, past: Past) -> Verdict:
    """The verdict, with a barrier before everything that a cycle would now start or ask a person."""
    at_work = "; ".join(f"run {r.run} is at work on {', '.join(sorted(r.subjects))}" for r in past.ran if r.busy)
    turn = Barrier("its turn", Weight.HOLD, f"{at_work or 'another run is at work'}, and one is made at a time")
    considered = tuple(replace(x, barrier=turn) if _is_due(x, past) else x for x in v.considered)
    if v.kind is Decision.RUN:
        return replace(v, kind=Decision.HOLD, because=(*v.because, f"but {turn.because}"), considered=considered)
    return replace(v, ask=False, considered=considered)


def more_urgent(s: Situation, run: str) -> str:
    """What would be begun now if this run were over, in words; empty if nothing. The same cure again is not."""
    mine = next((r for r in s.past.ran if r.run == run), None)
    if mine is None:
        return ""
    without = replace(s.past, ran=tuple(r for r in s.past.ran if r is not mine))
    due = (x for x in decide(replace(s, past=without)).considered if _is_due(x, without))
    others = (x.candidate for x in due if (x.candidate.name, x.candidate.host) != (mine.playbook, mine.host))
    return next((f"{c.name} is due{f' on {c.host}' if c.host else ''}" for c in others), "")


def _is_due(x: Considered, past: Past) -> bool:
    if not x.fires:
        return False
    asks = x.barrier is not None and x.barrier.weight is Weight.ASK
    params = x.candidate.params
    asked = any(p.playbook == x.candidate.name and dict(p.params) == params for p in past.proposed)
    return x.barrier is None or (asks and not asked)
