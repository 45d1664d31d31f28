"""A domain with two MX at each DNS provider, as the contract suite and the provider's own tests use it: at a real BIND
and a real PowerDNS on a lab, and at the stand-in of Route 53. Each has a line that loses what it is told to lose."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol, TypeVar

import pytest

from failover.adapters.clock import SystemClock
from failover.core.mx import MxSet, mx_set
from failover.dns.powerdns import PowerDns, PowerDnsZone
from failover.dns.rfc2136 import Rfc2136
from failover.dns.rfc2136_zone import Rfc2136Zone
from failover.dns.route53_zone import Route53Zone
from failover.dns.sets import from_texts, texts
from failover.errors import FailoverError
from failover.lab import Lab
from failover.ports import CheckLease, DnsZone, by_hand
from tests.adapters.lab_net import Line, inside
from tests.adapters.pdns import ADDRESS, API_KEY, SHOP, Pdns, api_line
from tests.labs import lab_or_skip
from tests.standins.answers import AwsError
from tests.standins.aws import KEY, SECRET, Aws

TWO = mx_set(60, [(10, "mx1.lab.test"), (20, "mx2.lab.test")])
MORE = mx_set(60, [(9, "mx2.lab.test"), *TWO.targets])
THEIRS = mx_set(60, [*TWO.targets, (30, "mx1.lab.test")])
ZONE_ID, CHANGE = "Z0123456789", "ChangeResourceRecordSets"
T = TypeVar("T")
Z = TypeVar("Z", bound=DnsZone)


class Place(Protocol):
    name: str
    compares: bool
    """Does the server compare? Where it does not, the provider's notes say so."""
    rounds: int
    locals_too: bool
    """Do our own frames hold no secret either? boto3's do, and so does a request over HTTPS."""

    @property
    def zone(self) -> DnsZone: ...

    @property
    def secrets(self) -> tuple[str, ...]: ...

    @property
    def changes(self) -> int:
        """How many requests for a change were sent."""
        ...

    def inside(self, do: Callable[[], T]) -> T:
        """On the network where the provider is."""
        ...

    def there(self) -> MxSet:
        """What it has, read by somebody else."""
        ...

    def put(self, mx: MxSet, /) -> None:
        """By somebody else."""
        ...

    def losing(self, how: str) -> DnsZone:
        """The zone, of which the next change is lost so; `late`: until `arrive`."""
        ...

    def arrive(self) -> None: ...

    def forgetting(self) -> CheckLease:
        """With it, our key is gone when the change was sent."""
        ...


DONE: Mapping[str, tuple[str, ...]] = {
    "rfc2136": ("answer", "silence"),
    "powerdns": ("answer", "silence", "drip", "500"),
    "route53": ("answer", "half"),
}
"""The ways in which an answer is lost though the change was carried out."""
NOT_DONE: Mapping[str, tuple[str, ...]] = {
    "rfc2136": ("request",),
    "powerdns": ("request", "503"),
    "route53": ("request",),
}


def swap(place: Place, zone: DnsZone | None = None, expected: MxSet = TWO, wanted: MxSet = MORE, **how: Any) -> None:
    place.inside(lambda: (zone or place.zone).swap(place.name, expected=expected, wanted=wanted, **how))


def fails(place: Place, kind: type[FailoverError], zone: DnsZone | None = None, **how: Any) -> FailoverError:
    """The error of a swap: of that kind exactly, with what to try, and without a secret."""
    with pytest.raises(kind) as e:
        swap(place, zone, **how)
    assert type(e.value) is kind
    assert e.value.try_
    shown = f"{e.value!r} {e.value.try_} {zone!r}" + str(e.getrepr(showlocals=True) if place.locals_too else "")
    assert not any(secret in shown for secret in place.secrets)
    return e.value


@dataclass
class OnALine(Generic[Z]):
    """At a real server on a lab, whose key is in the environment for the zone alone."""

    name: str
    lab: Lab
    line: Line
    zone: Z
    hasty: Z
    there: Callable[[], MxSet]
    put: Callable[[MxSet], None]
    environ: pytest.MonkeyPatch
    secrets: tuple[str, ...] = field(repr=False)
    compares: bool = True
    rounds: int = 40
    locals_too: bool = True

    @property
    def changes(self) -> int:
        return self.line.changes

    def inside(self, do: Callable[[], T]) -> T:
        return inside(self.lab, "controller", do)

    def losing(self, how: str) -> DnsZone:
        self.line.lose = [how]
        return self.hasty if how in {"silence", "drip"} else self.zone

    def arrive(self) -> None:
        self.line.late.set()
        assert self.line.arrived.wait(10)

    def forgetting(self) -> CheckLease:
        self.line.then = lambda: self.environ.delenv("ZONE_KEY")
        return by_hand


@pytest.fixture
def rfc2136(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[OnALine[Rfc2136Zone]]:
    """The lab's own domain; put back afterwards."""
    line = inside(lab, "controller", lambda: Line(lab.address("ns1")))
    secret, name = (lab.folder / "tsig").read_text().strip(), "lab.test"
    monkeypatch.setenv("ZONE_KEY", secret)
    straight = Rfc2136Zone(Rfc2136(lab.address("ns1"), 53, "failover", f"file:{lab.folder}/tsig"))
    zone = replace(straight, at=replace(straight.at, server="127.0.0.1", port=line.port, key="env:ZONE_KEY"))

    def there() -> MxSet:
        return inside(lab, "controller", lambda: straight.mx(name))

    def put(mx: MxSet) -> None:
        inside(lab, "controller", lambda: straight.swap(name, expected=straight.mx(name), wanted=mx))

    assert there() == TWO
    yield OnALine(name, lab, line, zone, replace(zone, patience_s=0.5), there, put, monkeypatch, (secret,))
    line.close()
    put(TWO)


@pytest.fixture(scope="module")
def pdns() -> Iterator[Pdns]:
    lab = lab_or_skip("powerdns", ("powerdns",))
    ours = Pdns(lab)
    yield ours
    ours.close()
    lab.down()


@pytest.fixture
def powerdns(pdns: Pdns, monkeypatch: pytest.MonkeyPatch) -> Iterator[OnALine[PowerDnsZone]]:
    line = inside(pdns.lab, "controller", api_line)
    monkeypatch.setenv("ZONE_KEY", API_KEY)
    zone = PowerDnsZone(PowerDns(f"http://127.0.0.1:{line.port}", "env:ZONE_KEY"), (ADDRESS,))

    def there() -> MxSet:
        found = pdns.rrset()
        return from_texts(found["ttl"], [r["content"] for r in found["records"] if not r["disabled"]])

    def put(mx: MxSet) -> None:
        pdns.put(texts(mx), mx.ttl)

    put(TWO)
    hasty = replace(zone, deadline_s=1.0)
    yield OnALine(SHOP, pdns.lab, line, zone, hasty, there, put, monkeypatch, (API_KEY,), False, 0, False)
    line.close()


class Quick(SystemClock):
    """Sleeps a hundredth."""

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / 100)


class AtRoute53:
    """Through boto3's real client, to a stand-in that compares as AWS does."""

    name, compares, rounds, locals_too, secrets = SHOP, True, 2, False, (KEY, SECRET)

    def __init__(self, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
        self.aws, self.monkeypatch = aws, monkeypatch
        aws.route53.add(ZONE_ID, self.name, mx=texts(TWO), ttl=TWO.ttl)
        aws.lend(monkeypatch)
        self.zone = Route53Zone(ZONE_ID, (), Quick(), sync_s=1.0, busy_s=1.0)

    @property
    def changes(self) -> int:
        return self.aws.asked(CHANGE)

    def inside(self, do: Callable[[], T]) -> T:
        return do()

    def there(self) -> MxSet:
        found = self.aws.route53.mx(ZONE_ID)
        return from_texts(found.ttl, found.values) if found else MxSet(0, frozenset())

    def put(self, mx: MxSet, /) -> None:
        self.aws.route53.meddle(ZONE_ID, texts(mx), ttl=mx.ttl)

    def losing(self, how: str) -> DnsZone:
        self.aws.clock = lambda: 0.0
        match how:
            case "half":
                self.aws.half(CHANGE)
            case "late":
                self.aws.cut(CHANGE, done=True, late_s=5)
            case _:
                self.aws.cut(CHANGE, done=how == "answer")
        return self.zone

    def arrive(self) -> None:
        self.aws.clock = lambda: 10.0
        with suppress(AwsError):
            self.aws.settle()

    def forgetting(self) -> CheckLease:
        return lambda: self.monkeypatch.delenv("AWS_ACCESS_KEY_ID")


@pytest.fixture
def route53(monkeypatch: pytest.MonkeyPatch) -> Iterator[AtRoute53]:
    with Aws() as aws:
        yield AtRoute53(aws, monkeypatch)


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    """Each provider in turn, by the name of its fixture."""
    found: Place = request.getfixturevalue(request.param)
    return found
