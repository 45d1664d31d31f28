"""Telling people: each kind of channel is a module beside this one; what is told is bounded in time."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from failover.adapters.notify_text import line, lines
from failover.core.fleet import Channel
from failover.errors import ConfigError, Unreachable
from failover.ports import Message

_OVER_HTTPS = ("webhook", "ntfy", "pagerduty")
KINDS = ("stderr", *_OVER_HTTPS, "apprise")
_MOST = 100_000


@dataclass(frozen=True, slots=True)
class Notify:
    """Implements `ports.Notifier`. `deadline_s` bounds one message as a whole: name lookup, tries and pauses."""

    deadline_s: float = 10.0
    backoff_s: float = 0.5

    def send(self, channel: Channel, message: Message) -> None:
        """Tell it once.

        Raises:
            Unreachable: certainly not told.
            OutcomeUnknown: sent, and no answer came, or a 5xx: maybe told.
            StepFailed: the service answered, and turned it away.
            ConfigError: no such kind of channel, its URL is none, or its secret is not where the reference says.
        """
        if channel.kind == "stderr":
            _to_stderr(message)
        elif channel.kind == "apprise":
            from failover.adapters import notify_apprise

            notify_apprise.send(channel, message, self.deadline_s)
        elif channel.kind in _OVER_HTTPS:
            self._post(channel, message)
        else:
            raise ConfigError(f"no channel is of kind {channel.kind!r}", try_=f"write `kind: {' | '.join(KINDS)}`")

    def _post(self, channel: Channel, message: Message) -> None:
        """The libraries are loaded by the first word that goes this way: most commands tell nobody anything."""
        from failover.adapters import notify_ntfy, notify_pagerduty, notify_webhook
        from failover.adapters.https import deliver

        kinds = {
            "webhook": notify_webhook.request,
            "ntfy": notify_ntfy.request,
            "pagerduty": notify_pagerduty.request,
        }
        deliver(kinds[channel.kind](channel, message), self.deadline_s, self.backoff_s)


def _to_stderr(message: Message) -> None:
    said = f"failover: {message.severity}: {line(message.title, _MOST)}\n{lines(message.text, _MOST)}".rstrip()
    try:
        sys.stderr.write(said + "\n")
        sys.stderr.flush()
    except (OSError, ValueError) as e:
        raise Unreachable(f"standard error is closed: {e}", try_="add a webhook under `notify:`") from e
