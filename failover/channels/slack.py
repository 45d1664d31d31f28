"""`kind: slack`: a message by an incoming webhook (docs.slack.dev, "Sending messages using incoming webhooks").

As plain text: what came from a server formats nothing, links nothing and calls nobody (`<!channel>` is a page to all).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from failover.adapters.request import Request, url_of
from failover.channels.kind import ChannelKind, Form, posted
from failover.channels.text import line, lines, severity
from failover.core.alerting.alert import Message
from failover.core.fleet import Channel
from failover.fields import Secret

_TITLE, _TEXT = 300, 3500
"""A message of more than 4,000 characters is shown in pieces."""


class Slack(Form):
    """Slack, by the URL of an incoming webhook."""

    kind: Literal["slack"]
    url: Secret = Field(examples=['"env:FAILOVER_SLACK"'])

    def channel(self) -> Channel:
        return Channel(self.kind, self.url)


def request(channel: Channel, message: Message) -> Request:
    """Raises ConfigError."""
    loud = "" if message.resolves else f"{severity(message.severity)}: "
    said = f"{loud}{line(message.title, _TITLE)}\n{lines(message.text, _TEXT)}".rstrip()
    plain = said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return Request(
        url_of(channel.url or "", "Slack"),
        {"text": plain, "mrkdwn": False, "unfurl_links": False, "unfurl_media": False},
        taken={200},
        fix="403, 404, 410: the webhook is revoked, or its channel is archived: make a new one in Slack",
    )


KIND = ChannelKind(Slack, posted(request))
