"""`kind: stderr`: this process's standard error, which cron mails and the journal keeps."""

from __future__ import annotations

import sys
from typing import Literal

from failover.channels.kind import ChannelKind, Form, Leads, Patience
from failover.channels.text import line, lines
from failover.core.alerting.alert import Message
from failover.core.fleet import Channel
from failover.errors import Unreachable

_MOST = 100_000


class Stderr(Form):
    """Standard error: cron mails it, the journal keeps it."""

    kind: Literal["stderr"]

    def channel(self) -> Channel:
        return Channel(self.kind)


def send(channel: Channel, message: Message, patience: Patience) -> None:
    """Raises Unreachable."""
    said = f"failover: {message.severity}: {line(message.title, _MOST)}\n{lines(message.text, _MOST)}".rstrip()
    try:
        sys.stderr.write(said + "\n")
        sys.stderr.flush()
    except (OSError, ValueError) as e:
        raise Unreachable(f"standard error is closed: {e}", try_="add a webhook under `notify:`") from e


KIND = ChannelKind(Stderr, send, Leads.NOWHERE)
