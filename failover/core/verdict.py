"""Signals in, verdict out: hold, run a playbook, or page; always with reasons. Same input, same verdict."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from failover.core.bind import Unbound, bind
from failover.core.condition import Judgement, judge, predicates
from failover.core.fleet import Fleet
from failover.core.playbook import Playbook
from failover.core.signal import Samples, of


class Kind(enum.StrEnum):
    HOLD = "hold"
    RUN = "run"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`params` are what to run the playbook with; `because` the reasons, in words."""

    kind: Kind
    because: tuple[str, ...]
    playbook: str | None = None
    host: str | None = None
    params: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """One playbook's trigger tried for one host."""

    playbook: Playbook
    params: Mapping[str, str]
    host: str | None
    trigger: Judgement
    ready: Judgement


def decide(
    fleet: Fleet, playbooks: Iterable[Playbook], samples: Samples, *, now: datetime, spacing: float = 0.0
) -> Verdict:
    """The first playbook by priority whose trigger holds and whose preconditions do too; else hold, saying why."""
    tried = attempts(fleet, playbooks, samples, now=now, spacing=spacing)
    firing = [t for t in tried if t.trigger.holds]
    for t in firing:
        if t.ready.holds:
            return Verdict(Kind.RUN, t.trigger.because, t.playbook.name, t.host, t.params)
    if firing:
        t = firing[0]
        return Verdict(Kind.PAGE, (*t.trigger.because, *t.ready.because), t.playbook.name, t.host, t.params)
    return Verdict(Kind.HOLD, _why_not(tried))


def attempts(
    fleet: Fleet, playbooks: Iterable[Playbook], samples: Samples, *, now: datetime, spacing: float = 0.0
) -> tuple[Tried, ...]:
    """Every trigger tried for every candidate host, in the order of priority; hosts in the order of the fleet."""
    found = []
    for playbook in sorted((p for p in playbooks if p.trigger), key=lambda p: (p.priority, p.name)):
        for params in _candidates(playbook, fleet):
            try:
                bound = bind(playbook, params, fleet)
            except Unbound:  # a parameter that only a person can give: not the controller's to run
                continue
            assert bound.trigger is not None
            if not any(of(samples, t.host, t.signal) for t in predicates(bound.trigger)):
                continue  # not looked at, or it has nothing of the kind: no handler, no filter
            trigger = judge(bound.trigger, samples, now=now, spacing=spacing)
            ready = [judge(c, samples, now=now, spacing=spacing) for c in bound.preconditions]
            holds = all(j.holds for j in ready)
            because = tuple(b for j in ready if not j.holds for b in j.because)
            found.append(Tried(playbook, params, next(iter(params.values()), None), trigger, Judgement(holds, because)))
    return tuple(found)


def _candidates(playbook: Playbook, fleet: Fleet) -> tuple[dict[str, str], ...]:
    each = [name for name, p in playbook.params.items() if p.each]
    given = [{each[0]: host} for host in fleet.hosts] if each else [{}]
    return tuple({**g, **_only_choices(playbook, fleet, g)} for g in given)


def _only_choices(playbook: Playbook, fleet: Fleet, given: Mapping[str, str]) -> dict[str, str]:
    """Parameters that could be one thing alone: the only domain there is, the only host that is not named yet."""
    open_ = {n: p for n, p in playbook.params.items() if n not in given and p.default is None}
    choices = {"domain": tuple(fleet.domains), "host": tuple(h for h in fleet.hosts if h not in given.values())}
    return {n: c[0] for n, p in open_.items() if len(c := choices.get(p.type, ())) == 1}


def _why_not(tried: Iterable[Tried]) -> tuple[str, ...]:
    """What came closest: the reasons of triggers that could not be judged; otherwise that none holds."""
    unsure = tuple(b for t in tried if t.trigger.holds is None for b in t.trigger.because)
    return unsure[:4] or ("no playbook's trigger holds",)
