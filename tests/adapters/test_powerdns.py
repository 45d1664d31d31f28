"""The HTTP API of a real PowerDNS: what is its own. What each provider must meet is in `tests/contract/`."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from failover.adapters.clock import SystemClock
from failover.core.fleet import Domain
from failover.core.mx import MxSet
from failover.core.observe.signal import Outcome
from failover.dns.powerdns import PowerDnsZone
from failover.errors import Changed, ConfigError, FailoverError, OutcomeUnknown, Refused, Unreachable
from tests.adapters.pdns import ADDRESS, SHOP, USUAL, Pdns
from tests.contract.zones import MORE, TWO, OnALine, fails, swap

pytestmark = pytest.mark.lab


def test_every_authoritative_server_is_asked(powerdns: OnALine[PowerDnsZone]) -> None:
    swap(powerdns)
    assert powerdns.inside(lambda: powerdns.zone.seen(SHOP))[ADDRESS] == MORE


def test_what_is_disabled_and_what_is_noted_stays(powerdns: OnALine[PowerDnsZone], pdns: Pdns) -> None:
    """case: it is left out where one set is asked for, and was lost when the set was replaced."""
    note = {"content": "ours", "account": "ops", "modified_at": 0}
    pdns.put(USUAL, disabled=["30 mx3.lab.test."], comments=[note])
    assert powerdns.inside(lambda: powerdns.zone.mx(SHOP)) == TWO
    swap(powerdns)
    found = pdns.rrset()
    assert [r["content"] for r in found["records"] if r["disabled"]] == ["30 mx3.lab.test."]
    assert [c["content"] for c in found["comments"]] == ["ours"]
    assert powerdns.there() == MORE


def test_a_copy_of_the_zone_is_not_written_to(powerdns: OnALine[PowerDnsZone], pdns: Pdns) -> None:
    pdns.sql("update domains set type = 'SLAVE'")
    try:
        assert "only a copy" in str(fails(powerdns, Refused))
        assert (powerdns.there(), powerdns.changes) == (TWO, 0)
    finally:
        pdns.sql("update domains set type = 'NATIVE'")


@pytest.mark.parametrize(
    ("changes", "kind", "words", "what_to_try"),
    [
        ({"key": "env:WRONG_KEY"}, Refused, "401", "api-key of pdns.conf"),
        ({"key": "env:NO_KEY"}, ConfigError, "NO_KEY", "environment"),
        ({"server_id": "other"}, Refused, "404", "server_id"),
        ({"url": "http://127.0.0.1:9"}, Unreachable, "was not asked", "is it up"),
    ],
)
def test_trouble_with_the_api_is_named(
    powerdns: OnALine[PowerDnsZone],
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
    kind: type[FailoverError],
    words: str,
    what_to_try: str,
) -> None:
    monkeypatch.setenv("WRONG_KEY", "wrong")
    e = fails(powerdns, kind, PowerDnsZone(replace(powerdns.zone.at, **changes)))
    assert words in str(e)
    assert what_to_try in e.try_
    assert powerdns.there() == TWO


def test_a_domain_that_it_does_not_have(powerdns: OnALine[PowerDnsZone]) -> None:
    with pytest.raises(Refused, match=r"no zone for other\.test"):
        powerdns.inside(lambda: powerdns.zone.mx("other.test"))
    assert not powerdns.inside(lambda: powerdns.zone.mx(f"sub.{SHOP}")).targets


def test_a_second_writer_and_ours_never_leave_it_without_mx(powerdns: OnALine[PowerDnsZone], pdns: Pdns) -> None:
    """Both replace the whole set, as any tool of this API does; PowerDNS answers 500 while its file is busy."""
    over, seen = threading.Event(), set[MxSet]()

    def watch() -> None:
        while not over.is_set():
            seen.add(powerdns.zone.mx(SHOP))

    def theirs() -> None:
        while not over.is_set():
            pdns.put([*USUAL, "30 mx1.lab.test."])
            pdns.put(USUAL)

    def ours() -> None:
        threads = [threading.Thread(target=t) for t in (watch, theirs)]
        for t in threads:
            t.start()
        for _ in range(30):
            now = powerdns.zone.mx(SHOP)
            wanted = MORE if now == TWO else TWO
            try:
                powerdns.zone.swap(SHOP, expected=now, wanted=wanted)
            except (Changed, OutcomeUnknown, Refused, Unreachable):
                continue
        over.set()
        for t in threads:
            t.join(30)

    powerdns.inside(ours)
    assert len(seen) > 1
    assert all(mx.targets >= TWO.targets for mx in seen)


def test_doctor_tells_what_the_key_may_and_changes_nothing(
    powerdns: OnALine[PowerDnsZone], pdns: Pdns, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain, before = Domain(SHOP, powerdns.zone.at), pdns.zone()
    found = powerdns.inside(lambda: powerdns.zone.at.right(domain, SystemClock()))
    assert found.outcome is Outcome.WARN
    assert "compares nothing" in found.says
    assert "dnsupdate=yes" in found.try_
    assert pdns.zone() == before, "not even the serial"
    monkeypatch.setenv("ZONE_KEY", "wrong")
    with pytest.raises(Refused, match="401"):
        powerdns.inside(lambda: powerdns.zone.at.right(domain, SystemClock()))


def test_its_port_is_the_api_of_a_real_powerdns(powerdns: OnALine[PowerDnsZone], pdns: Pdns) -> None:
    status, said = pdns.api("GET", "/api/v1/servers/localhost")
    assert (status, said["daemon_type"]) == (200, "authoritative")
