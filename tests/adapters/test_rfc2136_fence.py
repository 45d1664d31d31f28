"""The zone's serial as a fence, at a BIND of our own whose zones others edit too: what it stops, what gets through.

`signed.test` is signed inline: what it shows has another serial than what it compares (measured, BIND 9.18).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import dns.name
import dns.rcode
import dns.rdatatype
import dns.update
import pytest

from failover.core.mx import MxSet, mx_set
from failover.dns import rfc2136_zone
from failover.dns.rfc2136 import Rfc2136
from failover.dns.rfc2136_zone import Rfc2136Zone
from failover.errors import Changed, FailoverError, Refused
from failover.lab import Lab
from failover.runs import session
from tests.adapters.lab_net import inside
from tests.labs import until

pytestmark = pytest.mark.lab

OLD = mx_set(60, [(10, "mx1.lab.test"), (20, "mx2.lab.test")])
NEW = mx_set(60, [(9, "mx2.lab.test"), *OLD.targets])
PORT = 5300
ZONES = {"busy.test": "", "signed.test": "dnssec-policy default; inline-signing yes;"}
FILE = """\
$TTL 60
@ IN SOA Ns1.Lab.TEST. hostmaster.lab.test. 1 60 10 86400 5
@ IN NS ns1.lab.test.
@ IN MX 10 mx1.lab.test.
@ IN MX 20 mx2.lab.test.
mail IN MX 10 mx1.lab.test.
mail IN MX 20 mx2.lab.test.
"""
START = """\
rm -rf /tmp/fence && mkdir /tmp/fence && cd /tmp/fence && cat > named.conf
for zone in {zones}; do printf '%s' '{file}' > $zone; done
exec named -f -c /tmp/fence/named.conf
"""


def configuration(secret: str) -> str:
    zones = "".join(
        f'zone "{name}" {{ type primary; file "{name}"; {more} update-policy {{ grant failover. zonesub ANY; }}; }};\n'
        for name, more in ZONES.items()
    )
    return (
        f'options {{ directory "/tmp/fence"; listen-on port {PORT} {{ any; }}; pid-file "pid"; recursion no;\n'
        "dnssec-validation no; session-keyfile none; };\ncontrols {};\n"
        f'key failover {{ algorithm hmac-sha256; secret "{secret}"; }};\n{zones}'
    )


class Busy:
    """A zone of that server, and others who edit it."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab, self.name = lab, name
        self.at = Rfc2136(lab.address("ns1"), PORT, "failover", f"file:{lab.folder}/tsig")
        self.zone = Rfc2136Zone(self.at)

    def inside(self, do: Callable[[], Any]) -> Any:
        return inside(self.lab, "controller", do)

    def edit_elsewhere(self, text: str) -> None:
        """As an ACME client does."""
        update = dns.update.UpdateMessage(self.zone._zone(self.name))
        update.add(dns.name.from_text(f"{text}.{self.name}"), 60, "TXT", text)
        assert self.zone._exchange(update, "edit another name").rcode() == dns.rcode.NOERROR

    def lost(self, texts: list[str]) -> list[str]:
        names = ((t, dns.name.from_text(f"{t}.{self.name}")) for t in texts)
        return [t for t, name in names if not self.zone._read(name, dns.rdatatype.TXT, "look for an edit").answer]

    def meddled(self, meddle: Callable[[], object], *, once: bool = True, busy_s: float = 10.0) -> Rfc2136Zone:
        """The zone with somebody who comes after our last reading, and before our writing."""
        left = [meddle]

        class Meddled(Rfc2136Zone):
            __slots__ = ()

            def _update(self, *args: Any) -> Any:
                for edit in left:
                    edit()
                if once:
                    left.clear()
                return super()._update(*args)

        return Meddled(self.at, busy_s=busy_s)

    def moves(self, old: MxSet, new: MxSet) -> None:
        self.zone.swap(self.name, expected=old, wanted=new)

    def to_and_fro(self) -> None:
        self.moves(OLD, NEW)
        self.moves(NEW, OLD)


def ready(zone: Busy) -> bool:
    with suppress(FailoverError):
        return bool(zone.inside(lambda: zone.zone.mx(zone.name)) == OLD)
    return False


@pytest.fixture(params=["busy.test", "mail.busy.test"])
def busy(named: Lab, request: pytest.FixtureRequest) -> Busy:
    return Busy(named, request.param)


@pytest.fixture
def signed(named: Lab) -> Busy:
    return Busy(named, "signed.test")


@pytest.fixture
def named(lab: Lab) -> Iterator[Lab]:
    script = START.format(zones=" ".join(ZONES), file=FILE)
    server = lab.popen("ns1", ["sh", "-c", script], stdin=-1, stdout=-3, stderr=-3, text=True)
    assert server.stdin is not None
    with server.stdin as conf:
        conf.write(configuration((lab.folder / "tsig").read_text().strip()))
    until(lambda: all(ready(Busy(lab, name)) for name in ZONES), within=20, what="the server answers")
    yield lab
    lab.run("ns1", ["sh", "-c", "kill $(cat /tmp/fence/pid)"], timeout=10, check=False)
    server.wait(20)


class Lost:
    """A lease that is ours for so many looks."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def __call__(self) -> None:
        if not self.looks:
            raise Refused("the lease was taken over", try_="see who has it")
        self.looks -= 1


def test_moved_to_and_fro_while_we_stood_still_our_write_is_refused(busy: Busy) -> None:
    """Every record reads as expected when it arrives: it is the serial that does not."""
    zone, held = busy.meddled(busy.to_and_fro), Lost(1)
    with pytest.raises(Refused, match="taken over"):
        busy.inside(lambda: zone.swap(busy.name, expected=OLD, wanted=NEW, check_lease=held))
    assert busy.inside(lambda: busy.zone.mx(busy.name)) == OLD


def test_where_others_edit_other_names_all_the_time_we_get_through_and_nobodys_edit_is_lost(busy: Busy) -> None:
    over, wrote, seen, swaps = threading.Event(), list[str](), set[MxSet](), 20
    tried: list[int] = []

    def write() -> None:
        while not over.wait(0.01):
            busy.edit_elsewhere(text := f"token-{len(wrote)}")
            wrote.append(text)

    def watch() -> None:
        while not over.wait(0.005):
            seen.add(busy.zone.mx(busy.name))

    def slow_store() -> None:
        tried.append(1)
        time.sleep(0.005)

    def all_three() -> float:
        threads = [threading.Thread(target=t) for t in (write, watch)]
        for t in threads:
            t.start()
        until(lambda: len(wrote) > 5, within=10, what="the others are at it")
        began = time.monotonic()
        for n in range(swaps):
            old, new = (OLD, NEW) if n % 2 == 0 else (NEW, OLD)
            busy.zone.swap(busy.name, expected=old, wanted=new, check_lease=slow_store)
        took = time.monotonic() - began
        over.set()
        for t in threads:
            t.join(10)
        return took

    took = busy.inside(all_three)
    print(f"{len(wrote)} edits; {swaps} swaps in {took:.2f} s, {len(tried)} tries")  # noqa: T201
    assert len(tried) > swaps, "they met"
    assert busy.inside(lambda: busy.lost(wrote)) == []
    assert seen <= {OLD, NEW}


def test_where_others_never_let_us_it_ends_and_says_so(busy: Busy) -> None:
    edits = iter(range(1_000_000))
    zone = busy.meddled(lambda: busy.edit_elsewhere(str(next(edits))), once=False, busy_s=0.3)
    with pytest.raises(Refused, match=r"others had edited the zone busy\.test\..*serial 1 → ") as e:
        busy.inside(lambda: zone.swap(busy.name, expected=OLD, wanted=NEW))
    assert type(e.value) is Refused
    assert OLD.text in str(e.value)
    assert busy.inside(lambda: busy.zone.mx(busy.name)) == OLD


def test_a_server_without_the_zone_is_refused(busy: Busy) -> None:
    with pytest.raises(Refused, match=r"find the zone of elsewhere\.test: lame") as e:
        busy.inside(lambda: busy.zone.swap("elsewhere.test", expected=OLD, wanted=NEW))
    assert "primary" in e.value.try_


def test_a_zone_that_shows_another_serial_than_it_compares_is_moved_by_its_values(signed: Busy) -> None:
    signed.inside(signed.to_and_fro)
    looks = Lost(2)
    signed.inside(lambda: signed.zone.swap(signed.name, expected=OLD, wanted=NEW, check_lease=looks))
    assert looks.looks == 0, "it was asked with the serial first"
    zone = signed.meddled(lambda: signed.moves(NEW, OLD))
    with pytest.raises(Changed):
        signed.inside(lambda: zone.swap(signed.name, expected=NEW, wanted=replace(NEW, ttl=30)))
    assert signed.inside(lambda: signed.zone.mx(signed.name)) == OLD


def test_there_who_stood_still_for_as_long_as_a_lease_could_end_has_no_signature_that_holds(
    signed: Busy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed 61 s ago, by a clock that goes right from the second look at the lease on: the one without the SOA."""
    real, looks = time.time, Lost(2)
    monkeypatch.setattr("time.time", lambda: real() - (61 if looks.looks else 0))
    with pytest.raises(Refused, match="BADTIME"):
        signed.inside(lambda: signed.zone.swap(signed.name, expected=OLD, wanted=NEW, check_lease=looks))
    assert looks.looks == 0
    assert signed.inside(lambda: signed.zone.mx(signed.name)) == OLD


def test_what_the_last_fence_of_such_a_zone_rests_on() -> None:
    assert 2 * rfc2136_zone.SHORT_FUDGE_S <= session.LEASE_S
