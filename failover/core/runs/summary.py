"""A run in short, so that an index can find it: its folded events and a few fields of its plan. Pure.

The journal stays the only truth: a summary can be rebuilt from it at any time. The store writes both in one
transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from failover.core.runs.journal import Event, RunState, RunView, apply, beginning
from failover.core.runs.plan import Plan
from failover.core.runs.playbook import Value

UNKNOWN = "unknown"
"""The playbook of a run that cannot be read."""


@dataclass(frozen=True, slots=True)
class Outline:
    """The fields of a plan that are needed of old runs, too. `steps`: by id, can it be undone?"""

    playbook: str
    hosts: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    params: Mapping[str, Value] = field(default_factory=dict)
    incident: str | None = None
    steps: Mapping[str, bool] = field(default_factory=dict)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Its hosts and domains."""
        return (*self.hosts, *self.domains)


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of a run. `open`: nothing new may start on its hosts. `acted`: a step was begun.

    `owes`: a change that can be undone is not undone yet. `touched`: the time of its newest event.
    """

    state: RunState
    because: str
    open: bool
    owes: bool
    acted: bool
    touched: datetime


@dataclass(frozen=True, slots=True)
class Summary:
    run: str
    opened: datetime
    by: str
    reason: str
    outline: Outline
    progress: Progress


@dataclass(frozen=True, slots=True)
class Folded:
    """The first `seq` events of a run, folded."""

    outline: Outline
    opened: datetime
    view: RunView
    seq: int
    touched: datetime

    @classmethod
    def of(cls, outline: Outline, opened: datetime, events: Iterable[Event] = ()) -> Folded:
        folded = cls(outline, opened, beginning(outline.steps), 0, opened)
        for event in events:
            folded = folded.after(event)
        return folded

    def after(self, event: Event) -> Folded:
        """The latest time counts, not the last one: the clock may have been set back."""
        touched = max(self.touched, event.at)
        return replace(self, view=apply(self.view, event), seq=event.seq, touched=touched)

    @property
    def progress(self) -> Progress:
        v = self.view
        owes = any(undoable and v.steps[s].owed for s, undoable in self.outline.steps.items())
        acted = any(s.attempts for s in v.steps.values())
        return Progress(v.state, v.because, v.open, owes, acted, self.touched)


def outline(plan: Plan) -> Outline:
    steps = {s.id: s.undoable for s in plan.steps}
    return Outline(plan.playbook, plan.hosts, plan.domains, plan.params, plan.incident, steps)
