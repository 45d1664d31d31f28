"""Mail is moved only on the word of two places, and towards a host that is there for it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from failover.config.catalogue import find
from failover.config.playbooks import load_playbook
from failover.core.decide.candidates import Situation
from failover.core.decide.verdict import Decision, Verdict, recommend
from failover.core.fleet import Domain, Fleet, Host, Role
from failover.core.observe.signal import CONTROLLER, Outcome, Samples, Signal
from failover.dns.rfc2136 import Rfc2136

NOW = datetime(2020, 8, 11, 14, 0, tzinfo=UTC)
MX_DOWN = load_playbook(find("mx-down", None))


def fleet(hosts: Iterable[str] = ("mx1", "mx2"), domains: Iterable[str] = ("example.net",)) -> Fleet:
    return Fleet(
        {n: Host(n, Role.STANDBY, "192.0.2.1", f"{n}.example.net") for n in hosts},
        {d: Domain(d, Rfc2136("192.0.2.53")) for d in domains},
    )


def looks(*, here: Outcome, peer: Outcome, standby: Outcome = Outcome.OK, n: int = 3) -> Samples:
    return tuple(
        Signal(host, name, vantage, outcome, "said", NOW - timedelta(seconds=10 * ago))
        for ago in reversed(range(n))
        for host, name, vantage, outcome in (
            ("mx1", "smtp.banner", CONTROLLER, here),
            ("mx1", "smtp.peer", "mx2", peer),
            ("mx2", "smtp.banner", CONTROLLER, standby),
        )
    )


def decided(samples: Samples, of: Fleet | None = None) -> Verdict:
    return recommend(Situation(of or fleet(), (MX_DOWN,), samples, NOW))


DOWN = looks(here=Outcome.FAIL, peer=Outcome.FAIL)


def test_down_for_both_places_moves_mail_to_the_only_other_host_of_the_only_domain() -> None:
    verdict = decided(DOWN)
    assert (verdict.kind, verdict.host) == (Decision.RUN, "mx1")
    assert verdict.params == {"sick": "mx1", "to": "mx2", "domain": "example.net"}


def test_one_place_alone_unknown_or_two_looks_are_no_quorum() -> None:
    for peer in (Outcome.OK, Outcome.UNKNOWN):
        assert decided(looks(here=Outcome.FAIL, peer=peer)).kind is Decision.HOLD
    assert decided(looks(here=Outcome.OK, peer=Outcome.FAIL)).kind is Decision.HOLD
    assert decided(looks(here=Outcome.FAIL, peer=Outcome.FAIL, n=2)).kind is Decision.HOLD


def test_to_a_standby_that_does_not_greet_nothing_is_moved_and_a_person_is_called() -> None:
    assert decided(looks(here=Outcome.FAIL, peer=Outcome.FAIL, standby=Outcome.FAIL)).kind is Decision.PAGE


def test_without_a_domain_or_another_mx_there_is_nothing_to_move() -> None:
    assert decided(DOWN, fleet(domains=())).kind is Decision.HOLD
    assert decided(DOWN, fleet(hosts=("mx1",))).kind is Decision.HOLD
