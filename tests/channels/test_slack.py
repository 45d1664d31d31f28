"""Slack against a server that is stricter than the real one: what is shown there is text, and nobody is called."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from html import unescape

import pytest

from failover.channels.notifier import Notify
from failover.core.alerting.alert import Message
from failover.core.fleet import Channel
from failover.errors import ConfigError, FailoverError, OutcomeUnknown, StepFailed
from tests.adapters.http_server import SECRET, Got, answering, serving

PAGE = Message("mx1/spam-filter-hung", "critical", "mx1: spam filter hung", "412 messages wait\nthe oldest 3 min")
OVER = replace(PAGE, severity="info", title="resolved: mx1: spam filter hung", resolves=True)
HOSTILE = Message(
    "mx1/\udcff",
    "catastrophe",
    "<!channel> & <https://evil.example|click>\r\n\x1b[2J" + "\N{PILE OF POO}" * 2000,
    '<@U012AB3CD> &lt;!here&gt; "\x1b]0;x\x07\n' * 5000 + "\udcff",
)
SLACK = Channel("slack", "env:SLACK")
QUICK = Notify(deadline_s=5.0, backoff_s=0.01)


@dataclass
class Slack:
    """An incoming webhook: its path, its fields, and text that is whole: all of `&`, `<` and `>` as entities."""

    why: list[str] = field(default_factory=list)

    def __call__(self, got: Got) -> int:
        status, why = self._judged(got)
        self.why.append(why)
        return status

    def _judged(self, got: Got) -> tuple[int, str]:
        if got.path != f"/services/T0/B0/{SECRET}":
            return 404, "no_service"
        if (got.method, got.headers.get("content-type")) != ("POST", "application/json"):
            return 400, "invalid_payload"
        if {*got.document} != {"text", "mrkdwn", "unfurl_links", "unfurl_media"}:
            return 400, f"fields {sorted(got.document)}"
        text = got.document["text"]
        if not text.strip():
            return 400, "no_text"
        if re.search("[<>]|&(?!amp;|lt;|gt;)", text) or not text.replace("\n", "").isprintable():
            return 400, "not plain"
        if any(got.document[key] for key in ("mrkdwn", "unfurl_links", "unfurl_media")):
            return 400, "formatted"
        return (200, "") if len(unescape(text)) <= 4000 else (400, "msg_too_long")


def shown(e: FailoverError) -> str:
    return f"{e} {e.try_} {e.__cause__} {e.__context__ if not e.__suppress_context__ else ''}"


def test_slack_is_told_in_text_and_its_end_is_not_loud(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(service := Slack()) as (root, got):
        monkeypatch.setenv("SLACK", f"{root}/services/T0/B0/{SECRET}")
        for message in (PAGE, OVER, replace(PAGE, text="")):
            QUICK.send(SLACK, message)
    assert service.why == ["", "", ""]
    assert [g.document["text"] for g in got] == [
        "critical: mx1: spam filter hung\n412 messages wait\nthe oldest 3 min",
        "resolved: mx1: spam filter hung\n412 messages wait\nthe oldest 3 min",
        "critical: mx1: spam filter hung",
    ]


def test_hostile_words_call_nobody_and_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(service := Slack()) as (root, got):
        monkeypatch.setenv("SLACK", f"{root}/services/T0/B0/{SECRET}")
        QUICK.send(SLACK, HOSTILE)
    assert service.why == [""]
    first, second = unescape(got[0].document["text"]).split("\n")[:2]
    assert first.startswith("critical: <!channel> & <https://evil.example|click>  ?[2J")
    assert second == '<@U012AB3CD> &lt;!here&gt; "?]0;x?'


@pytest.mark.parametrize(
    ("answers", "tries", "error"),
    [
        ((403,), 1, StepFailed),  # action_prohibited
        ((404,), 1, StepFailed),  # no_service, channel_not_found
        ((410, 200), 1, StepFailed),  # channel_is_archived
        ((302, 200), 1, StepFailed),
        ((202,), 1, OutcomeUnknown),  # Slack says 200
        ((429, 429, 429, 200), 3, StepFailed),
        ((500, 500, 500, 200), 3, OutcomeUnknown),  # rollup_error
    ],
)
def test_slack_says_no(
    answers: tuple[int, ...], tries: int, error: type[FailoverError], monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(*answers) as (url, got):
        monkeypatch.setenv("SLACK", url)
        with pytest.raises(error) as e:
            QUICK.send(SLACK, PAGE)
    assert len(got) == tries
    assert SECRET not in shown(e.value)


def test_a_webhook_that_is_revoked_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Slack()) as (root, _):
        monkeypatch.setenv("SLACK", f"{root}/services/T0/B0/another{SECRET}")
        with pytest.raises(StepFailed, match=r"^127\.0\.0\.1 answered 404$") as e:
            QUICK.send(SLACK, PAGE)
    assert "make a new one in Slack" in e.value.try_
    assert SECRET not in shown(e.value)


def test_slack_that_is_busy_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(429, 200) as (url, got):
        monkeypatch.setenv("SLACK", url)
        QUICK.send(SLACK, PAGE)
    assert len(got) == 2


@pytest.mark.parametrize("kept", ["", f"http://hooks.slack.com/services/{SECRET}", f"xoxb-{SECRET}"])
def test_a_url_that_is_none_is_refused_unseen(kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK", kept)
    with pytest.raises(ConfigError) as e:
        QUICK.send(SLACK, PAGE)
    assert SECRET not in shown(e.value)
