"""`kind: ntfy`: a push to phones through ntfy.sh or a server of one's own (docs.ntfy.sh/publish, "Publish as JSON").

As JSON to the server's root, not by headers: so a title cannot become a header, and may have any letters.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from failover.adapters.request import Request, secret, url_of
from failover.channels.kind import ChannelKind, Form, posted
from failover.channels.text import bytes_of, line, lines, severity
from failover.core.alerting.alert import Message
from failover.core.fleet import Channel
from failover.errors import ConfigError
from failover.fields import HTTPS, Secret, Wrong, is_reference

_TOPIC = re.compile(r"/([-_A-Za-z0-9]{1,64})/?")
_PRIORITY = {"critical": 5, "error": 4, "warning": 3, "info": 2}
_TAG = {"critical": "rotating_light", "error": "rotating_light", "warning": "warning", "info": "information_source"}
_TITLE = 200
_TEXT_BYTES = 3500
"""A message of 4,096 bytes or more becomes an attached file, and a document of more than 8,192, where every line end
counts twice, is refused (ntfy's server.go)."""


def _url(url: str) -> str:
    if is_reference(url) or re.fullmatch(rf"({HTTPS})/[-_A-Za-z0-9]{{1,64}}", url):
        return url
    raise Wrong(
        'this is no ntfy topic (not shown); write "https://ntfy.sh/TOPIC" (up to 64 letters, digits, - and _), or '
        'where it is kept: "env:NAME", "file:PATH"'
    )


class Ntfy(Form):
    """A push to phones. `token`: for a topic that needs one."""

    kind: Literal["ntfy"]
    url: Annotated[str, AfterValidator(_url)] = Field(examples=['"https://ntfy.sh/TOPIC"'])
    token: Secret | None = None

    def channel(self) -> Channel:
        return Channel(self.kind, self.url, self.token)


def request(channel: Channel, message: Message) -> Request:
    """Raises ConfigError."""
    url = url_of(channel.url or "", "the ntfy topic")
    if url.query or not (topic := _TOPIC.fullmatch(url.path or "")):
        raise ConfigError(
            "the ntfy URL does not end in a topic (not shown, since who knows it may read)",
            try_='write `url: "https://ntfy.sh/TOPIC"`: up to 64 letters, digits, - and _',
        )
    loud = severity(message.severity)
    document = {
        "topic": topic[1],
        "title": line(message.title, _TITLE),
        "message": bytes_of(lines(message.text, _TEXT_BYTES), _TEXT_BYTES) or "(no more is known)",
        "priority": 3 if message.resolves else _PRIORITY[loud],
        "tags": ["white_check_mark" if message.resolves else _TAG[loud]],
    }
    headers = {"Authorization": f"Bearer {secret(channel.secret)}"} if channel.secret else {}
    fix = "401, 403: the topic wants a token that may write (token:); 404: is it an ntfy server?"
    return Request(url._replace(path="/"), document, headers, fix=fix)


KIND = ChannelKind(Ntfy, posted(request))
