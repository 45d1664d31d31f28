"""A new signal is one file and one line of the registry: added to a copy of the package, and used from end to end."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.copies import ROOT, Done, Product

FILE = '''
"""How long the host is up: a machine that came back a moment ago may go again."""

from failover.core.observe.signal import Outcome
from failover.signals.family import Family
from failover.signals.kind import SignalKind
from failover.signals.sight import number, why_missing

UPTIME = SignalKind("host.uptime", "seconds since the host started", unit="s", warn=600.0, below=True)


def asks(visit):
    return {"uptime": "yes"} if visit.wants(UPTIME) else {}


def read(visit, facts):
    up = number((facts.one("uptime") or ("",))[0])
    if up is None:
        yield visit.sight.unknown(UPTIME, why_missing(facts, "uptime"))
    else:
        outcome = Outcome.WARN if up < UPTIME.warn else Outcome.OK
        yield visit.sight.signal(UPTIME, outcome, f"up for {up:g} s", up)


FAMILY = Family((UPTIME,), asks=asks, read=read, newer=frozenset({"uptime"}))
'''
HOSTS = """\
version: 1
hosts:
  mx1: {role: primary, address: 192.0.2.11, mx: mx1.example.net, spam: {engine: spamassassin}}
  mx2: {role: standby, address: 192.0.2.12, mx: mx2.example.net, spam: {engine: spamassassin}}
notify: [{kind: stderr}]
"""
BOOK = """\
version: 1
name: just-back
summary: A host has come back.
params: {sick: {type: host, each: true, summary: the host}}
trigger: {signal: host.uptime, host: "${sick}", below: 600}
steps:
  - id: say
    action: notify
    with: {text: "${sick} is back"}
    when: {signal: host.uptime, host: "${sick}", below: 600}
    verify: {none: "it changes nothing"}
    rollback: {none: "what was said stays said"}
"""
Run = Callable[..., Done]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Product:
    """With the file and the line."""
    ours = Product.at(tmp_path_factory.mktemp("added"))
    ours.add("signals", "uptime", FILE.lstrip(), after="debts")
    ours.write("hosts.yaml", HOSTS)
    ours.write("just-back.yaml", BOOK)
    return ours


@pytest.fixture
def run(copy: Product) -> Run:
    paths = {"FAILOVER_HOSTS": "hosts.yaml", "FAILOVER_STATE": "sqlite:///state.db"}

    def run(*words: str, look: str = "mx1 uptime 90\nmx2 uptime 90000") -> Done:
        return copy.python("-m", "tests.signals.scripted", *words, LOOK=look, **paths)

    return run


def test_a_playbook_may_name_it_and_an_editor_offers_it(run: Run, copy: Product) -> None:
    linted = run("playbooks", "lint", "just-back.yaml")
    assert linted.returncode == 0, linted.stderr
    copy.write("wrong.yaml", BOOK.replace("host.uptime", "host.uptme").replace("just-back", "wrong"))
    wrong = run("playbooks", "lint", "wrong.yaml")
    assert "host.uptime" in wrong.stdout + wrong.stderr
    schema = run("playbooks", "schema").stdout
    assert {"const": "host.uptime", "description": "seconds since the host started"} in json.loads(schema)["$defs"][
        "Predicate"
    ]["properties"]["signal"]["oneOf"]


def test_check_shows_it_in_each_of_its_formats(run: Run, copy: Product) -> None:
    shown = json.loads(run("check", "--json").stdout)["hosts"]
    assert (shown["mx1"]["state"], shown["mx2"]["state"]) == ("degraded", "healthy")
    seen = shown["mx1"]["signals"]["host.uptime"]
    assert (seen["outcome"], seen["value"], seen["unit"], seen["reason"]) == ("warn", 90, "s", "up for 90 s")
    assert "host.uptime   warn   up for 90 s" in run("check").stdout
    assert "'mx1 host.uptime'=90s;600:;;0;" in run("check", "--nagios").stdout
    run("check", "--textfile", "failover.prom")
    text = (copy.folder / "failover.prom").read_text()
    assert 'failover_signal_value{host="mx1",signal="host.uptime",vantage="mx1"} 90.0\n' in text


def test_a_host_that_does_not_tell_is_unknown_and_says_why(run: Run) -> None:
    seen = json.loads(run("check", "--json", look="mx2 uptime 90000").stdout)["hosts"]["mx1"]["signals"]["host.uptime"]
    assert (seen["outcome"], seen["reason"]) == ("unknown", "the look says nothing about uptime")


@pytest.mark.parametrize(("sick", "certainty"), [("mx1", "observed"), ("mx2", "conditional")])
def test_a_plan_depends_on_it(run: Run, sick: str, certainty: str) -> None:
    planned = run("plan", "just-back.yaml", "--set", f"sick={sick}", "--json")
    (step,) = json.loads(planned.stdout)["steps"]
    assert step["certainty"] == certainty, "its `when` holds now for mx1 alone"


def test_doctor_tells_of_a_standby_that_is_not_well_by_it(run: Run) -> None:
    said = run("doctor", look="mx1 uptime 90000\nmx2 uptime 90").stdout
    assert "host.uptime: up for 90 s" in said


def test_the_example_of_the_docs_is_the_file_that_it_shows() -> None:
    """Else somebody who adds a signal begins with what no longer works."""
    section = (ROOT / "docs/adding.md").read_text().partition("## A signal\n")[2].partition("\n## ")[0]
    shown = section.partition("+++ b/failover/signals/tls.py\n")[2].partition("```")[0]
    lines = [line.removeprefix("+") for line in shown.splitlines() if line.startswith("+")]
    assert lines == (ROOT / "failover/signals/tls.py").read_text().splitlines()
