"""`kind: webhook`: the message itself as one JSON document, POSTed to any URL. The form is ours, by version."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from pydantic import Field

from failover.adapters.request import Request, url_of
from failover.channels.kind import ChannelKind, Form, posted
from failover.channels.text import line, lines
from failover.core.alerting.alert import Message
from failover.core.fleet import Channel
from failover.fields import SecretUrl

_TITLE, _TEXT = 1000, 100_000


class Webhook(Form):
    """Any URL: it gets JSON with version, key, severity, title, text and resolves."""

    kind: Literal["webhook"]
    url: SecretUrl = Field(examples=['"env:FAILOVER_WEBHOOK"'])

    def channel(self) -> Channel:
        return Channel(self.kind, self.url)


def request(channel: Channel, message: Message) -> Request:
    """Raises ConfigError."""
    document = asdict(message) | {"title": line(message.title, _TITLE), "text": lines(message.text, _TEXT)}
    return Request(
        url_of(channel.url or "", "a webhook"),
        {"version": 1, **document},
        fix="check the webhook's URL: redirects count too",
    )


KIND = ChannelKind(Webhook, posted(request))
