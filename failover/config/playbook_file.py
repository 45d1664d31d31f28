"""The shape of a playbook file, as models; its JSON Schema comes from them."""

from __future__ import annotations

import re
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    create_model,
    model_validator,
)

from failover.actions import ACTIONS
from failover.actions.base import Action
from failover.actions.fields import A_HOST, Said, domain, host
from failover.core.observe.diagnosis import INCIDENTS
from failover.core.runs.leaving import LEAVING
from failover.core.runs.retention import RECENT
from failover.core.words import found, meant, seconds
from failover.fields import DURATION, PlaybookId, Span, Strict, Text, Wrong, shaped
from failover.signals import NAMED

_FOR = "write it as looks (for: 3 samples) or as a time (for: 15m)"


def _signal(name: str) -> str:
    if name not in NAMED:
        raise Wrong(f'there is no signal "{name}"; {meant(name, NAMED)}')
    return name


def _incident(name: str) -> str:
    if name not in INCIDENTS:
        raise Wrong(f'there is no incident "{name}"; {meant(name, INCIDENTS)}')
    return name


def _for(value: Any) -> tuple[int, float]:
    """(samples, seconds); one of them is given."""
    if isinstance(value, str) and (n := re.fullmatch(r"([1-9][0-9]{0,3}) samples?", value)):
        return int(n[1]), 0.0
    if isinstance(value, str) and (secs := seconds(value)):
        if secs > RECENT.total_seconds():
            raise Wrong(f"for is {found(value)}, and single looks are remembered for 2h; write at most that")
        return 1, secs
    raise Wrong(f"for is {found(value)}; {_FOR}")


def _per(value: Any) -> tuple[int, float]:
    shape = re.fullmatch(r"([1-9][0-9]{0,3}) per (\S+)", value) if isinstance(value, str) else None
    if not shape or not (secs := seconds(shape[2])):
        raise Wrong(f"max_runs is {found(value)}; write it as max_runs: 2 per 24h")
    return int(shape[1]), secs


def _one_of(value: Any, keys: tuple[str, ...], what: str, example: str) -> None:
    given = [k for k in keys if isinstance(value, dict) and k in value]
    if isinstance(value, dict) and len(given) != 1:
        has = f"{len(given)} ({', '.join(given)})" if given else "none"
        raise Wrong(f"{what}s found here: {has}; give exactly one of {', '.join(keys)}, such as {example}")


def _only_one(keys: tuple[str, ...]) -> dict[str, Any]:
    return {"oneOf": [{"required": [k]} for k in keys]}


def _subject(value: Any, info: ValidationInfo) -> str:
    """A host; or a domain, where the signal before it is `dns.…`."""
    return (domain if str(info.data.get("signal", "")).startswith("dns.") else host)(value, info)


SubjectRef = Annotated[str, PlainValidator(_subject), A_HOST]
"""The subject of a signal: a host, or a domain for `dns.mx`."""
SignalName = Annotated[
    str,
    AfterValidator(_signal),
    WithJsonSchema({"oneOf": [{"const": k, "description": v} for k, v in NAMED.items()]}),
]
IncidentName = Annotated[str, AfterValidator(_incident), WithJsonSchema({"enum": list(INCIDENTS)})]
For = Annotated[
    tuple[int, float],
    PlainValidator(_for),
    WithJsonSchema(
        {"type": "string", "pattern": rf"^[1-9][0-9]* samples?$|{DURATION}", "examples": ["3 samples", "15m"]}
    ),
]
PerText = Annotated[
    tuple[int, float], PlainValidator(_per), WithJsonSchema({"type": "string", "examples": ["2 per 24h"]})
]
StepId = Annotated[str, shaped(r"[a-z][a-z0-9-]{0,63}", "id of a step; write one such as bypass (a-z, 0-9, -)")]
ParamName = Annotated[str, shaped(r"[a-z][a-z0-9_-]{0,63}", "name for a parameter; write one such as sick")]
OnFailure = Literal["pause", "rollback", "continue"]
_BOUNDS = ("is", "above", "below", "age_above")
_GOALS = ("is", "falls_to", "leaves")


class Predicate(Strict):
    """One signal of one host against exactly one bound."""

    signal: SignalName = Field(examples=["spam.scan"])
    host: SubjectRef = Field(examples=['"${sick}"'])
    is_: Literal["ok", "warn", "fail", "unknown"] | None = Field(default=None, alias="is", description="Its outcome.")
    above: float | None = Field(default=None, description="Its value is above this.")
    below: float | None = Field(default=None, description="Its value is below this.")
    age_above: Span | None = Field(default=None, description="The oldest of what it counts waits longer than this.")
    for_: For | None = Field(
        default=None, alias="for", description="So many looks in a row, or so long without a break."
    )

    model_config = ConfigDict(json_schema_extra=_only_one(_BOUNDS))

    @model_validator(mode="before")
    @classmethod
    def _one_bound(cls, value: Any) -> Any:
        _one_of(value, _BOUNDS, "bound", "is: fail")
        return value


class AllOf(Strict):
    """Every one of them holds."""

    all: Annotated[list[Condition], Field(min_length=1)]


class AnyOf(Strict):
    """One of them holds, or more."""

    any: Annotated[list[Condition], Field(min_length=1)]


def _which(value: Any) -> str:
    return next((f"<{k}>" for k in ("all", "any") if isinstance(value, dict) and k in value), "<test>")


Condition = Annotated[
    Annotated[AllOf, Tag("<all>")] | Annotated[AnyOf, Tag("<any>")] | Annotated[Predicate, Tag("<test>")],
    Discriminator(_which),
]


AllOf.model_rebuild()
AnyOf.model_rebuild()


def _shows_nothing(watch: dict[str, Any]) -> str | None:
    """Why this goal proves nothing (it is always or never met), and what to write instead."""
    signal, queue = watch.get("signal"), str(watch.get("signal", "")).startswith("queue.")
    if "stops_growing" in watch:
        return "stops_growing is met where no mail comes at all, so it shows nothing; write leaves: some"
    if "age_below" in watch:
        return "age_below is met by mail that is only young, so it shows nothing; write leaves: all, or leaves: some"
    if "leaves" in watch and signal not in LEAVING:
        return f"leaves goes with {', '.join(LEAVING)}; write is or falls_to for {signal}"
    if watch.get("is") == "unknown":
        return "is: unknown can never be met, since a look that failed shows no effect; write is: ok"
    if "is" in watch and queue:
        return f"{signal} is ok also when no mail left, so it shows nothing; write leaves: some, or falls_to: 0"
    if "falls_to" in watch and signal in {"queue.pending", "queue.deferred"}:
        return f"mail that goes from one queue to another has not left, and {signal} falls; write leaves: all"
    if queue and watch.get("falls_to"):
        return f"{signal} may be that low already, so it shows nothing; write falls_to: 0"
    return None


class Watch(Strict):
    """Watches one signal for the step's effect: exactly one goal."""

    signal: SignalName = Field(examples=["queue.frozen"])
    host: SubjectRef = Field(examples=['"${sick}"'])
    is_: Literal["ok", "warn", "fail"] | None = Field(default=None, alias="is", description="Its outcome.")
    falls_to: float | None = Field(default=None, ge=0, description="Its value comes down to this.")
    leaves: Literal["some", "all"] | None = Field(
        default=None,
        description="Of the mail that waited when the step began, some or all has left; busy hosts reach it too.",
    )
    within: Span = Field(default=60.0, description="Time for it.")
    stalls_at_most: Span | None = Field(
        None, description="With falls_to or leaves: patience while no more leaves; no other limit."
    )

    model_config = ConfigDict(json_schema_extra=_only_one(_GOALS))

    @model_validator(mode="before")
    @classmethod
    def _one_goal(cls, value: Any) -> Any:
        if isinstance(value, dict) and (why := _shows_nothing(value)):
            raise Wrong(why)
        _one_of(value, _GOALS, "goal", "leaves: some")
        if isinstance(value, dict) and "stalls_at_most" in value:
            if not {"falls_to", "leaves"} & value.keys():
                raise Wrong("stalls_at_most goes with falls_to or leaves; write within instead")
            if "within" in value:
                raise Wrong("within and stalls_at_most are both given; keep one of the two")
        return value


class Nothing(Strict):
    """There is nothing to do here, and why."""

    none: Text = Field(description="The reason, for a person to read.", examples=['"the reason"'])

    @model_validator(mode="before")
    @classmethod
    def _with_reason(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise Wrong(f'{found(value)} stands here without a reason; write {{none: "the reason"}}')
        return value


Verify = Annotated[
    Annotated[Nothing, Tag("<none>")] | Annotated[Annotated[list[Watch], Field(min_length=1)], Tag("<watches>")],
    Discriminator(lambda v: "<none>" if isinstance(v, dict) or not isinstance(v, list) else "<watches>"),
]


class Param(Strict):
    type: Literal["host", "domain", "string", "duration", "number", "flag"] = "string"
    each: bool = Field(default=False, description="For a host: the controller tries the trigger for each host in turn.")
    default: str | int | float | bool | None = None
    summary: Text | None = None

    @model_validator(mode="after")
    def _fits(self) -> Param:
        if self.each and self.type != "host":
            raise Wrong(f"each goes with type: host, not {self.type}; leave it out")
        self._default_fits()
        return self

    def _default_fits(self) -> None:
        wanted: dict[str, tuple[tuple[type, ...], str]] = {
            "number": ((int, float), "a number"),
            "flag": ((bool,), "true or false"),
            "duration": ((str,), "a duration such as 10m"),
        }
        types, what = wanted.get(self.type, ((str,), "text"))
        fits = isinstance(self.default, types) and (self.type == "flag" or not isinstance(self.default, bool))
        if self.type == "duration" and isinstance(self.default, str):
            fits = bool(seconds(self.default))
        if self.default is not None and not fits:
            raise Wrong(f"default is {found(self.default)}, the type is {self.type}; write {what}")


class Limits(Strict):
    deadline: Span = Field(default=2700.0, description="A run ends by then, done or paused.")
    cooldown: Span = Field(default=3600.0, description="Least time between two runs.")
    max_runs: PerText | None = Field(default=None, description="More than these: a person is called.")


class Failback(Strict):
    """The planned return: the same undos, later, under their guards."""

    when: list[Condition] = Field(default_factory=list)
    mode: Literal["ask", "auto", "never"] = "ask"


class Step(Strict):
    id: StepId = Field(examples=["bypass"])
    when: Condition | None = Field(default=None, description="Skipped unless this holds.")
    verify: Verify = Field(
        description="How its effect is seen: watches, or none with the reason.",
        examples=[
            '[{signal: queue.frozen, host: "${sick}", falls_to: 0, stalls_at_most: 2m}], or {none: "the reason"}'
        ],
    )
    rollback: Nothing | None = Field(default=None, description="Only when it cannot be undone: none, with the reason.")
    on_failure: OnFailure | None = None
    risk: Literal["none", "traffic", "downtime"] | None = Field(
        default=None, description="What mail may notice; only raised."
    )
    timeout: Span | None = Field(default=None, description="The action itself may take so long.")

    if TYPE_CHECKING:  # each action's own step has them
        action: str
        with_: Strict


def _step(action: Action[Any]) -> type[Step]:
    """`Step` with this action's `with:`; the example in errors shows the keys without a default."""
    fields = action.with_.model_fields.items()
    needed = [(f.alias or n, (f.examples or ["…"])[0]) for n, f in fields if f.is_required()]
    example = f"{{{', '.join(f'{key}: {value}' for key, value in needed)}}}"
    literal: Any = Literal  # a name that is known only here
    return create_model(
        f"{action.with_.__name__}Step",
        __base__=Step,
        action=(literal[action.name], ...),
        with_=(action.with_, Field(alias="with", examples=[example])),
    )


if TYPE_CHECKING:
    AnyStep = Step
else:
    AnyStep = Annotated[reduce(or_, map(_step, ACTIONS.values())), Field(discriminator="action")]


class PlaybookFile(Strict):
    """One incident class: how it is recognised, what is done in which order, and how it is undone."""

    version: Literal[1] = Field(examples=["1"])
    name: PlaybookId = Field(description="As the file is called.", examples=["spam-filter-hung"])
    summary: Said = Field(description="What is wrong, and what this does about it.", examples=["What it does."])
    worse: Said = Field(default="", description="What would make this incident worse, for the person who is tempted.")
    not_fixed: list[Said] = Field(default_factory=list, description="What stays broken after it.")
    priority: Annotated[int, Field(ge=0, le=1000)] = Field(default=100, description="The lowest speaks first.")
    params: dict[ParamName, Param] = Field(default_factory=dict)
    trigger: Condition | None = Field(default=None, description="For the controller; a person's run needs none.")
    cures: list[IncidentName] = Field(
        default_factory=list, description="Incident classes it is for: unattended, the diagnosis has to name one."
    )
    preconditions: list[Condition] = Field(
        default_factory=list, description="Checked when planning and before each step."
    )
    limits: Limits = Limits()
    on_failure: OnFailure = "pause"
    steps: Annotated[list[AnyStep], Field(min_length=1)] = Field(
        examples=["[{id: bypass, action: spam.bypass, with: {…}, verify: […]}]"]
    )
    failback: Failback | None = None
