"""`failover queue` through the front door: one screen, what was not read, and hostile text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from failover.cli import main, wiring
from failover.cli.options import Options
from failover.core.fleet import Fleet
from failover.ports import Rc
from tests.cli.conftest import Said
from tests.fakes import Rows, Scripted

QUEUES = ("incoming", "active", "deferred", "hold", "maildrop", "corrupt")
COUNTS: Rows = tuple(("queue", q, "2" if q == "deferred" else "0") for q in QUEUES)
SAID = r"host mx9.far.test[192.0.2.9] said: 451 4.7.1 \"later\" \u001b[2J"
OLD = ("deferred", "A1B2", "1000", "512", "3", "ann@example.net", "bob@far.test", SAID)
YOUNG = ("deferred", "A1B3", "1900", "512", "1", "", "eve@far.test", "")
SEEN: Rows = (
    ("now", "2000"), *COUNTS, ("frozen", "spamassassin", "1", "900", "1", "2"),
    ("old", *YOUNG), ("old", *OLD), ("message", *OLD), ("message", *YOUNG), ("listed", "2", "2", "yes"),
)  # fmt: skip
HOSTS = "version: 1\nhosts:\n  mx1: {role: primary, address: 192.0.2.11, mx: mx1.example.net}\n"
Ask = Callable[..., tuple[Said, Scripted]]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    (tmp_path / "hosts.yaml").write_text(HOSTS)

    def run(rows: Rows, *words: str, rc: int = 0) -> tuple[Said, Scripted]:
        far = Scripted(rows, rc)

        def remote(of: Fleet) -> Scripted:
            return far

        monkeypatch.setattr(wiring, "remote", remote)
        with pytest.raises(SystemExit) as e:
            main(["queue", *words, "--hosts", str(Options(tmp_path / "hosts.yaml").hosts_file)])
        assert isinstance(e.value.code, int)
        return Said(e.value.code, *capsys.readouterr()), far

    return run


def test_one_screen_says_how_much_where_since_when_and_why(ask: Ask) -> None:
    said, _ = ask(SEEN, "mx1")
    assert said.code == 0
    assert said.out.startswith(
        "mx1: 2 messages wait, the oldest 16 min 40 s\n  incoming 0, active 0, deferred 2, hold 0"
    )
    assert 'fixed to the filter "spamassassin": 1 message (of the first 1 of 2), oldest 15 min' in said.out
    assert '50 %   16 min 40 s   host mx9.far.test[…] said: 451 4.7.1 "later" [2J' in said.out
    oldest = said.out.partition("the oldest\n")[2].splitlines()
    assert [line.split()[0] for line in oldest] == ["A1B2", "A1B3"], "the oldest first"
    assert "bob@far.test and 2 more" in oldest[0]
    assert "\x1b" not in said.out


def test_json_is_one_document_with_the_whole_reason(ask: Ask) -> None:
    said, _ = ask(SEEN, "--json", "--by", "nexthop", "--oldest", "1")
    found = json.loads(said.out)["hosts"]["mx1"]
    assert (found["waiting"], found["queues"]["deferred"], found["whole"], found["sample"]) == (2, 2, True, 2)
    assert [(s["what"], s["messages"]) for s in found["by"]["nexthop"]] == [("far.test", 1), ("mx9.far.test", 1)]
    assert [m["id"] for m in found["oldest"]] == ["A1B2"]
    assert found["oldest"][0]["reason"] == 'host mx9.far.test[192.0.2.9] said: 451 4.7.1 "later"  [2J'


def test_a_part_says_that_it_is_one(ask: Ask) -> None:
    said, _ = ask((*SEEN[:-1], ("listed", "500", "900", "no")), "mx1", "--sender", "ann@example.net")
    assert "only sender ann@example.net: 500 messages; read in time: 900 of about 900" in said.out
    assert "the tables are of a sample of 2, drawn from 500" in said.out
    assert "the oldest of those read 16 min" in said.out


def test_what_was_not_counted_or_listed_is_not_known_and_never_none(ask: Ask) -> None:
    said, _ = ask((("now", "2000"), ("error", "queue", "no time"), ("error", "waiting", "postqueue ended with 69")))
    assert said.code == 3
    assert "how much mail waits is not known" in said.out
    assert "incoming not known" in said.out
    assert "not read: postqueue ended with 69" in said.out
    assert "no mail waits" not in said.out


def test_an_older_helper_is_told_with_what_to_do(ask: Ask) -> None:
    said, _ = ask((("because", "no such verb: queue"),), "mx1", rc=Rc.USAGE)
    assert said.code == 3
    assert "its failover-host is of an earlier release" in said.out
    assert "failover host install mx1" in said.out


def test_an_address_reaches_the_host_only_if_it_is_plain(ask: Ask) -> None:
    _, far = ask(SEEN, "--recipient", "bob@far.test")
    assert far.asked[0][1]["what"] == "recipient=bob@far.test"
    said, far = ask(SEEN, "--sender", "$(id)@x")
    assert (said.code != 0, far.asked) == (True, [])
    assert "no plain address" in said.err
