"""A playbook: ordered step specs for one incident class, as values. References are resolved by `core.runs.bind`."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from failover.core.observe.condition import Condition

Value = str | int | float | bool | tuple[str, ...]
Values = Mapping[str, Value]
"""A step's `with:` by name. A value may be a reference until it is bound; a span is in seconds."""
With = TypeVar("With", covariant=True)


class OnFailure(enum.StrEnum):
    PAUSE = "pause"
    ROLLBACK = "rollback"
    CONTINUE = "continue"


class Risk(enum.StrEnum):
    """The effect on mail. A step may raise its action's risk, never lower it."""

    NONE = "none"
    TRAFFIC = "traffic"
    DOWNTIME = "downtime"


@dataclass(frozen=True, slots=True)
class Watch:
    """A verify: watch one signal until it shows the effect. Exactly one goal is given; spans are seconds.

    `leaves`: `some` or `all` of the mail that waited when the step began has left; later mail does not count.
    `falls_to`: reaches the level. For both, patience ends after `stalls_at_most` without a new minimum.
    `is_`: has this outcome.
    `age_below`, `stops_growing`: only in plans made before 0.2; neither shows that mail left.
    """

    signal: str
    host: str
    is_: str | None = None
    falls_to: float | None = None
    age_below: float | None = None
    stops_growing: float | None = None
    within: float = 60.0
    stalls_at_most: float | None = None
    leaves: str | None = None


@dataclass(frozen=True, slots=True)
class Param:
    """`type: host` takes a host of hosts.yaml; `each: true` lets the controller try every host in turn."""

    type: str = "string"
    each: bool = False
    default: Value | None = None
    summary: str = ""


@dataclass(frozen=True, slots=True)
class StepSpec(Generic[With]):
    """`with_`: in a playbook its values; the verb's own model once it is parsed (`actions.arguments`)."""

    id: str
    action: str
    with_: With
    when: Condition | None = None
    verify: tuple[Watch, ...] = ()
    no_verify: str | None = None
    """Why there is nothing to verify; given if and only if `verify` is empty."""
    no_rollback: str | None = None
    """Why it cannot be undone, for a person to read in the plan."""
    on_failure: OnFailure | None = None
    risk: Risk | None = None
    timeout: float | None = None
    moves_mail: bool = False
    """A flag of its action: mail goes elsewhere after it, or cannot come for a while."""


@dataclass(frozen=True, slots=True)
class Limits:
    deadline: float = 45 * 60
    cooldown: float = 3600.0
    max_runs: int = 2
    per: float = 86400.0


@dataclass(frozen=True, slots=True)
class Failback:
    when: tuple[Condition, ...] = ()
    mode: str = "ask"


@dataclass(frozen=True, slots=True)
class Playbook:
    name: str
    summary: str
    steps: tuple[StepSpec[Values], ...]
    worse: str = ""
    not_fixed: tuple[str, ...] = ()
    priority: int = 100
    params: Mapping[str, Param] = field(default_factory=dict)
    trigger: Condition | None = None
    cures: tuple[str, ...] = ()
    """The incident classes it is for; the controller runs it only if the diagnosis names one. Empty: any."""
    preconditions: tuple[Condition, ...] = ()
    limits: Limits = Limits()
    on_failure: OnFailure = OnFailure.PAUSE
    failback: Failback | None = None


def named(step: StepSpec[Values], *keys: str) -> tuple[str, ...]:
    """The hosts and domains that stand under these keys: it works on `host` and `domain`, `to` takes mail on."""
    return tuple(str(step.with_[k]) for k in keys if k in step.with_)


def moves_mail(playbook: Playbook) -> bool:
    """Does a step take a host out of service, for all or most mail? Then a quorum and a fit target are needed."""
    return any(s.moves_mail or s.risk in {Risk.TRAFFIC, Risk.DOWNTIME} for s in playbook.steps)
