"""While a run is at work nothing else is begun; all is decided anew after its end. Pure."""

from __future__ import annotations

from dataclasses import replace

from failover.core.decide.guards import Barrier, Weight
from failover.core.decide.past import Past
from failover.core.decide.verdict import Considered, Decision, Verdict


def waiting(v: Verdict, past: Past) -> Verdict:
    """The verdict, with a barrier before everything that a cycle would now start or ask a person."""
    at_work = "; ".join(f"run {r.run} is at work on {', '.join(sorted(r.subjects))}" for r in past.ran if r.busy)
    turn = Barrier("its turn", Weight.HOLD, f"{at_work or 'another run is at work'}, and one is made at a time")
    considered = tuple(replace(x, barrier=turn) if _is_due(x, past) else x for x in v.considered)
    if v.kind is Decision.RUN:
        return replace(v, kind=Decision.HOLD, because=(*v.because, f"but {turn.because}"), considered=considered)
    return replace(v, ask=False, considered=considered)


def _is_due(x: Considered, past: Past) -> bool:
    if not x.fires:
        return False
    asks = x.barrier is not None and x.barrier.weight is Weight.ASK
    params = x.candidate.params
    asked = any(p.playbook == x.candidate.name and dict(p.params) == params for p in past.proposed)
    return x.barrier is None or (asks and not asked)
