"""A plan: a playbook bound to this fleet as it reads now. A value with a fingerprint; nothing was changed."""

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

    `how`: what the action has chosen while planning (a lever, a filter's name);
    the act uses it and does not choose again. Spans are seconds.
    """

    id: str
    action: str
    kind: StepKind
    certainty: Certainty
    says: str
    host: str | None = None
    domain: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    """The place of `host` or `domain` when it was planned (`core.place`); empty: not bound to a place."""
    args: Mapping[str, Value] = field(default_factory=dict)
    how: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    want: Mapping[str, str] = field(default_factory=dict)
    observed: Mapping[str, str] = field(default_factory=dict)
    diff: tuple[str, ...] = ()
    undo: str = "none"
    undoable: bool = False
    guards: tuple[Condition, ...] = ()
    """Conditions for the undo (law 1)."""
    requires: tuple[Condition, ...] = ()
    """Conditions right before the act, beside the playbook's preconditions."""
    when: Condition | None = None
    verify: tuple[Watch, ...] = ()
    no_verify: str | None = None
    notes: tuple[str, ...] = ()
    """Facts that a person must know before they approve it; shown among the plan's warnings."""
    left_out: bool = False
    """It cannot be done here and need not be: the run goes on without it, and no later step relies on it."""
    on_failure: OnFailure = OnFailure.PAUSE
    risk: Risk = Risk.NONE
    repeat_safe: bool = False
    on_the_way: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values that the act passes through: a step that reads one is half done, and the act is repeated."""
    eta_s: float = 1.0
    limit_s: float = 60.0
    expires_s: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """`failback`, `failback_when`: the rule of the planned return that this run is started under.

    `incident`: the key of the incident that the controller made it for (`mx1/spam-filter-hung`): alerts of the run have
    it, too. None: a person's plan.
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
    """The version of the rules of this plan; a tool that does not know it hands the run to a person."""

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(sorted({s.host for s in self.steps if s.host}))

    @property
    def domains(self) -> tuple[str, ...]:
        return tuple(sorted({s.domain for s in self.steps if s.domain}))

    @property
    def subjects(self) -> tuple[str, ...]:
        """Its hosts and domains."""
        return (*self.hosts, *self.domains)

    @property
    def scopes(self) -> tuple[str, ...]:
        """The names for its leases: the hosts and domains that it touches."""
        return (*(f"host:{h}" for h in self.hosts), *(f"domain:{d}" for d in self.domains))

    @property
    def eta_s(self) -> float:
        return sum(s.eta_s for s in self.steps)

    @property
    def changes(self) -> bool:
        return any(s.certainty is not Certainty.UNCHANGED for s in self.steps)

    @property
    def fingerprint(self) -> str:
        """Over the bound playbook and every bound `before`; observed values do not count."""
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
    """`now` without the places, for steps of an earlier release, which have none."""
    told = {s.id for s in approved.steps if s.where}
    return replace(now, steps=tuple(s if s.id in told else replace(s, where={}) for s in now.steps))


def differences(approved: Plan, now: Plan) -> tuple[str, ...]:
    """Why an approved plan no longer fits: each bound value then and now."""
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
