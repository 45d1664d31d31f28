"""The HTTP API of a real PowerDNS: what is compared and what is not, what a lost answer means, never without MX."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

import pytest

from failover.adapters.clock import SystemClock
from failover.core.fleet import Domain
from failover.core.mx import MxSet, mx_set
from failover.core.observe.signal import Outcome
from failover.dns.powerdns import PowerDns, PowerDnsZone
from failover.errors import Changed, ConfigError, FailoverError, OutcomeUnknown, Refused, Unreachable
from failover.lab import Lab
from tests.adapters.lab_net import inside
from tests.adapters.pdns import ADDRESS, KEY, NAME, USUAL, ApiLine, Pdns
from tests.labs import lab_or_skip

pytestmark = pytest.mark.lab
TWO = mx_set(60, [(10, "mx1.lab.test"), (20, "mx2.lab.test")])
MORE = mx_set(60, [(9, "mx2.lab.test"), *TWO.targets])
T = TypeVar("T")


@pytest.fixture(scope="module")
def powerdns_lab() -> Iterator[Lab]:
    ours = lab_or_skip("powerdns", ("powerdns",))
    yield ours
    ours.down()


@pytest.fixture(scope="module")
def server(powerdns_lab: Lab) -> Iterator[Pdns]:
    ours = Pdns(powerdns_lab)
    yield ours
    ours.close()


class Scene:
    def __init__(self, pdns: Pdns, line: ApiLine) -> None:
        self.pdns, self.line = pdns, line
        self.at = PowerDns(f"http://127.0.0.1:{line.port}", "env:PDNS_KEY")
        self.zone = PowerDnsZone(self.at, (ADDRESS,))

    def mx(self) -> MxSet:
        return inside(self.pdns.lab, "controller", lambda: self.zone.mx(NAME))

    def swap(
        self, zone: PowerDnsZone | None = None, expected: MxSet = TWO, wanted: MxSet = MORE, check_lease: object = None
    ) -> None:
        ask = {"check_lease": check_lease} if check_lease else {}
        inside(
            self.pdns.lab,
            "controller",
            lambda: (zone or self.zone).swap(NAME, expected=expected, wanted=wanted, **ask),  # type: ignore[arg-type]
        )

    def fails(self, kind: type[FailoverError], zone: PowerDnsZone | None = None, **how: MxSet) -> FailoverError:
        with pytest.raises(kind) as e:
            self.swap(zone, **how)
        assert type(e.value) is kind
        assert e.value.try_
        assert KEY not in f"{e.value!r} {e.value.try_} {self.zone!r} {e.getrepr(showlocals=False)}"
        return e.value


@pytest.fixture
def scene(server: Pdns, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setenv("PDNS_KEY", KEY)
    server.put(USUAL)
    line = inside(server.lab, "controller", ApiLine)
    yield Scene(server, line)
    line.close()


def test_swapped_and_repeated_and_back(scene: Scene) -> None:
    scene.swap()
    assert scene.mx() == MORE
    scene.swap()  # once more: it is found done
    assert scene.line.patches == 1
    scene.swap(expected=MORE, wanted=replace(TWO, ttl=300))
    assert scene.mx() == replace(TWO, ttl=300)


def test_every_authoritative_server_is_asked(scene: Scene) -> None:
    scene.swap()
    seen = inside(scene.pdns.lab, "controller", lambda: scene.zone.seen(NAME))
    assert seen[ADDRESS] == MORE


@pytest.mark.parametrize("wrong", [MORE, mx_set(60, [(10, "mx1.lab.test")]), replace(TWO, ttl=300)])
def test_what_is_not_as_expected_is_not_written_over(scene: Scene, wrong: MxSet) -> None:
    said = str(scene.fails(Changed, expected=wrong, wanted=mx_set(60, [(5, "mx2.lab.test")])))
    assert wrong.text in said
    assert TWO.text in said
    assert (scene.mx(), scene.line.patches) == (TWO, 0)


def test_an_edit_between_our_reading_and_our_write_is_not_noticed(scene: Scene) -> None:
    """The API has no precondition. This is what the docstring and the doctor say; the other providers notice."""
    scene.swap(check_lease=lambda: scene.pdns.put([*USUAL, "30 mx1.lab.test."]))
    assert scene.mx() == MORE


def test_without_our_lease_nothing_is_sent(scene: Scene) -> None:
    def taken_over() -> None:
        raise Refused("the lease was taken over", try_="see who has it")

    with pytest.raises(Refused, match="taken over"):
        scene.swap(check_lease=taken_over)
    assert scene.line.patches == 0


def test_an_empty_set_is_never_written(scene: Scene) -> None:
    scene.fails(Refused, wanted=MxSet(60, frozenset()))
    assert scene.mx() == TWO


def test_what_is_disabled_and_what_is_noted_stays(scene: Scene) -> None:
    """case: it is left out where one set is asked for, and was lost when the set was replaced."""
    note = {"content": "ours", "account": "ops", "modified_at": 0}
    scene.pdns.put(USUAL, disabled=["30 mx3.lab.test."], comments=[note])
    assert scene.mx() == TWO
    scene.swap()
    found = scene.pdns.rrset()
    assert [r["content"] for r in found["records"] if r["disabled"]] == ["30 mx3.lab.test."]
    assert [c["content"] for c in found["comments"]] == ["ours"]
    assert scene.mx() == MORE


def test_a_copy_of_the_zone_is_not_written_to(scene: Scene) -> None:
    scene.pdns.sql("update domains set type = 'SLAVE'")
    try:
        assert "only a copy" in str(scene.fails(Refused))
        assert (scene.mx(), scene.line.patches) == (TWO, 0)
    finally:
        scene.pdns.sql("update domains set type = 'NATIVE'")


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
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
    kind: type[FailoverError],
    words: str,
    what_to_try: str,
) -> None:
    monkeypatch.setenv("WRONG_KEY", "wrong")
    e = scene.fails(kind, PowerDnsZone(replace(scene.at, **changes)))
    assert words in str(e)
    assert what_to_try in e.try_
    assert scene.mx() == TWO


def test_a_domain_that_it_does_not_have(scene: Scene) -> None:
    with pytest.raises(Refused, match=r"no zone for other\.test"):
        inside(scene.pdns.lab, "controller", lambda: scene.zone.mx("other.test"))
    assert not inside(scene.pdns.lab, "controller", lambda: scene.zone.mx(f"sub.{NAME}")).targets


@pytest.mark.parametrize(("lost", "deadline_s"), [("answer", 8.0), ("silence", 1.0), ("drip", 1.0), ("500", 8.0)])
def test_done_though_its_answer_was_lost(scene: Scene, lost: str, deadline_s: float) -> None:
    scene.line.lose = [lost]
    scene.swap(replace(scene.zone, deadline_s=deadline_s))
    assert (scene.mx(), scene.line.patches) == (MORE, 1)


@pytest.mark.parametrize("lost", ["request", "503"])
def test_lost_before_it_was_carried_out_is_unknown_to_us(scene: Scene, lost: str) -> None:
    scene.line.lose = [lost]
    scene.fails(OutcomeUnknown)
    assert scene.mx() == TWO


def test_a_key_that_is_gone_when_the_set_is_read_again_unsays_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """safety 3, its siblings: after the change was sent, no error on our side says that it was not."""
    scene.line.lose = ["answer"]
    original = PowerDnsZone._reads

    def without(*args: object) -> bool:
        monkeypatch.delenv("PDNS_KEY", raising=False)
        return original(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(PowerDnsZone, "_reads", without)
    with pytest.raises(OutcomeUnknown):
        scene.swap()
    assert scene.pdns.mx >= {"9 mx2.lab.test."}


def test_repeated_after_a_request_that_was_only_late_it_is_done_once(scene: Scene) -> None:
    scene.line.lose = ["late"]
    scene.fails(OutcomeUnknown)
    scene.line.late.set()
    assert scene.line.arrived.wait(10)
    scene.swap()
    assert (scene.mx(), scene.line.patches) == (MORE, 1)


def test_a_second_writer_and_ours_never_leave_it_without_mx(scene: Scene) -> None:
    """Both replace the whole set, as any tool of this API does; PowerDNS answers 500 while its file is busy."""
    over, seen = threading.Event(), set[MxSet]()

    def watch() -> None:
        while not over.is_set():
            seen.add(scene.zone.mx(NAME))

    def theirs() -> None:
        while not over.is_set():
            scene.pdns.put([*USUAL, "30 mx1.lab.test."])
            scene.pdns.put(USUAL)

    def ours() -> None:
        threads = [threading.Thread(target=t) for t in (watch, theirs)]
        for t in threads:
            t.start()
        for _ in range(30):
            now = scene.zone.mx(NAME)
            wanted = MORE if now == TWO else TWO
            try:
                scene.zone.swap(NAME, expected=now, wanted=wanted)
            except (Changed, OutcomeUnknown, Refused, Unreachable):
                continue
        over.set()
        for t in threads:
            t.join(30)

    inside(scene.pdns.lab, "controller", ours)
    assert len(seen) > 1
    assert all(mx.targets >= TWO.targets for mx in seen)


def test_doctor_tells_what_the_key_may_and_changes_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    domain, before = Domain(NAME, scene.at), scene.pdns.zone()
    found = inside(scene.pdns.lab, "controller", lambda: scene.at.right(domain, SystemClock()))
    assert found.outcome is Outcome.WARN
    assert "compares nothing" in found.says
    assert "dnsupdate=yes" in found.try_
    assert scene.pdns.zone() == before, "not even the serial"
    monkeypatch.setenv("PDNS_KEY", "wrong")
    with pytest.raises(Refused, match="401"):
        inside(scene.pdns.lab, "controller", lambda: scene.at.right(domain, SystemClock()))


def test_its_port_is_the_api_of_a_real_powerdns(scene: Scene) -> None:
    status, said = scene.pdns.api("GET", "/api/v1/servers/localhost")
    assert (status, said["daemon_type"]) == (200, "authoritative")
