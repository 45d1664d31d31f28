"""Telling people: standard error, and webhooks over HTTPS. A webhook's URL is a secret; only its host is ever said."""

from __future__ import annotations

import logging
import sys
import threading
from dataclasses import asdict, dataclass, field

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from failover.core.fleet import Channel
from failover.errors import ConfigError, FailoverError, OutcomeUnknown, StepFailed, Unreachable
from failover.ports import Message

_TRIES = 3
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_REFERENCES = ("file:", "env:", "cred:")


@dataclass(frozen=True, slots=True)
class Notify:
    """Implements `ports.Notifier`. `deadline_s` bounds one message as a whole: name lookup, tries and pauses."""

    deadline_s: float = 10.0
    backoff_s: float = 0.5

    def send(self, channel: Channel, message: Message) -> None:
        """Tell it once.

        Raises:
            Unreachable: certainly not told.
            OutcomeUnknown: sent, but no answer came: maybe told.
            StepFailed: the webhook answered, and not with 2xx.
            ConfigError: no such kind of channel, or its URL is none.
        """
        match channel.kind:
            case "stderr":
                _to_stderr(message)
            case "webhook":
                _within(self.deadline_s, _Webhook(_url(channel), message, self.deadline_s, self.backoff_s))
            case kind:
                raise ConfigError(f"no channel is of kind {kind!r}", try_="write `kind: stderr` or `kind: webhook`")


def _to_stderr(message: Message) -> None:
    """Text that came from a server moves no cursor: everything but printable text and line ends is shown as `?`."""
    said = f"failover: {message.severity}: {message.title}\n{message.text}".rstrip()
    safe = "".join(c if c.isprintable() or c == "\n" else "?" for c in said)
    try:
        sys.stderr.write(safe + "\n")
        sys.stderr.flush()
    except (OSError, ValueError) as e:
        raise Unreachable(f"standard error is closed: {e}", try_="add a webhook under `notify:`") from e


def _url(channel: Channel) -> httpx.URL:
    from failover.adapters.secrets import resolve

    given = channel.url or ""
    try:
        url = httpx.URL(resolve(given) if given.startswith(_REFERENCES) else given)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.host and (url.scheme == "https" or (url.scheme == "http" and url.host in _LOOPBACK)):
        return url
    raise ConfigError(
        "a webhook's URL is not an https URL (not shown, since it is a secret)",
        try_='write `url: "https://…"`, or a reference to one: `env:NAME`, `file:PATH`',
    )


class _Busy(StepFailed):
    """5xx or 429: the same message may be tried again, since `key` lets the receiver tell it is the same."""


@dataclass(slots=True)
class _Webhook:
    """One message on its way. `sent` says whether the current try may have arrived; `over`, that none may start."""

    url: httpx.URL
    message: Message
    deadline_s: float
    backoff_s: float
    sent: bool = False
    over: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def deliver(self) -> None:
        tries = Retrying(
            retry=retry_if_exception_type(_Busy),
            stop=stop_after_attempt(_TRIES),
            wait=wait_exponential(self.backoff_s, max=self.deadline_s / 4),
            reraise=True,
        )
        tries(self._post)

    def give_up(self) -> FailoverError:
        with self.lock:
            self.over = True
            return self._no_answer(f"no answer in {self.deadline_s:g} s")

    def _post(self) -> None:
        try:
            status = self._status()
        except httpx.TransportError as e:
            raise self._no_answer(str(e) or type(e).__name__) from None
        if 200 <= status < 300:
            return
        with self.lock:
            self.sent = False
        if status == 429 or status >= 500:
            raise _Busy(f"{self.url.host} answered {status}, {_TRIES} times", try_="look at that service")
        raise StepFailed(f"{self.url.host} answered {status}", try_="check the webhook's URL: redirects count too")

    def _status(self) -> int:
        """The answer's body is not read, so it cannot hold us up; redirects are not followed."""
        document = {"version": 1, **asdict(self.message)}
        trace = {"trace": self._trace}
        with (
            httpx.Client(timeout=self.deadline_s) as client,
            client.stream("POST", self.url, json=document, extensions=trace) as answer,
        ):
            return answer.status_code

    def _trace(self, event: str, info: object) -> None:
        if event.endswith("send_request_headers.started"):
            with self.lock:
                if self.over:
                    raise httpx.ConnectTimeout("given up before anything was sent")
                self.sent = True

    def _no_answer(self, why: str) -> FailoverError:
        if self.sent:
            return OutcomeUnknown(f"{self.url.host} may have been told: {why}", try_="ask there before repeating it")
        return Unreachable(f"{self.url.host} was not told: {why}", try_="check the network from here, and its name")


def _within(deadline_s: float, webhook: _Webhook) -> None:
    """A thread, since nothing else bounds a name lookup or an answer that comes byte by byte."""
    for library in ("httpx", "httpcore"):  # they log whole URLs
        logging.getLogger(library).setLevel(logging.WARNING)
    failed: list[BaseException] = []

    def run() -> None:
        try:
            webhook.deliver()
        except BaseException as e:
            failed.append(e)

    thread = threading.Thread(target=run, daemon=True, name="webhook")
    thread.start()
    thread.join(deadline_s)
    if thread.is_alive():
        raise webhook.give_up()
    if failed:
        raise failed[0]
