"""Send a message by any kind of channel, within a deadline."""

from __future__ import annotations

from dataclasses import dataclass

from failover.channels import CHANNELS
from failover.channels.kind import Patience
from failover.core.fleet import Channel
from failover.errors import ConfigError
from failover.ports import Message


@dataclass(frozen=True, slots=True)
class Notify:
    """Implements `ports.Notifier`. `deadline_s` bounds one message as a whole: name lookup, tries and pauses."""

    deadline_s: float = 10.0
    backoff_s: float = 0.5

    def send(self, channel: Channel, message: Message) -> None:
        """Send it once.

        Raises:
            Unreachable: certainly not told.
            OutcomeUnknown: sent, and no answer came, or a 5xx: maybe told.
            StepFailed: the service refused it.
            ConfigError: an unknown kind of channel, a bad URL, or a secret that cannot be read.
        """
        kind = CHANNELS.get(channel.kind)
        if kind is None:
            raise ConfigError(f"no channel is of kind {channel.kind!r}", try_=f"write `kind: {' | '.join(CHANNELS)}`")
        kind.send(channel, message, Patience(self.deadline_s, self.backoff_s))
