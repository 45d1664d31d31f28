"""Situations as the tables of tests/cases tell them: what was looked at, and what came before. See decisions.yaml."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from failover.config.catalogue import built_in
from failover.config.playbooks import load_playbook
from failover.core.decide.candidates import Situation
from failover.core.decide.past import InForce, Past, Pause, Proposed, Ran
from failover.core.fleet import Domain, Fleet, Host, Mode, Policy, Role
from failover.core.observe.condition import Condition, Predicate
from failover.core.observe.signal import CONTROLLER, Outcome, Samples, Signal
from failover.core.runs.journal import RunState
from failover.core.runs.playbook import Playbook
from failover.core.words import seconds
from failover.dns.rfc2136 import Rfc2136
from tests.core.test_diagnosis import FINE

NOW = datetime(2020, 8, 11, 14, 0, tzinfo=UTC)
LOOKS = "from 3m every 60s"
DOMAINS = ("example.net",)
_PLAYBOOKS = Path(__file__).parents[1] / "cases" / "playbooks"


def table(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parents[1] / "cases" / name).read_text())
    assert len({c["case"] for c in cases}) == len(cases), "two cases of one name"
    return cases


def situation(case: Mapping[str, Any]) -> Situation:
    fleet = _fleet(case)
    first = {d: frozenset(hosts) for d, hosts in case.get("tries", {}).items()}
    return Situation(fleet, _books(case), _samples(case, fleet), NOW, _past(case, fleet), first)


@cache
def playbook(name: str) -> Playbook:
    """One that is shipped, or one of the tables' own."""
    own = _PLAYBOOKS / f"{name}.yaml"
    return load_playbook(own if own.exists() else built_in() / f"{name}.yaml")


def _books(case: Mapping[str, Any]) -> tuple[Playbook, ...]:
    names = case.get("playbooks", ["mx-down", "spam-filter-hung", "handler-down", "shift-mx"])
    return tuple(playbook(name) for name in names)


def _fleet(case: Mapping[str, Any]) -> Fleet:
    hosts = {n: _host(n, i, case) for i, n in enumerate(case.get("hosts", ["mx1", "mx2"]), 1)}
    takes = case.get("takes", {})
    domains = {d: Domain(d, Rfc2136("192.0.2.53"), mx=tuple(takes.get(d, ()))) for d in case.get("domains", DOMAINS)}
    witnesses = {n: Host(n, Role.STANDBY, "192.0.2.99") for n in case.get("witnesses", ())}
    return Fleet(hosts, domains, _policy(case.get("policy", {})), witnesses=witnesses)


def _host(name: str, i: int, case: Mapping[str, Any]) -> Host:
    role = Role.PRIMARY if name in case.get("primaries", ["mx1"]) else Role.STANDBY
    mx = None if name in case.get("nameless", ()) else f"{name}.example.net"
    return Host(name, role, f"192.0.2.{10 + i}", mx, standby_for=tuple(case.get("standby_for", {}).get(name, ())))


def _policy(told: Mapping[str, Any]) -> Policy:
    usual = Policy(mode=Mode.AUTO)
    return replace(
        usual,
        mode=Mode(told.get("mode", usual.mode)),
        playbooks={name: Mode(mode) for name, mode in told.get("playbooks", {}).items()},
        quorum=told.get("quorum", usual.quorum),
        spacing_s=_span(told.get("spacing", "5s")),
    )


# What was looked at ----------------------------------------------------------


def _samples(case: Mapping[str, Any], fleet: Fleet) -> Samples:
    ago = looks(case.get("looks", LOOKS))
    seen = itertools.chain.from_iterable(_seen(h, case.get(h) or {}, fleet, ago) for h in (*fleet.hosts, CONTROLLER))
    return tuple(sorted(seen, key=lambda s: s.at))


def looks(told: str) -> tuple[float, ...]:
    """How many seconds ago each look was, oldest first: `3m 2m 1m 0s`, or `from 3m every 60s`, perhaps `to 1m`."""
    words = told.split()
    if words[0] != "from":
        return tuple(_span(w) for w in words)
    first, every = _span(words[1]), _span(words[3])
    last = _span(words[5]) if len(words) > 5 else 0.0
    return tuple(first - every * i for i in range(int((first - last) / every) + 1))


def _span(text: str) -> float:
    found = seconds(text.removeprefix("-"))
    assert found is not None, f"{text} is no span"
    return -found if text.startswith("-") else found


def _seen(host: str, told: Mapping[str, str], fleet: Fleet, ago: tuple[float, ...]) -> Iterator[Signal]:
    peers = [*(p.name for p in fleet.peers(host)), *fleet.witnesses]
    known = {} if host == CONTROLLER else dict.fromkeys(FINE, "ok")
    if told.get("everything") == "-":
        known = {}
    named = {name.partition(" from ")[0]: said for name, said in told.items() if name != "everything"}
    for name, usual in {**known, **named}.items():
        for vantage in peers if name == "smtp.peer" else [_vantage(name, host)]:
            words = told.get(f"{name} from {vantage}", told.get(name, known.get(name, usual))).split()
            yield from _row(host, name, vantage, words, ago)


def _vantage(name: str, host: str) -> str:
    return CONTROLLER if name.startswith(("ssh.", "smtp.", "net.", "dns.")) else host


def _row(host: str, name: str, vantage: str, words: list[str], ago: tuple[float, ...]) -> Iterator[Signal]:
    assert len(words) in {1, len(ago)}, f"{name} on {host}: {len(words)} words for {len(ago)} looks"
    for i, at in enumerate(ago):
        word = words[0] if len(words) == 1 else words[i]
        if word != "-":
            yield _signal(host, name, vantage, word, at, grows=at - ago[-1] if len(words) == 1 else 0.0)


def _signal(host: str, name: str, vantage: str, word: str, ago: float, *, grows: float) -> Signal:
    """`grows`: what stands still was younger by so much in an earlier look."""
    said, _, found = word.partition(":")
    outcome = Outcome(said)
    value, _, age = found.partition("@")
    fine_value, fine_reason = FINE.get(name, (None, "ok"))
    return Signal(
        host,
        name,
        vantage,
        outcome,
        fine_reason if outcome is Outcome.OK else f"{value or name} is {outcome}",
        NOW - timedelta(seconds=ago),
        _value(value) if value else fine_value if outcome is Outcome.OK else None,
        age=max(0.0, _span(age) - grows) if age else None,
    )


def _value(text: str) -> float | str:
    return float(text) if text.replace(".", "").isdigit() else text


# What came before ------------------------------------------------------------


def _past(case: Mapping[str, Any], fleet: Fleet) -> Past:
    return Past(
        ran=tuple(_ran(r, i) for i, r in enumerate(case.get("ran", ()), 1)),
        standing=tuple(_standing(m, i, fleet) for i, m in enumerate(case.get("standing", ()), 1)),
        pauses=tuple(_pause(p) for p in case.get("pauses", ())),
        proposed=tuple(_proposed(p) for p in case.get("proposed", ())),
    )


def _ago(told: Mapping[str, Any], usual: str) -> datetime:
    return NOW - timedelta(seconds=_span(told.get("ago", usual)))


def _ran(told: Mapping[str, Any], i: int) -> Ran:
    host = told.get("host", "mx1")
    return Ran(
        run=told.get("run", f"r{i}"),
        playbook=told["playbook"],
        host=host,
        subjects=frozenset(told.get("covers", [host])),
        opened=_ago(told, "2h"),
        state=RunState(told.get("state", "succeeded")),
        open="waits" in told or "busy" in told,
        because=told.get("waits", "") or "",
        busy=told.get("busy", ""),
        incident=told.get("incident"),
        acted=told.get("acted", True),
        dated=NOW + timedelta(seconds=_span(told["dated_in"])) if "dated_in" in told else None,
    )


def _standing(told: Mapping[str, Any], i: int, fleet: Fleet) -> InForce:
    since = _ago(told, "1h")
    host = told.get("host", "mx1")
    return InForce(
        run=told.get("run", f"s{i}"),
        playbook=told["playbook"],
        subjects=frozenset(told.get("covers", [host])),
        says=told.get("says", f"{told['playbook']} on {host}"),
        since=since,
        until=since + timedelta(seconds=_span(told["expires"])) if told.get("expires") else None,
        host=host,
        away_from=frozenset(told.get("away_from", ())),
        back_when=conditions(told.get("back_when", ())),
        back_mode=told.get("back", "ask"),
        guards=conditions(told.get("guards", ())),
        gone=told.get("gone", ""),
        incident=told.get("incident"),
    )


def _pause(told: Mapping[str, Any]) -> Pause:
    host = None if told["of"] == "all" else told["of"]
    until = NOW + timedelta(seconds=_span(told["ends_in"]))
    return Pause(host, told.get("by", "kim"), told.get("why", "kernel upgrade"), _ago(told, "1h"), until)


def _proposed(told: Mapping[str, Any]) -> Proposed:
    params = told.get("params", {"sick": "mx1"})
    until = NOW + timedelta(seconds=_span(told.get("ends_in", "25m")))
    return Proposed(told["key"], told["playbook"], params, NOW - timedelta(minutes=5), until, ("bypass: the filter",))


def conditions(told: Iterable[str]) -> tuple[Condition, ...]:
    """Each `spam.scan on mx1 is ok for 15m`: outcome, or `above N`, `below N`, `older N`; `for 3 samples` or a span."""
    return tuple(condition(text) for text in told)


def condition(text: str) -> Predicate:
    signal, _, host, how, bound, *lasts = text.split()
    test = Predicate(signal, host)
    match how:
        case "is":
            test = replace(test, is_=Outcome(bound))
        case "above":
            test = replace(test, above=float(bound))
        case "below":
            test = replace(test, below=float(bound))
        case "older":
            test = replace(test, age_above=_span(bound))
        case _:
            raise AssertionError(text)
    match lasts:
        case []:
            return test
        case ["for", n, "samples"]:
            return replace(test, samples=int(n))
        case ["for", span]:
            return replace(test, lasting=_span(span))
        case _:
            raise AssertionError(text)
