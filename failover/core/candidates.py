"""Which playbooks speak for which hosts: every trigger tried for every candidate host. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from failover.core.bind import Unbound, bind
from failover.core.condition import Condition, Judgement, Pace, judge, predicates
from failover.core.diagnosis import Diagnosis, diagnose_all, recent
from failover.core.fleet import Fleet
from failover.core.past import Past
from failover.core.playbook import Playbook
from failover.core.signal import Samples, Signal


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a decision takes. `samples` are oldest first; `playbooks` in any order."""

    fleet: Fleet
    playbooks: tuple[Playbook, ...]
    samples: Samples
    now: datetime
    past: Past = field(default_factory=Past)
    _diagnosed: dict[str, Diagnosis] = field(init=False, repr=False, compare=False, default_factory=dict)
    """Asked for several times in a cycle, and always the same."""

    @property
    def pace(self) -> Pace:
        return self.fleet.policy.pace

    def diagnoses(self) -> Mapping[str, Diagnosis]:
        """By what was seen lately; what mail did an hour ago says nothing of whether it moves."""
        if not self._diagnosed:
            self._diagnosed.update(diagnose_all(self.fleet, recent(self.samples, self.now)))
        return self._diagnosed


@dataclass(frozen=True, slots=True)
class Candidate:
    """One playbook's trigger tried for one host. `bound`: the playbook with its references replaced.

    `host` is None where no parameter says `each: true`: it is for no host in particular.
    """

    bound: Playbook
    params: Mapping[str, str]
    host: str | None
    trigger: Judgement
    ready: Judgement

    @property
    def name(self) -> str:
        return self.bound.name

    @property
    def subjects(self) -> frozenset[str]:
        """The hosts and domains it is about, or works on."""
        named = (v for n, v in self.params.items() if self.bound.params[n].type in {"host", "domain"})
        return frozenset((*named, *self._worked_on("host", "to", "domain")))

    @property
    def targets(self) -> tuple[str, ...]:
        """The hosts that would take on mail."""
        named = (v for n, v in self.params.items() if self.bound.params[n].type == "host")
        return tuple(dict.fromkeys(v for v in (*named, *self._worked_on("to")) if v != self.host))

    def _worked_on(self, *arguments: str) -> tuple[str, ...]:
        """What the steps name, be it outright or by a parameter's default."""
        return tuple(str(s.with_[a]) for s in self.bound.steps for a in arguments if a in s.with_)


def candidates(s: Situation) -> tuple[Candidate, ...]:
    """Every trigger tried for every candidate host, in the order of priority; hosts in the order of the fleet."""
    found, seen = [], _by_name(s.samples)
    for playbook in sorted((p for p in s.playbooks if p.trigger), key=lambda p: (p.priority, p.name)):
        for params in _choices(playbook, s.fleet):
            try:
                bound = bind(playbook, params, s.fleet)
            except Unbound:  # a parameter that only a person can give: not the controller's to run
                continue
            if bound.trigger is not None and _about((bound.trigger,), seen):
                found.append(_tried(bound, params, bound.trigger, s, seen))
    return tuple(found)


_Seen = Mapping[tuple[str, str], list[Signal]]
"""By host and signal: an hour of looks at hundreds of hosts is sorted once, not gone through for each condition."""


def _by_name(samples: Samples) -> _Seen:
    found: dict[tuple[str, str], list[Signal]] = {}
    for s in samples:
        found.setdefault((s.host, s.name), []).append(s)
    return found


def _about(conditions: Iterable[Condition], seen: _Seen) -> Samples:
    """Nothing where a host has nothing of the kind (no handler, no filter): then it is no candidate."""
    asked = dict.fromkeys((t.host, t.signal) for c in conditions for t in predicates(c))
    return tuple(s for name in asked for s in seen.get(name, ()))


def _tried(bound: Playbook, params: Mapping[str, str], trigger: Condition, s: Situation, seen: _Seen) -> Candidate:
    samples = _about((trigger, *bound.preconditions), seen)
    ready = [judge(c, samples, now=s.now, pace=s.pace) for c in bound.preconditions]
    failing = tuple(b for j in ready if not j.holds for b in j.because)
    return Candidate(
        bound,
        params,
        next((v for n, v in params.items() if bound.params[n].each), None),
        judge(trigger, samples, now=s.now, pace=s.pace),
        Judgement(not failing, failing),
    )


def _choices(playbook: Playbook, fleet: Fleet) -> tuple[dict[str, str], ...]:
    each = [name for name, p in playbook.params.items() if p.each]
    given: Iterable[dict[str, str]] = [{each[0]: host} for host in fleet.hosts] if each else [{}]
    return tuple({**g, **_only_choices(playbook, fleet, g)} for g in given)


def _only_choices(playbook: Playbook, fleet: Fleet, given: Mapping[str, str]) -> dict[str, str]:
    """Parameters that could be one thing alone: the only domain there is, the only host that is not named yet."""
    open_ = {n: p for n, p in playbook.params.items() if n not in given and p.default is None}
    choices = {"domain": tuple(fleet.domains), "host": tuple(h for h in fleet.hosts if h not in given.values())}
    return {n: c[0] for n, p in open_.items() if len(c := choices.get(p.type, ())) == 1}
