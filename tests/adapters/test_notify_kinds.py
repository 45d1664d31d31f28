"""ntfy, PagerDuty, Apprise and the heartbeat against real servers in a thread that are stricter than the real ones."""

from __future__ import annotations

import logging
import sys
import threading
import types
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from failover.adapters.heartbeat import beat
from failover.channels.notifier import Notify
from failover.channels.pagerduty import ENQUEUE, request
from failover.core.alerting.alert import Message
from failover.core.fleet import Channel
from failover.errors import ConfigError, FailoverError, OutcomeUnknown, StepFailed
from tests.adapters.http_server import SECRET, Ntfy, PagerDuty, answering, serving

PAGE = Message("mx1/spam-filter-hung", "critical", "mx1: spam filter hung", "412 messages wait\nthe oldest 3 min")
OVER = replace(PAGE, severity="info", title="resolved: mx1: spam filter hung", resolves=True)
QUICK = Notify(deadline_s=5.0, backoff_s=0.01)
KEY = "0123456789abcdef0123456789abcdef"
HOSTILE = Message(
    "mx1/\udcff" + "k" * 300,
    "catastrophe",
    'späm\r\nPriority: min\r\n\r\n\x1b[2J"\u202e' + "\N{PILE OF POO}" * 2000,
    '"\x1b]0;x\x07\n' * 50_000 + "é\udcff" * 5000,
)


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", KEY)
    monkeypatch.setenv("TOKEN", f"tk_{SECRET}")


def shown(e: FailoverError) -> str:
    return f"{e} {e.try_} {e.__cause__} {e.__context__ if not e.__suppress_context__ else ''}"


def test_ntfy_is_told_as_json_at_the_root_with_its_token() -> None:
    judge = Ntfy(SECRET, f"tk_{SECRET}")
    with serving(judge) as (root, got):
        QUICK.send(Channel("ntfy", f"{root}/{SECRET}", "env:TOKEN"), PAGE)
        QUICK.send(Channel("ntfy", f"{root}/{SECRET}", "env:TOKEN"), OVER)
    assert [g.document for g in got] == [
        {"topic": SECRET, "title": PAGE.title, "message": PAGE.text, "priority": 5, "tags": ["rotating_light"]},
        {"topic": SECRET, "title": OVER.title, "message": OVER.text, "priority": 3, "tags": ["white_check_mark"]},
    ]


def test_ntfy_without_a_token_sends_none_and_the_louder_the_more_urgent() -> None:
    with serving(Ntfy(SECRET)) as (root, got):
        for severity in ("info", "warning", "error", "critical"):
            QUICK.send(Channel("ntfy", f"{root}/{SECRET}"), replace(PAGE, severity=severity, text=""))
    assert [g.document["priority"] for g in got] == [2, 3, 4, 5]


def test_ntfy_refused_or_busy() -> None:
    with serving(Ntfy(SECRET, "another")) as (root, got):
        with pytest.raises(StepFailed, match=r"^127\.0\.0\.1 answered 403$") as e:
            QUICK.send(Channel("ntfy", f"{root}/{SECRET}", "env:TOKEN"), PAGE)
        assert len(got) == 1
    assert "token" in e.value.try_
    assert SECRET not in shown(e.value)
    with answering(429, 200) as (url, got):
        QUICK.send(Channel("ntfy", url), PAGE)
        assert len(got) == 2


@pytest.mark.parametrize(
    "path", ["", "/", f"/{SECRET}/json", f"/{SECRET}%0d%0aX", f"/{SECRET}.", f"/{SECRET}?auth=x", "/" + "t" * 65]
)
def test_ntfy_without_a_topic_asks_nobody(path: str) -> None:
    with serving(Ntfy(SECRET)) as (root, got):
        with pytest.raises(ConfigError, match="does not end in a topic") as e:
            QUICK.send(Channel("ntfy", f"{root}{path}"), PAGE)
        assert got == []
    assert SECRET not in shown(e.value)


def test_pagerduty_pages_once_an_incident_and_its_end_resolves_it() -> None:
    service = PagerDuty(KEY)
    with serving(service) as (root, got):
        channel = Channel("pagerduty", f"{root}/v2/enqueue", "env:KEY")
        QUICK.send(channel, PAGE)
        QUICK.send(channel, replace(PAGE, title="mx1: bypassed", severity="info"))
        assert [*service.open] == ["mx1/spam-filter-hung"]
        QUICK.send(channel, OVER)
    assert (service.paged, service.open) == ([PAGE.title], {})
    assert got[0].document["payload"] == {
        "summary": PAGE.title,
        "source": "mx1",
        "severity": "critical",
        "class": "spam-filter-hung",
        "custom_details": {"text": PAGE.text},
    }


def test_pagerduty_takes_by_202_only_and_a_400_is_final() -> None:
    rows: tuple[tuple[tuple[int, ...], int, type[FailoverError]], ...] = (
        ((200,), 1, OutcomeUnknown),  # PagerDuty's own answer is 202: who else says 200, and to what?
        ((400, 202), 1, StepFailed),
        ((503, 429, 500, 202), 3, OutcomeUnknown),
    )
    for answers, tries, error in rows:
        with answering(*answers) as (url, got):
            with pytest.raises(error) as e:
                QUICK.send(Channel("pagerduty", url, "env:KEY"), PAGE)
            assert len(got) == tries
        assert KEY not in shown(e.value)
    with answering(429, 202) as (url, _):
        QUICK.send(Channel("pagerduty", url, "env:KEY"), PAGE)


def test_pagerduty_is_where_it_says_when_no_url_is_given() -> None:
    assert ENQUEUE == "https://events.pagerduty.com/v2/enqueue"
    asked = request(Channel("pagerduty", None, "env:KEY"), PAGE)
    assert str(asked.url) == ENQUEUE
    assert KEY not in repr(asked)


def test_keys_of_two_long_incidents_stay_apart() -> None:
    keys = [request(Channel("pagerduty", None, "env:KEY"), replace(PAGE, key="k" * 255 + c)).document for c in "ab"]
    assert keys[0] is not None
    assert keys[1] is not None
    assert keys[0]["dedup_key"] != keys[1]["dedup_key"]


def test_hostile_words_end_up_in_no_header_and_in_no_line_of_their_own() -> None:
    ntfy, pagerduty = Ntfy(SECRET), PagerDuty(KEY)
    with serving(ntfy) as (root, got):
        QUICK.send(Channel("ntfy", f"{root}/{SECRET}"), HOSTILE)
        QUICK.send(Channel("ntfy", f"{root}/{SECRET}"), replace(PAGE, text="é" * 5000))
    assert got[0].document["title"].startswith('späm  Priority: min    ?[2J"?')
    with serving(pagerduty) as (root, got):
        QUICK.send(Channel("pagerduty", f"{root}/v2/enqueue", "env:KEY"), HOSTILE)
        QUICK.send(Channel("pagerduty", f"{root}/v2/enqueue", "env:KEY"), replace(HOSTILE, resolves=True))
    assert (ntfy.why, pagerduty.why, pagerduty.open) == (["", ""], ["", ""], {})
    assert "\x1b" not in got[0].document["payload"]["custom_details"]["text"]
    with answering(200) as (url, got):
        QUICK.send(Channel("webhook", url), HOSTILE)
        assert got[0].document["title"].isprintable()


@pytest.mark.parametrize("bad", ["", f"{SECRET}\r\nX-Evil:1", f"{SECRET} x", f"{SECRET}é"])
@pytest.mark.parametrize("kind", ["ntfy", "pagerduty"])
def test_a_secret_that_is_none_is_refused_unseen(kind: str, bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAD", bad)
    with serving(lambda _: 202) as (root, got):
        with pytest.raises(ConfigError, match="env:BAD") as e:
            QUICK.send(Channel(kind, f"{root}/{SECRET}", "env:BAD"), PAGE)
        assert got == []
    assert SECRET not in shown(e.value)


def test_pagerduty_without_a_key_says_so() -> None:
    with pytest.raises(ConfigError, match="routing key"):
        QUICK.send(Channel("pagerduty"), PAGE)


# Apprise ---------------------------------------------------------------------


class StandIn(types.ModuleType):
    """As much of Apprise's interface as is used, checked as the real one would."""

    def __init__(self, does: Any) -> None:
        super().__init__("apprise")
        self.told: list[dict[str, Any]] = []
        outer = self

        class Apprise:
            def __init__(self) -> None:
                self.urls: list[str] = []

            def add(self, url: str) -> bool:
                self.urls.append(url)
                return url.startswith("json://")

            def notify(self, body: str, title: str, notify_type: str, body_format: str) -> Any:
                assert notify_type in {"info", "success", "warning", "failure"}
                assert body
                outer.told.append({"urls": self.urls, "title": title, "body": body, "type": notify_type})
                return does()

        self.Apprise = Apprise


@pytest.fixture
def loggers() -> Iterator[None]:
    """Silencing a library is for good; a test leaves no trace."""
    names = ("apprise", "urllib3")
    before = [logging.getLogger(n).level for n in names]
    yield
    for name, level in zip(names, before, strict=True):
        logging.getLogger(name).setLevel(level)


APPRISE = Channel("apprise", "env:APPRISE")


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch, loggers: None) -> None:
    monkeypatch.setenv("APPRISE", f"json://127.0.0.1/{SECRET}")


def test_apprise_that_is_not_installed_names_its_extra(url: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ConfigError, match="not installed") as e:
        QUICK.send(APPRISE, PAGE)
    assert e.value.try_ == "pip install 'failover[apprise]'"


def test_apprise_is_told_in_its_own_words(url: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", library := StandIn(lambda: True))
    QUICK.send(APPRISE, replace(PAGE, title="mx1:\r\nBcc: x"))
    QUICK.send(APPRISE, replace(OVER, text=""))
    urls = [f"json://127.0.0.1/{SECRET}"]
    assert library.told == [
        {"urls": urls, "title": "mx1:  Bcc: x", "body": PAGE.text, "type": "failure"},
        {"urls": urls, "title": OVER.title, "body": OVER.title, "type": "success"},
    ]


def test_apprise_that_fails_hangs_or_raises_is_maybe_told_and_shows_no_url(
    url: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = threading.Event()

    def raises() -> None:
        raise RuntimeError(f"json://127.0.0.1/{SECRET}")

    for does in (lambda: False, lambda: None, raises, hangs.wait):
        monkeypatch.setitem(sys.modules, "apprise", StandIn(does))
        with pytest.raises(OutcomeUnknown) as e:
            Notify(deadline_s=0.5).send(APPRISE, PAGE)
        assert SECRET not in shown(e.value)
    hangs.set()


def test_apprise_with_a_url_it_does_not_know(url: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", library := StandIn(lambda: True))
    monkeypatch.setenv("APPRISE", f"pigeon://{SECRET}")
    with pytest.raises(ConfigError, match="no URL that Apprise knows") as e:
        QUICK.send(APPRISE, PAGE)
    assert library.told == []
    assert SECRET not in shown(e.value)


@pytest.mark.filterwarnings("default::DeprecationWarning")  # Apprise's own
def test_the_real_apprise(url: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(lambda _: 200) as (root, got):
        monkeypatch.setenv("APPRISE", f"{root.replace('http', 'json')}/{SECRET}")
        Notify(deadline_s=60.0).send(APPRISE, PAGE)
    assert (got[0].path, got[0].document["title"], got[0].document["message"]) == (f"/{SECRET}", PAGE.title, PAGE.text)
    with serving(lambda _: 500) as (root, _):
        monkeypatch.setenv("APPRISE", f"{root.replace('http', 'json')}/{SECRET}")
        with pytest.raises(OutcomeUnknown):
            Notify(deadline_s=60.0).send(APPRISE, PAGE)
    assert SECRET not in caplog.text


# Heartbeat -------------------------------------------------------------------


def test_a_heartbeat_is_one_get(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(200) as (where, got):
        monkeypatch.setenv("BEAT", where)
        assert beat("env:BEAT") is None
    assert [(g.method, g.path, g.body) for g in got] == [("GET", f"/{SECRET}", b"")]
    assert "content-type" not in got[0].headers


def test_a_heartbeat_that_fails_says_why_and_raises_nothing() -> None:
    hangs = threading.Event()
    with answering(404) as (where, _):
        assert (beat(where) or "").startswith("127.0.0.1 answered 404")
    with answering(lambda _: cast("None", hangs.wait())) as (where, _):
        words = beat(where, deadline_s=0.3) or ""
        hangs.set()
    assert words.startswith("127.0.0.1 may have been told: no answer in 0.3 s")
    assert "env:NOWHERE is empty or not set" in (beat("env:NOWHERE") or "")
    assert SECRET not in (said := beat(f"ftp://{SECRET}") or "")
    assert "is not an https URL" in said
