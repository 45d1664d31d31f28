"""A kind of channel: its form in hosts.yaml, its way to send, and where it may lead."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, get_args

from failover.core.alerting.alert import Message
from failover.core.fleet import Channel
from failover.fields import Strict

if TYPE_CHECKING:
    from failover.adapters.request import Request


class Form(Strict):
    """A channel as hosts.yaml has it. Each kind adds its keys; a required key has an example, which people are
    shown."""

    hides = True
    kind: str

    def channel(self) -> Channel:
        """The stored value: where it leads, and the reference to its secret."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Patience:
    """`deadline_s` bounds one message as a whole: name lookup, tries and pauses."""

    deadline_s: float
    backoff_s: float


Send = Callable[[Channel, Message, Patience], None]


class Leads(enum.Enum):
    """The parts of a channel that doctor looks at."""

    NOWHERE = "it stays on this machine"
    HTTPS = "to the host of an https URL, or to its service's own address"
    HIDDEN = "to a URL of any scheme, in whose host's place a token may stand: not shown"


@dataclass(frozen=True, slots=True)
class ChannelKind:
    """`instead`: what people may write as a kind, each with what to write in its place."""

    form: type[Form]
    send: Send
    leads: Leads = Leads.HTTPS
    instead: Mapping[str, str] = field(default_factory=dict)


def posted(request: Callable[[Channel, Message], Request]) -> Send:
    """A kind that sends one request over HTTPS. The libraries are loaded when the first message is sent."""

    def send(channel: Channel, message: Message, patience: Patience) -> None:
        from failover.adapters.https import deliver

        deliver(request(channel, message), patience.deadline_s, patience.backoff_s)

    return send


def example(form: type[Form]) -> str:
    """One that hosts.yaml takes: `{kind: webhook, url: "env:FAILOVER_WEBHOOK"}`."""
    (name,) = get_args(form.model_fields["kind"].annotation)
    shown = {"kind": name, **{key: f.examples[0] for key, f in form.model_fields.items() if f.examples}}
    return "{" + ", ".join(f"{key}: {value}" for key, value in shown.items()) + "}"
