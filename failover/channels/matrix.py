"""`kind: matrix`: a message in a Matrix room (spec.matrix.org, client-server API, "Sending events to a room").

All tries of one message have the same transaction id, so the room shows it once.
"""

from __future__ import annotations

import os
import re
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import AfterValidator, Field

from failover.adapters.request import Request, secret, url_of
from failover.channels.kind import ChannelKind, Form, posted
from failover.channels.text import bytes_of, line, lines, severity
from failover.core.alerting.alert import Message
from failover.core.fleet import Channel
from failover.errors import ConfigError
from failover.fields import HTTPS, Secret, Wrong

_TITLE = 300
_TEXT_BYTES = 20_000
"""An event of more than 65,536 bytes is refused. It has the text twice, and a quote or a line end takes 2 bytes."""


def _server(url: str) -> str:
    if re.fullmatch(f"({HTTPS})/?", url):
        return url.rstrip("/")
    raise Wrong('this is no homeserver (not shown); write its client API\'s root, such as "https://matrix.example.net"')


def _room(room: str) -> str:
    if re.fullmatch(r"![!-~]{1,254}", room):
        return room
    raise Wrong('this is no room id; write one such as "!opaque:example.net" (in Element: room settings, Advanced)')


class Matrix(Form):
    """A Matrix room without encryption, by the access token of an account that has joined it."""

    kind: Literal["matrix"]
    url: Annotated[str, AfterValidator(_server)] = Field(examples=['"https://matrix.example.net"'])
    room: Annotated[str, AfterValidator(_room)] = Field(examples=['"!opaque:example.net"'])
    token: Secret = Field(examples=['"env:MATRIX_TOKEN"'])

    def channel(self) -> Channel:
        return Channel(self.kind, f"{self.url}/_matrix/client/v3/rooms/{quote(self.room, safe='')}", self.token)


def request(channel: Channel, message: Message) -> Request:
    """Raises ConfigError."""
    if not channel.secret:
        raise ConfigError("Matrix wants an access token", try_='write `token: "env:MATRIX_TOKEN"`')
    room = url_of(channel.url or "", "the Matrix room")
    return Request(
        room._replace(path=f"{room.path}/send/m.room.message/{os.urandom(16).hex()}"),
        _content(message),
        {"Authorization": f"Bearer {secret(channel.secret)}"},
        taken={200},
        method="PUT",
        fix="401: the token is not valid; 403: its account has not joined the room; 404: not a homeserver's client API",
    )


def _content(message: Message) -> dict[str, object]:
    """`m.mentions` is empty: a name in the text calls nobody. A notice makes no sound."""
    loud = "" if message.resolves else f"{severity(message.severity)}: "
    text = bytes_of(lines(message.text, _TEXT_BYTES), _TEXT_BYTES)
    said = f"{loud}{line(message.title, _TITLE)}\n{text}".rstrip()
    return {"msgtype": "m.notice" if message.resolves else "m.text", "body": said, "m.mentions": {}}


KIND = ChannelKind(Matrix, posted(request))
