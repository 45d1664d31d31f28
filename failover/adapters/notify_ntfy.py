"""`kind: ntfy`: a push to phones through ntfy.sh or a server of one's own (docs.ntfy.sh/publish, "Publish as JSON").

As JSON to the server's root, never by headers: nothing of a title can end up as a header, and every script is shown.
"""

from __future__ import annotations

import re

from failover.adapters.https import Request, secret, url_of
from failover.adapters.notify_text import bytes_of, line, lines, severity
from failover.core.alert import Message
from failover.core.fleet import Channel
from failover.errors import ConfigError

_TOPIC = re.compile(r"/([-_A-Za-z0-9]{1,64})/?")
_PRIORITY = {"critical": 5, "error": 4, "warning": 3, "info": 2}
_TAG = {"critical": "rotating_light", "error": "rotating_light", "warning": "warning", "info": "information_source"}
_TITLE = 200
_TEXT_BYTES = 3500
"""A message of 4,096 bytes or more becomes an attached file, and a document of more than 8,192, where every line end
counts twice, is refused (ntfy's server.go)."""


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
