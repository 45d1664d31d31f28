"""`kind: apprise`: every service of the Apprise library (mail, Slack, Telegram, …), by one of its URLs.

An extra, imported when used. Not every plugin has a time-out, and theirs are per socket operation; ours is around it.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from failover.adapters.secrets import resolve
from failover.adapters.watchdog import Overdue, within
from failover.channels.kind import ChannelKind, Form, Leads, Patience, example
from failover.channels.text import line, lines, severity
from failover.core.alerting.alert import Message
from failover.core.fleet import Channel
from failover.errors import ConfigError, FailoverError, OutcomeUnknown
from failover.fields import Secret

_TYPE = {"critical": "failure", "error": "failure", "warning": "warning", "info": "info"}
_TITLE, _TEXT = 250, 10_000
_BY_HAND = "try the same URL with the apprise command, which says more with -vv"


class Apprise(Form):
    """Every service of the Apprise library (mail, Telegram, …): pip install 'failover[apprise]'."""

    kind: Literal["apprise"]
    url: Secret = Field(examples=['"env:FAILOVER_APPRISE"'])

    def channel(self) -> Channel:
        return Channel(self.kind, self.url)


def send(channel: Channel, message: Message, patience: Patience) -> None:
    """Raises ConfigError (not installed, or no URL of a kind it knows) and OutcomeUnknown: it says only yes or no."""
    if not channel.url:
        raise ConfigError("the apprise channel has no URL", try_='write `url: "env:APPRISE_URL"`')
    url = resolve(channel.url)
    library = _library()
    try:
        took = within(patience.deadline_s, lambda: _notify(library, url, message))
    except Overdue:
        said = f"apprise did not end in {patience.deadline_s:g} s"
        raise OutcomeUnknown(said, try_="ask there before repeating it") from None
    except FailoverError:
        raise
    except Exception as e:  # of a plugin; its words may hold the URL
        raise OutcomeUnknown(f"apprise failed with {type(e).__name__}", try_=_BY_HAND) from None
    if not took:
        raise OutcomeUnknown("apprise could not tell it, or not all of it", try_=_BY_HAND)


def _library() -> Any:
    import logging

    try:
        import apprise
    except ImportError:
        raise ConfigError(
            "kind: apprise needs the Apprise library, which is not installed here",
            try_="pip install 'failover[apprise]'",
        ) from None
    for name in ("apprise", "urllib3"):  # they log URLs
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return apprise


def _notify(library: Any, url: str, message: Message) -> bool:
    teller = library.Apprise()
    if not teller.add(url):
        raise ConfigError(
            "what is kept there is no URL that Apprise knows (not shown, since it is a secret)",
            try_="see github.com/caronc/apprise for the form of each service's URL",
        )
    kind = "success" if message.resolves else _TYPE[severity(message.severity)]
    title, body = line(message.title, _TITLE), lines(message.text, _TEXT)
    return bool(teller.notify(title=title, body=body or title, notify_type=kind, body_format="text"))


_WRITE = f"write {example(Apprise)}"
KIND = ChannelKind(
    Apprise,
    send,
    Leads.HIDDEN,
    {
        "telegram": f"telegram is reached through apprise; {_WRITE}",
        "email": f"mail is reached through apprise, but not by these MX hosts; {_WRITE}",
    },
)
