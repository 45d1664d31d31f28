"""Candidates: every playbook's trigger, tried for every host. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from failover.core.decide.past import Past
from failover.core.fleet import Fleet
from failover.core.observe.condition import Condition, Judgement, judge, predicates
from failover.core.observe.diagnosis import Diagnosis, diagnose_all, recent
from failover.core.observe.signal import Samples, Signal
from failover.core.pace import Pace
from failover.core.runs.bind import Unbound, bind
from failover.core.runs.playbook import Playbook, moves_mail, named
from failover.core.runs.targets import Choice, choose, served, unfit


@dataclass(frozen=True, slots=True)
class Situation:
    """The input of a decision. `samples` are oldest first; `playbooks` in any order."""

    fleet: Fleet
    playbooks: tuple[Playbook, ...]
    samples: Samples
    now: datetime
    past: Past = field(default_factory=Past)
    tried_first: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By domain, the hosts that senders try first, as DNS tells now; a domain that was not read is not in it."""
    _diagnosed: dict[str, Diagnosis] = field(init=False, repr=False, compare=False, default_factory=dict)
    """Cached: it is asked for several times in a cycle."""

    @property
    def pace(self) -> Pace:
        return self.fleet.policy.pace

    def diagnoses(self) -> Mapping[str, Diagnosis]:
        """By recent samples only: an hour ago says nothing about whether mail moves."""
        if not self._diagnosed:
            self._diagnosed.update(diagnose_all(self.fleet, recent(self.samples, self.now)))
        return self._diagnosed


@dataclass(frozen=True, slots=True)
class Candidate:
    """One playbook's trigger tried for one host. `bound`: the playbook with its references replaced.

    `host` None: no parameter says `each: true`, so it is for no host in particular.
    `choice`: the chosen target, if the playbook leaves it open.
    """

    bound: Playbook
    params: Mapping[str, str]
    host: str | None
    trigger: Judgement
    ready: Judgement
    choice: Choice | None = None

    @property
    def name(self) -> str:
        return self.bound.name

    @property
    def subjects(self) -> frozenset[str]:
        """Its hosts and domains."""
        named = (v for n, v in self.params.items() if self.bound.params[n].type in {"host", "domain"})
        return frozenset((*named, *self._worked_on("host", "to", "domain")))

    @property
    def targets(self) -> tuple[str, ...]:
        """The hosts that would take the mail."""
        named = (v for n, v in self.params.items() if self.bound.params[n].type == "host")
        return tuple(dict.fromkeys(v for v in (*named, *self._worked_on("to")) if v != self.host))

    @property
    def domains(self) -> tuple[str, ...]:
        """Whose mail it would move."""
        given = (v for n, v in self.params.items() if self.bound.params[n].type == "domain")
        return tuple(dict.fromkeys((*given, *self._worked_on("domain")))) if moves_mail(self.bound) else ()

    @property
    def because(self) -> tuple[str, ...]:
        """The reasons to run it, and for this target."""
        return (*self.trigger.because, *([self.choice.why] if self.choice and self.choice.why else []))

    @property
    def passed(self) -> tuple[tuple[str, str], ...]:
        """The hosts that were not chosen to take the mail, and why not."""
        return self.choice.passed if self.choice else ()

    def _worked_on(self, *arguments: str) -> tuple[str, ...]:
        """The values of these arguments in its steps."""
        return tuple(name for s in self.bound.steps for name in named(s, *arguments))


def candidates(s: Situation) -> tuple[Candidate, ...]:
    """By priority, then by host and domain in the order of the fleet. A condition that does not hold for one domain of
    a host is not tried for the next.
    """
    found, seen = [], _by_name(s.samples)
    for playbook in sorted((p for p in s.playbooks if p.trigger), key=lambda p: (p.priority, p.name)):
        silent: set[Condition] = set()
        for params, choice in _choices(playbook, s):
            try:
                bound = bind(playbook, params, s.fleet)
            except Unbound:  # only a person can give a parameter: not for the controller
                continue
            if bound.trigger is None or bound.trigger in silent or not _about((bound.trigger,), seen):
                continue
            found.append(_tried(bound, params, bound.trigger, choice, s, seen))
            if found[-1].trigger.holds is not True:
                silent.add(bound.trigger)
    return tuple(found)


_Seen = Mapping[tuple[str, str], list[Signal]]
"""By host and signal, sorted once: there may be an hour of looks at hundreds of hosts."""


def _by_name(samples: Samples) -> _Seen:
    found: dict[tuple[str, str], list[Signal]] = {}
    for s in samples:
        found.setdefault((s.host, s.name), []).append(s)
    return found


def _about(conditions: Iterable[Condition], seen: _Seen) -> Samples:
    """Empty if the host has no such signal (no handler, no filter): then it is no candidate."""
    asked = dict.fromkeys((t.host, t.signal) for c in conditions for t in predicates(c))
    return tuple(s for name in asked for s in seen.get(name, ()))


def _tried(
    bound: Playbook, params: Mapping[str, str], trigger: Condition, choice: Choice | None, s: Situation, seen: _Seen
) -> Candidate:
    samples = _about((trigger, *bound.preconditions), seen)
    ready = [judge(c, samples, now=s.now, pace=s.pace) for c in bound.preconditions]
    failing = tuple(b for j in ready if not j.holds for b in j.because)
    return Candidate(
        bound,
        params,
        next((v for n, v in params.items() if bound.params[n].each), None),
        judge(trigger, samples, now=s.now, pace=s.pace),
        Judgement(not failing, failing),
        choice,
    )


def _choices(playbook: Playbook, s: Situation) -> Iterator[tuple[dict[str, str], Choice | None]]:
    """Parameters to try: every host for `each: true`, each of its domains, and the target."""
    each = [name for name, p in playbook.params.items() if p.each][:1]
    hosts, domains = _open(playbook, "host"), _open(playbook, "domain")
    for sick in s.fleet.hosts if each else [None]:
        for domain in served(s.fleet, sick) if domains else [None]:
            choice = _target(playbook, sick, domain, s) if hosts else None
            to = choice.host if choice else None
            given = dict.fromkeys(each, sick) | dict.fromkeys(domains, domain) | dict.fromkeys(hosts, to)
            yield {n: v for n in playbook.params if (v := given.get(n))}, choice


def _open(playbook: Playbook, type_: str) -> list[str]:
    """The parameters of this type that the controller fills in."""
    return [n for n, p in playbook.params.items() if p.type == type_ and p.default is None and not p.each]


def _target(playbook: Playbook, sick: str | None, domain: str | None, s: Situation) -> Choice | None:
    """The first fit target. If the playbook moves no mail, only a host that is the only other one can be meant."""
    if moves_mail(playbook):
        return choose(s.fleet, sick, domain, lambda host: _wrong(host, playbook, sick, s))
    others = [h for h in s.fleet.hosts if h != sick]
    return Choice(others[0]) if len(others) == 1 else None


def _wrong(host: str, playbook: Playbook, sick: str | None, s: Situation) -> str | None:
    """Why it may not be the target: unfit, or kept free for a person."""
    if said := unfit(s.diagnoses().get(host), recent(s.samples, s.now, s.fleet.policy.fresh_s)):
        return said
    if p := next((p for p in s.past.pauses if p.until > s.now and p.host == host), None):
        return f"is paused by {p.by}"
    mine = (playbook.name, sick)
    r = next((r for r in s.past.ran if r.open and host in r.subjects and (r.playbook, r.host) != mine), None)
    return f"has run {r.run} at work or open" if r else None
