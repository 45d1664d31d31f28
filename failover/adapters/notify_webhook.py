"""`kind: webhook`: the message itself as one JSON document, POSTed to any URL. The form is ours, by version."""

from __future__ import annotations

from dataclasses import asdict

from failover.adapters.https import Request, url_of
from failover.adapters.notify_text import line, lines
from failover.core.alert import Message
from failover.core.fleet import Channel

_TITLE, _TEXT = 1000, 100_000


def request(channel: Channel, message: Message) -> Request:
    """Raises ConfigError."""
    document = asdict(message) | {"title": line(message.title, _TITLE), "text": lines(message.text, _TEXT)}
    return Request(
        url_of(channel.url or "", "a webhook"),
        {"version": 1, **document},
        fix="check the webhook's URL: redirects count too",
    )
