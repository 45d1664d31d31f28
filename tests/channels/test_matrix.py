"""Matrix against a homeserver's one endpoint, stricter than the real ones: each message once, and nobody is called."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote

import pytest

from failover.channels.notifier import Notify
from failover.config.hosts import load_fleet
from failover.core.alerting.alert import Message
from failover.core.fleet import Channel
from failover.errors import ConfigError, FailoverError, OutcomeUnknown, StepFailed
from tests.adapters.http_server import SECRET, Got, answering, serving

PAGE = Message("mx1/spam-filter-hung", "critical", "mx1: spam filter hung", "412 messages wait\nthe oldest 3 min")
OVER = replace(PAGE, severity="info", title="resolved: mx1: spam filter hung", resolves=True)
HOSTILE = Message(
    "mx1/\udcff", "error", "@room\r\n\x1b[2J" + "é" * 2000, '"\x1b]0;x\x07\n' * 20_000 + "é\udcff" * 20_000
)
QUICK = Notify(deadline_s=5.0, backoff_s=0.01)
ROOM = "!opaque/../x:example.net"
HOSTS = "version: 1\nhosts: {mx1: {role: primary, address: 192.0.2.11}}\nnotify:\n"


@dataclass
class Homeserver:
    token: str
    shown: dict[str, str] = field(default_factory=dict)
    """By transaction: a second try of the same is taken, and not shown again."""
    why: list[str] = field(default_factory=list)

    def __call__(self, got: Got) -> int:
        status, why = self._judged(got)
        self.why.append(why)
        return status

    def _judged(self, got: Got) -> tuple[int, str]:
        path = re.fullmatch(r"/_matrix/client/v3/rooms/([^/]+)/send/m\.room\.message/([0-9a-f]{32})", got.path)
        if not path or got.method != "PUT":
            return 404, "M_UNRECOGNIZED"
        if got.headers.get("authorization") != f"Bearer {self.token}":
            return 401, "M_UNKNOWN_TOKEN"
        if unquote(path[1]) != ROOM:
            return 403, "M_FORBIDDEN"
        if got.headers.get("content-type") != "application/json":
            return 400, "M_NOT_JSON"
        content = got.document
        if {*content} != {"msgtype", "body", "m.mentions"} or content["m.mentions"] != {}:
            return 400, f"fields {sorted(content)}"
        if content["msgtype"] not in {"m.text", "m.notice"} or not content["body"].replace("\n", "").isprintable():
            return 400, "M_BAD_JSON"
        if len(json.dumps(content, ensure_ascii=False).encode()) > 60_000:
            return 413, "M_TOO_LARGE"
        self.shown[path[2]] = f"{content['msgtype']} {content['body']}"
        return 200, ""


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", f"syt_{SECRET}")


def room(tmp_path: Path, root: str, name: str = ROOM) -> Channel:
    """As hosts.yaml gives it."""
    line = f'  - {{kind: matrix, url: "{root}/", room: "{name}", token: "env:TOKEN"}}\n'
    (tmp_path / "hosts.yaml").write_text(HOSTS + line)
    (channel,) = load_fleet(tmp_path / "hosts.yaml").notify
    return channel


def shown(e: FailoverError) -> str:
    return f"{e} {e.try_} {e.__cause__} {e.__context__ if not e.__suppress_context__ else ''}"


def test_a_room_is_told_and_the_end_makes_no_sound(tmp_path: Path) -> None:
    with serving(server := Homeserver(f"syt_{SECRET}")) as (root, _):
        for message in (PAGE, PAGE, OVER):
            QUICK.send(room(tmp_path, root), message)
    assert server.why == ["", "", ""]
    assert list(server.shown.values()) == [
        "m.text critical: mx1: spam filter hung\n412 messages wait\nthe oldest 3 min",
        "m.text critical: mx1: spam filter hung\n412 messages wait\nthe oldest 3 min",
        "m.notice resolved: mx1: spam filter hung\n412 messages wait\nthe oldest 3 min",
    ]


def test_all_tries_of_a_message_are_one_transaction(tmp_path: Path) -> None:
    with answering(500, 429, 200) as (url, got):
        QUICK.send(room(tmp_path, url.rpartition("/")[0]), PAGE)
    assert len({g.path for g in got}) == 1
    assert len(got) == 3


def test_hostile_words_call_nobody_and_are_cut(tmp_path: Path) -> None:
    with serving(server := Homeserver(f"syt_{SECRET}")) as (root, _):
        QUICK.send(room(tmp_path, root), HOSTILE)
    assert server.why == [""]
    assert next(iter(server.shown.values())).startswith("m.text error: @room  ?[2Jé")


@pytest.mark.parametrize(
    ("name", "token", "status"),
    [(ROOM, "another", 401), ("!another:example.net", f"syt_{SECRET}", 403)],
)
def test_a_room_that_it_may_not_write_to_says_why(name: str, token: str, status: int, tmp_path: Path) -> None:
    with serving(Homeserver(token)) as (root, got), pytest.raises(StepFailed, match=f"answered {status}$") as e:
        QUICK.send(room(tmp_path, root, name), PAGE)
    assert len(got) == 1
    assert f"{status}: " in e.value.try_
    assert SECRET not in shown(e.value)


def test_a_server_that_breaks_may_have_shown_it(tmp_path: Path) -> None:
    with answering(502, 502, 502) as (url, _), pytest.raises(OutcomeUnknown) as e:
        QUICK.send(room(tmp_path, url.rpartition("/")[0]), PAGE)
    assert SECRET not in shown(e.value)


@pytest.mark.parametrize("bad", ["", f"{SECRET}\r\nX-Evil:1", f"{SECRET} x", f"{SECRET}é"])
def test_a_token_that_is_none_is_refused_unseen(bad: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", bad)
    with serving(Homeserver(SECRET)) as (root, got), pytest.raises(ConfigError, match="env:TOKEN") as e:
        QUICK.send(room(tmp_path, root), PAGE)
    assert got == []
    assert SECRET not in shown(e.value)


def test_a_channel_without_a_token_says_so() -> None:
    with pytest.raises(ConfigError, match="access token"):
        QUICK.send(Channel("matrix", "https://matrix.example.net/"), PAGE)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('url: "env:MATRIX", room: "!a:b", token: "env:TOKEN"', "this is no homeserver (not shown)"),
        ('url: "https://m.example.net/_matrix", room: "!a:b", token: "env:TOKEN"', "this is no homeserver (not shown)"),
        ('url: "http://m.example.net", room: "!a:b", token: "env:TOKEN"', "this is no homeserver (not shown)"),
        ('url: "https://m.example.net", room: "#a:b", token: "env:TOKEN"', "this is no room id"),
        ('url: "https://m.example.net", room: "!a b", token: "env:TOKEN"', "this is no room id"),
        ('url: "https://m.example.net", room: "!a:b", token: "syt_hunter2"', "a secret is written here itself"),
        ('url: "https://m.example.net", token: "env:TOKEN"', 'lacks "room"; add `room: "!opaque:example.net"`'),
    ],
)
def test_what_hosts_yaml_does_not_take(given: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "hosts.yaml").write_text(HOSTS + f"  - {{kind: matrix, {given}}}\n")
    with pytest.raises(ConfigError, match=re.escape(said)) as e:
        load_fleet(tmp_path / "hosts.yaml")
    assert "hunter2" not in str(e.value)
