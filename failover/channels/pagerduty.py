"""`kind: pagerduty`: PagerDuty's Events API v2 (developer.pagerduty.com, "Send an Alert Event").

One incident is one alert there: `dedup_key` is the message's key, so a later stage or a repeat does not page again, and
the end of the incident resolves it.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from pydantic import Field

from failover.adapters.request import Request, secret, url_of
from failover.channels.kind import ChannelKind, Form, posted
from failover.channels.text import line, lines, severity
from failover.core.alerting.alert import Message
from failover.core.fleet import Channel
from failover.errors import ConfigError
from failover.fields import Secret, SecretUrl

ENQUEUE = "https://events.pagerduty.com/v2/enqueue"
ACCEPTED = 202
_SUMMARY, _KEY = 1024, 255
_TEXT = 100_000
"""Events of more than 512 KB are refused; a character takes up to 4 bytes, and an escaped quote 2."""


class PagerDuty(Form):
    """PagerDuty's Events API v2. In the EU: `url: https://events.eu.pagerduty.com/v2/enqueue`."""

    kind: Literal["pagerduty"]
    key: Secret = Field(examples=['"env:PAGERDUTY_KEY"'])
    url: SecretUrl | None = None

    def channel(self) -> Channel:
        return Channel(self.kind, self.url, self.key)


def request(channel: Channel, message: Message) -> Request:
    """Raises ConfigError."""
    if not channel.secret:
        raise ConfigError("PagerDuty wants a routing key", try_='write `key: "env:PAGERDUTY_KEY"`')
    event: dict[str, Any] = {
        "routing_key": secret(channel.secret),
        "event_action": "resolve" if message.resolves else "trigger",
        "dedup_key": _key(message.key),
    }
    if not message.resolves:
        event |= {"payload": _payload(message), "client": "failover"}
    fix = "400: the key is not that of an Events API v2 integration (32 characters)"
    return Request(url_of(channel.url or ENQUEUE, "PagerDuty"), event, taken={ACCEPTED}, fix=fix)


def _payload(message: Message) -> dict[str, Any]:
    source, _, class_ = message.key.partition("/")
    return {
        "summary": line(message.title, _SUMMARY) or message.key,
        "source": source,
        "severity": severity(message.severity),
        "class": class_ or source,
        "custom_details": {"text": lines(message.text, _TEXT)},
    }


def _key(key: str) -> str:
    """The same for the same incident, in at most 255 characters."""
    if len(key) <= _KEY:
        return key
    return f"{key[:190]} {hashlib.sha256(key.encode(errors='replace')).hexdigest()}"


KIND = ChannelKind(PagerDuty, posted(request))
