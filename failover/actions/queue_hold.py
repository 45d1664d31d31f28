"""`queue.hold`: mail that waits is put on hold by what it is; its undo lets it go again.

The host lists what it holds before it does, so what others hold, before or later, stays theirs. What is being
delivered goes on, and what comes later is not held. While mail of the list is on hold, it reads like a setting.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from failover.actions import remote
from failover.actions.base import Action, Attempt, Context, Flags, Ports, Result
from failover.actions.fields import A_TEXT, OnHost, SpanRef, matched
from failover.actions.setting import diff, read_settings, settle_setting, summary
from failover.actions.steps import NO_UNDO, state_step
from failover.actions.subjects import host_of
from failover.core.runs.plan import Certainty, Step
from failover.core.runs.playbook import Risk, StepSpec
from failover.core.words import duration
from failover.fields import Wrong

NOT, HELD = "-", "=held"
_ADDRESS, _DOMAIN = r"[A-Za-z0-9._+][A-Za-z0-9._+=-]*@[A-Za-z0-9.-]+", r"[A-Za-z0-9][A-Za-z0-9.-]*"
_IDS = r"[A-Za-z0-9]{5,32}(,[A-Za-z0-9]{5,32}){0,19}"
SHAPES = {"sender": _ADDRESS, "recipient": _ADDRESS, "nexthop": _DOMAIN, "ids": _IDS}
_Address = Annotated[str, matched(_ADDRESS, "address; write one such as ann@example.net"), A_TEXT]
_Domain = Annotated[str, matched(_DOMAIN, "domain; write one such as example.net"), A_TEXT]
_Ids = Annotated[str, matched(_IDS, 'list of queue ids; write one such as "4c0NBT1dmJz1,4c0NBV2Qlgz1"'), A_TEXT]


class Selected(OnHost):
    """Mail by exactly one of sender, recipient, nexthop, ids."""

    sender: _Address | None = Field(default=None, description="Mail of this sender.")
    recipient: _Address | None = Field(default=None, description="Mail with this recipient, for all that it has.")
    nexthop: _Domain | None = Field(default=None, description="Mail with a recipient in this domain.")
    ids: _Ids | None = Field(default=None, description="Messages by their queue ids, as postqueue shows them.")

    @model_validator(mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        given = [k for k in SHAPES if isinstance(value, dict) and k in value]
        if isinstance(value, dict) and len(given) != 1:
            has = f"{len(given)} ({', '.join(given)})" if given else "none"
            raise Wrong(f"what is held is said by {has}; give exactly one of {', '.join(SHAPES)}")
        return value

    @property
    def what(self) -> str:
        """KIND=VALUE, as the host names it."""
        return next(f"{kind}={value}" for kind in SHAPES if (value := getattr(self, kind)))


class Hold(Selected):
    """Puts mail that waits on hold, by exactly one of sender, recipient, nexthop, ids."""

    expires: SpanRef | None = Field(default=None, description="After this it is due to be let go.")


class QueueHold:
    name = "queue.hold"
    with_ = Hold
    read, settle = staticmethod(read_settings), staticmethod(settle_setting)
    stands = staticmethod(remote.stands)
    flags = Flags()

    def plan(self, spec: StepSpec[Hold], context: Context) -> Step:
        host, what = host_of(spec, context.ports.fleet), spec.with_.what
        key = f"hold {what}"
        found = remote.read(context.ports, host, "settings", {"s1": f"hold:{what}"})
        before = (found.one("setting") or ("", "", NOT))[-1]
        unchanged = before == HELD
        return state_step(
            spec,
            host,
            certainty=Certainty.UNCHANGED if unchanged else Certainty.EXACT,
            says=f"what waits of {what} is {'on hold by us already' if unchanged else 'put on hold'}",
            how={"what": what},
            before={key: before},
            want={key: HELD},
            diff=diff(key, before, HELD),
            undo=_undo_words(unchanged, spec.with_.expires),
            risk=Risk.TRAFFIC,
            eta_s=5.0,
            limit_s=spec.timeout or 120.0,
            expires_s=spec.with_.expires,
        )

    def act(self, step: Step, at: Attempt, ports: Ports) -> Result:
        reply = remote.act(step, at, ports, "hold", step.how)
        return summary(reply, "held", "busy")

    def undo(self, step: Step, at: Attempt, ports: Ports) -> Result:
        return let_go(step, at, ports, of_run=at.run, of_step=step.id)


ACTION: Action[Hold] = QueueHold()


def let_go(step: Step, at: Attempt, ports: Ports, *, of_run: str, of_step: str) -> Result:
    args = {"of_run": of_run, "of_step": of_step}
    return summary(remote.act(step, at, ports, "restore", args), "released")


def holds(step: Step, host: str, what: str) -> bool:
    """Is it a step that holds this mail on this host?"""
    return step.action == QueueHold.name and step.host == host and step.how["what"] == what


def _undo_words(unchanged: bool, lasts: float | None) -> str:
    if unchanged:
        return NO_UNDO
    return "let go what this step held, and nothing else" + (f" · expires in {duration(lasts)}" if lasts else "")
