"""A plan: a playbook bound to this fleet as it reads now. A value with a fingerprint; it has touched nothing."""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from failover.core.observe.condition import Condition
from failover.core.plain import plain
from failover.core.runs.playbook import Limits, OnFailure, Risk, Value, Watch


class StepKind(enum.StrEnum):
    """A state action has a setting to read before and after; an event action makes something happen."""

    STATE = "state"
    EVENT = "event"


class Certainty(enum.StrEnum):
    """How much of `before → after` was read, and how much is expected."""

    EXACT = "exact"
    ASSUMED = "assumed"
    CONDITIONAL = "conditional"
    OBSERVED = "observed"
    OPAQUE = "opaque"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Step:
    """One action with everything decided. `before` is bound: fingerprinted, drift-checked. `observed` only shown.

    `how` is what the action settled on while planning (a lever, a filter's
    name); acting later uses it instead of deciding again. Spans are seconds.
    """

    id: str
    action: str
    kind: StepKind
    certainty: Certainty
    says: str
    host: str | None = None
    domain: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    """What `host` or `domain` led to when it was planned (`core.place`); empty: it acts on whatever has the name."""
    args: Mapping[str, Value] = field(default_factory=dict)
    how: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    want: Mapping[str, str] = field(default_factory=dict)
    observed: Mapping[str, str] = field(default_factory=dict)
    diff: tuple[str, ...] = ()
    undo: str = "none"
    undoable: bool = False
    guards: tuple[Condition, ...] = ()
    """What must hold before the undo may run (law 1)."""
    requires: tuple[Condition, ...] = ()
    """What must hold right before it acts, beyond the playbook's preconditions."""
    when: Condition | None = None
    verify: tuple[Watch, ...] = ()
    no_verify: str | None = None
    notes: tuple[str, ...] = ()
    """What a person must know of its effect before they say yes; the plan shows it among its warnings."""
    left_out: bool = False
    """It cannot be done here and need not be: the rest goes on without it, and no later step counts on it."""
    on_failure: OnFailure = OnFailure.PAUSE
    risk: Risk = Risk.NONE
    repeat_safe: bool = False
    on_the_way: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Bound values that its own act passes through: found there, it is half done, and acting again takes it on."""
    eta_s: float = 1.0
    limit_s: float = 60.0
    expires_s: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """`failback`, `failback_when`: the rule of the planned return that this run is started under.

    `incident`: what the controller made it for, by the key under which people are told (`mx1/spam-filter-hung`), and
    hear of its run too; None: a person's own.
    """

    playbook: str
    summary: str
    steps: tuple[Step, ...]
    params: Mapping[str, Value] = field(default_factory=dict)
    preconditions: tuple[Condition, ...] = ()
    limits: Limits = field(default_factory=Limits)
    warnings: tuple[str, ...] = ()
    not_fixed: tuple[str, ...] = ()
    not_changed: tuple[str, ...] = ()
    failback: str = "ask"
    failback_when: tuple[Condition, ...] = ()
    incident: str | None = None
    format: int = 1
    """The rules this plan is finished by; a tool that does not know them hands the run to a person."""

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(sorted({s.host for s in self.steps if s.host}))

    @property
    def domains(self) -> tuple[str, ...]:
        return tuple(sorted({s.domain for s in self.steps if s.domain}))

    @property
    def subjects(self) -> tuple[str, ...]:
        """What it works on, as people name it."""
        return (*self.hosts, *self.domains)

    @property
    def scopes(self) -> tuple[str, ...]:
        """What a run locks: the hosts and the domains that it touches."""
        return (*(f"host:{h}" for h in self.hosts), *(f"domain:{d}" for d in self.domains))

    @property
    def eta_s(self) -> float:
        return sum(s.eta_s for s in self.steps)

    @property
    def changes(self) -> bool:
        return any(s.certainty is not Certainty.UNCHANGED for s in self.steps)

    @property
    def fingerprint(self) -> str:
        """Over the playbook as bound and every bound `before`; what was merely observed does not count."""
        shown = {"observed", "says", "diff", "eta_s", "certainty", "notes"}
        bound = [
            {k: v for k, v in plain(s).items() if k not in shown and (k != "where" or s.where)} for s in self.steps
        ]
        text = json.dumps(
            [self.format, self.playbook, plain(self.params), plain(self.preconditions), plain(self.limits), bound],
            sort_keys=True,
            separators=(",", ":"),
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def as_told(approved: Plan, now: Plan) -> Plan:
    """`now` without what a plan of an earlier release does not say: where its steps act."""
    told = {s.id for s in approved.steps if s.where}
    return replace(now, steps=tuple(s if s.id in told else replace(s, where={}) for s in now.steps))


def differences(approved: Plan, now: Plan) -> tuple[str, ...]:
    """What a person must hear when an approved plan no longer fits: each bound value then and now."""
    found: list[str] = []
    old = {s.id: s for s in approved.steps}
    for step in now.steps:
        was = old.pop(step.id, None)
        if was is None:
            found.append(f"step {step.id} was not in the approved plan")
            continue
        bound = ({**was.where, **was.before}, {**step.where, **step.before})
        for key in sorted({*bound[0], *bound[1]}):
            a, b = (values.get(key, "-") for values in bound)
            if a != b:
                found.append(f"{step.id}: {key} was {a!r} when approved, is {b!r} now")
    found += [f"step {gone} is no longer in the plan" for gone in old]
    if not found and approved.fingerprint != now.fingerprint:
        found.append(f"the playbook or its parameters changed ({approved.fingerprint} → {now.fingerprint})")
    return tuple(found)
