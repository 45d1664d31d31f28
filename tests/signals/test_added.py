"""A new signal is one file and one line of the registry: added to a copy of the package, and used from end to end."""

from __future__ import annotations

import json
import re
from pathlib import Path

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
CURE = BOOK.replace("just-back", "booted").replace("params:", "cures: [just-booted]\nparams:")
LOOK = "mx1 uptime 90\nmx2 uptime 90000"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Product:
    return laid_out(tmp_path_factory.mktemp("added"))


def laid_out(folder: Path) -> Product:
    """With the file and the line."""
    ours = Product.at(folder)
    ours.add("signals", "uptime", FILE.lstrip(), after="debts")
    ours.write("hosts.yaml", HOSTS)
    ours.write("just-back.yaml", BOOK)
    ours.write("wrong.yaml", BOOK.replace("host.uptime", "host.uptme").replace("just-back", "wrong"))
    return ours


def run(product: Product, *commands: str, look: str = LOOK) -> list[Done]:
    paths = {"FAILOVER_HOSTS": "hosts.yaml", "FAILOVER_STATE": "sqlite:///state.db"}
    return product.failover(*commands, first="import tests.signals.scripted", LOOK=look, **paths)


def test_playbooks_name_it_an_editor_offers_it_and_check_shows_it_in_each_of_its_formats(product: Product) -> None:
    linted, wrong, schema, shown, text, nagios, _, *plans = run(
        product,
        "playbooks lint just-back.yaml",
        "playbooks lint wrong.yaml",
        "playbooks schema",
        "check --json",
        "check",
        "check --nagios",
        "check --textfile failover.prom",
        *(f"plan just-back.yaml --set sick={sick} --json" for sick in ("mx1", "mx2")),
    )
    assert linted.returncode == 0, linted.stderr
    assert "host.uptime" in wrong.stdout + wrong.stderr
    offered = json.loads(schema.stdout)["$defs"]["Predicate"]["properties"]["signal"]["oneOf"]
    assert {"const": "host.uptime", "description": "seconds since the host started"} in offered

    hosts = json.loads(shown.stdout)["hosts"]
    assert (hosts["mx1"]["state"], hosts["mx2"]["state"]) == ("degraded", "healthy")
    seen = hosts["mx1"]["signals"]["host.uptime"]
    assert (seen["outcome"], seen["value"], seen["unit"], seen["reason"]) == ("warn", 90, "s", "up for 90 s")
    assert "host.uptime   warn   up for 90 s" in text.stdout
    assert "'mx1 host.uptime'=90s;600:;;0;" in nagios.stdout
    exposed = (product.folder / "failover.prom").read_text()
    assert 'failover_signal_value{host="mx1",signal="host.uptime",vantage="mx1"} 90.0\n' in exposed

    certain = [step["certainty"] for plan in plans for step in json.loads(plan.stdout)["steps"]]
    assert certain == ["observed", "conditional"], "its `when` holds now for mx1 alone"


def test_an_incident_is_a_rule_a_sentence_and_a_playbook(tmp_path: Path) -> None:
    """As docs/adding.md shows it."""
    ours = laid_out(tmp_path)
    ours.write("booted.yaml", CURE)
    (before,) = run(ours, "playbooks lint booted.yaml")
    assert 'no incident "just-booted"' in before.stdout + before.stderr
    for name, hunks in documented().items():
        text = (ours.folder / name).read_text()
        for added, below in hunks:
            assert text.count(below) == 1
            text = text.replace(below, added + below)
        (ours.folder / name).write_text(text)
    linted, shown, why = run(ours, "playbooks lint booted.yaml", "check", "why")
    assert linted.returncode == 0, linted.stderr
    assert "mx1 is degraded: started a moment ago" in shown.stdout
    assert "See why mx1 started: last -x" in why.stdout


def documented() -> dict[str, list[tuple[str, str]]]:
    """By file: lines that the section adds, and the line that they stand above."""
    section = (ROOT / "docs/adding.md").read_text().partition("## An incident")[2]
    found: dict[str, list[tuple[str, str]]] = {}
    for name, hunks in re.findall(r"^\+\+\+ b/(\S+)\n((?:@@\n(?:\+.*\n)+ .*\n)+)", section, re.MULTILINE):
        each = re.findall(r"@@\n((?:\+.*\n)+) (.*\n)", hunks)
        found[name] = [(re.sub("^[+]", "", added, flags=re.MULTILINE), below) for added, below in each]
    assert len(found) == 2
    return found


def test_a_host_that_does_not_tell_is_unknown_and_says_why(product: Product) -> None:
    (shown,) = run(product, "check --json", look="mx2 uptime 90000")
    seen = json.loads(shown.stdout)["hosts"]["mx1"]["signals"]["host.uptime"]
    assert (seen["outcome"], seen["reason"]) == ("unknown", "the look says nothing about uptime")


def test_doctor_tells_of_a_standby_that_is_not_well_by_it(product: Product) -> None:
    (doctor,) = run(product, "doctor", look="mx1 uptime 90000\nmx2 uptime 90")
    assert "host.uptime: up for 90 s" in doctor.stdout


def test_the_example_of_the_docs_is_the_file_that_it_shows() -> None:
    """Else somebody who adds a signal begins with what no longer works."""
    section = (ROOT / "docs/adding.md").read_text().partition("## A signal\n")[2].partition("\n## ")[0]
    shown = section.partition("+++ b/failover/signals/tls.py\n")[2].partition("```")[0]
    lines = [line.removeprefix("+") for line in shown.splitlines() if line.startswith("+")]
    assert lines == (ROOT / "failover/signals/tls.py").read_text().splitlines()
