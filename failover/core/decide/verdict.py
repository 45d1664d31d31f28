"""Signals and history in, verdict out: hold, run a playbook, or page; always with reasons. Same input, same verdict."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from failover.core.decide.candidates import Candidate, Situation, candidates
from failover.core.decide.guards import Barrier, Weight, barrier, for_another, not_named, standing
from failover.core.observe.condition import hasty
from failover.core.observe.diagnosis import our_network

LOOKS = 3
"""When a person decides, so many looks in a row replace the span of a trigger (`for: 3m`)."""


class Decision(enum.StrEnum):
    HOLD = "hold"
    RUN = "run"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Considered:
    """A candidate as it was judged. `barrier`: why it may not start although its trigger holds."""

    candidate: Candidate
    barrier: Barrier | None = None

    @property
    def fires(self) -> bool:
        return self.candidate.trigger.holds is True


@dataclass(frozen=True, slots=True)
class Verdict:
    """`params`: for the playbook; `because`: the reasons, in words; `ask`: a person is asked first."""

    kind: Decision
    because: tuple[str, ...]
    playbook: str | None = None
    host: str | None = None
    params: Mapping[str, str] | None = None
    ask: bool = False
    considered: tuple[Considered, ...] = ()

    @property
    def undecided(self) -> bool:
        """More looks may bring an answer."""
        return self.kind is Decision.HOLD and any(c.candidate.trigger.holds is None for c in self.considered)

    @property
    def parts(self) -> tuple[Verdict, ...]:
        """This verdict, and the same for each other domain of the host without a barrier."""
        free = (c.candidate for c in self.considered if c.fires and c.barrier is None)
        mine = (c for c in free if (c.name, c.host) == (self.playbook, self.host))
        return tuple(replace(self, because=c.because, params=c.params) for c in mine)


def recommend(s: Situation) -> Verdict:
    """For a person: the first playbook by priority whose trigger and preconditions hold; one in force comes last. Of a
    host whose incident is named, only what cures that: behind a closed handler a bypass moves no mail."""
    hurried = tuple(replace(p, trigger=p.trigger and hasty(p.trigger, LOOKS)) for p in s.playbooks)
    considered = tuple(Considered(c) for c in candidates(replace(s, playbooks=hurried)))
    firing = sorted((c.candidate for c in considered if c.fires), key=lambda c: standing(c, s) is not None)
    apt = [c for c in firing if not for_another(c, s.diagnoses())]
    for c in apt:
        if c.ready.holds:
            return _verdict(Decision.RUN, c.because, c, considered)
    if apt:
        return _verdict(Decision.PAGE, (*apt[0].trigger.because, *apt[0].ready.because), apt[0], considered)
    if firing:
        because = (*firing[0].trigger.because, f"but {not_named(firing[0], s.diagnoses())}")
        return Verdict(Decision.HOLD, because, considered=considered)
    return Verdict(Decision.HOLD, _why_not(considered), considered=considered)


def decide(s: Situation) -> Verdict:
    """For the controller: the first candidate by priority without a barrier; else the heaviest barrier. Unknown never
    starts a run."""
    if why := our_network(s.fleet, s.samples, s.now):
        blind = Barrier("own network", Weight.PAGE, why)
        considered = tuple(Considered(c, blind if c.trigger.holds else None) for c in candidates(s))
        return Verdict(Decision.PAGE, (why,), considered=considered)
    found = s.diagnoses()
    considered = tuple(Considered(c, barrier(c, s, found) if c.trigger.holds else None) for c in candidates(s))
    firing = [c for c in considered if c.fires]
    for c in firing:
        if c.barrier is None:
            return _verdict(Decision.RUN, c.candidate.because, c.candidate, considered)
    for weight in (Weight.ASK, Weight.PAGE, Weight.HOLD):
        for c in firing:
            if c.barrier is not None and c.barrier.weight is weight:
                return _held(c, c.barrier, considered)
    return Verdict(Decision.HOLD, _why_not(considered), considered=considered)


def _held(c: Considered, by: Barrier, considered: tuple[Considered, ...]) -> Verdict:
    because = (*c.candidate.trigger.because, f"but {by.because}")
    kind = Decision.HOLD if by.weight is Weight.HOLD else Decision.PAGE
    return replace(_verdict(kind, because, c.candidate, considered), ask=by.weight is Weight.ASK)


def _verdict(kind: Decision, because: tuple[str, ...], c: Candidate, considered: tuple[Considered, ...]) -> Verdict:
    return Verdict(kind, because, c.name, c.host, c.params, considered=considered)


def _why_not(considered: Iterable[Considered]) -> tuple[str, ...]:
    """The reasons of triggers that could not be judged; else that none holds."""
    unsure = tuple(b for c in considered if c.candidate.trigger.holds is None for b in c.candidate.trigger.because)
    return unsure[:4] or ("no playbook's trigger holds",)
