"""`dns.mx`: what is said of the servers of a domain, from what each of them shows."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from failover.core.fleet import Domain, Fleet, Host, Role
from failover.core.mx import MxSet, mx_set
from failover.core.observe.signal import Outcome, Samples
from failover.dns.route53 import Route53
from failover.errors import Refused
from failover.signals.dns import compared, look_at, with_domains
from tests.fakes import Clock, Zone

AT = datetime(2026, 11, 24, tzinfo=UTC)
LAB = mx_set(60, [(10, "mx1.lab.test"), (20, "mx2.lab.test")])
OLD = mx_set(60, [(10, "mx1.lab.test")])
SILENT = "silent: no answer in 2 s"


@pytest.mark.parametrize(
    ("primary", "shown", "outcome", "words"),
    [
        (LAB, {"a": LAB, "b": LAB}, Outcome.OK, "2 of 2 servers: 10 mx1.lab.test"),
        (LAB, {"a": LAB, "b": OLD}, Outcome.FAIL, "1 of 2 servers: not all show"),
        (
            LAB,
            {"a": LAB, "b": replace(LAB, ttl=300)},
            Outcome.FAIL,
            "b shows 10 mx1.lab.test, 20 mx2.lab.test (TTL 300)",
        ),
        (LAB, {"a": OLD, "b": OLD}, Outcome.FAIL, "0 of 2 servers"),
        (LAB, {"a": LAB, "b": SILENT}, Outcome.WARN, f"1 of 2 servers: {LAB.text}; b: {SILENT}"),
        (LAB, {"a": LAB, "b": LAB, "c": SILENT}, Outcome.OK, f"c: {SILENT}"),
        (LAB, {"a": LAB, "b": LAB, "c": SILENT, "d": "lame: it answers REFUSED"}, Outcome.WARN, "d: lame"),
        (LAB, {"a": LAB, "b": OLD, "c": SILENT}, Outcome.FAIL, "b shows"),
        (LAB, {"a": SILENT}, Outcome.UNKNOWN, f"a: {SILENT}"),
        (LAB, {}, Outcome.UNKNOWN, "no authoritative server"),
        ("down", {"a": LAB, "b": LAB}, Outcome.WARN, "the primary could not be read: down"),
        ("down", {"a": LAB, "b": OLD}, Outcome.FAIL, "b shows"),
        (MxSet(0, frozenset()), {"a": MxSet(0, frozenset())}, Outcome.FAIL, "no MX records"),
        (mx_set(60, [(0, ".")]), {"a": mx_set(60, [(0, ".")])}, Outcome.WARN, "refuses all mail"),
    ],
)
def test_judged(primary: MxSet | str, shown: Mapping[str, MxSet | str], outcome: Outcome, words: str) -> None:
    found = compared("lab.test", primary, shown, AT)
    assert found.outcome is outcome
    assert words in found.reason


FLEET = Fleet(
    {"mx1": Host("mx1", Role.PRIMARY, "192.0.2.11")}, {"lab.test": Domain("lab.test", Route53("Z0123456789"))}
)


def looked(zone: Zone | None, subjects: set[str], names: frozenset[str] | None) -> tuple[list[str], Samples]:
    asked: list[str] = []

    def hosts_only(hosts, names, waited=0.0):  # type: ignore[no-untyped-def]
        asked.extend(hosts)
        return ()

    def zone_of(domain: Domain) -> Zone:
        if zone is None:
            raise Refused("no credentials", try_="give some")
        return zone

    return asked, with_domains(hosts_only, FLEET, zone_of, Clock())(subjects, names)


def test_domains_are_looked_at_where_dns_mx_is_wanted_and_hosts_as_before() -> None:
    asked, found = looked(Zone(LAB), {"mx1", "lab.test"}, frozenset({"dns.mx", "smtp.banner"}))
    assert asked == ["mx1"]
    assert [(s.host, s.name, s.outcome) for s in found] == [("lab.test", "dns.mx", Outcome.OK)]
    assert looked(Zone(LAB), {"mx1", "lab.test"}, frozenset({"smtp.banner"})) == (["mx1"], ())


def test_what_cannot_be_looked_at_is_unknown_or_said() -> None:
    _, (found,) = looked(None, {"lab.test"}, frozenset({"dns.mx"}))
    assert (found.outcome, found.reason) == (Outcome.UNKNOWN, "no credentials")
    _, (found,) = looked(Zone(LAB, faults=["unreadable"]), {"lab.test"}, frozenset({"dns.mx"}))
    assert (found.outcome, "no route" in found.reason) == (Outcome.WARN, True)


def test_what_is_not_known_in_time_is_unknown_and_the_others_are_told() -> None:
    told = threading.Event()

    @dataclass
    class Slow(Zone):
        def seen(self, name: str) -> Mapping[str, MxSet | str]:
            assert told.wait(20)
            return {}

    domains = [Domain(name, Route53("Z0123456789")) for name in ("slow.test", "lab.test")]
    zones = {"slow.test": Slow(LAB), "lab.test": Zone(LAB)}
    slow, quick = look_at(domains, lambda d: zones[d.name], Clock(), within_s=0.3)
    told.set()
    assert (slow.host, slow.outcome) == ("slow.test", Outcome.UNKNOWN)
    assert slow.reason == "its name servers have not told in 300 ms"
    assert (quick.host, quick.outcome) == ("lab.test", Outcome.OK)


def test_more_domains_than_threads_are_all_looked_at_in_their_order() -> None:
    names = [f"d{n}.test" for n in range(40)]
    found = look_at([Domain(n, Route53("Z0123456789")) for n in names], lambda _: Zone(LAB), Clock())
    assert [(s.host, s.outcome) for s in found] == [(n, Outcome.OK) for n in names]


@pytest.mark.faults
def test_a_fault_of_ours_is_said_at_its_domain_and_ends_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    """safety 7: one name's nonsense ended the look at all."""

    def broken(domain: Domain) -> Zone:
        return {"lab.test": Zone(LAB)}[domain.name]

    names = ["hurt.test", "lab.test", "again.test"]
    found = look_at([Domain(n, Route53("Z0123456789")) for n in names], broken, Clock())
    assert [s.outcome for s in found] == [Outcome.UNKNOWN, Outcome.OK, Outcome.UNKNOWN]
    assert "a fault of failover's own, not of hurt.test; please report it: KeyError at" in found[0].reason
    assert capsys.readouterr().err.count("KeyError") == 1, "told once"
