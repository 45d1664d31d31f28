"""What AWS answers, broken in every way, through boto3's real client: a value, or an error on purpose.

The stand-in carries out each request as it came; only its answer is spoilt on the way back. So "nothing was done" after
it did something is a lie that is seen.
"""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from failover.adapters import ec2, resolver
from failover.adapters.clock import SystemClock
from failover.adapters.ec2 import Ec2Cloud
from failover.core.fleet import Ec2, Endpoint
from failover.core.mx import MxMode, MxSet, mx_set, prefer
from failover.core.runs.answer import Answer
from failover.dns import route53_zone
from failover.dns.route53_zone import Route53Zone
from failover.errors import FailoverError
from failover.ports import Instance
from tests.fuzz.made_up import NASTY, NUMBERS, fuzz, no_fault, plain
from tests.standins.aws import Aws

INSTANCE, REGION = "i-0123456789abcdef0", "eu-west-3"
ID, NAME = "Z0123456789", "example.net"
TWO = mx_set(300, [(10, "mx1.example.net"), (20, "mx2.example.net")])
MORE = prefer(TWO, "mx2.example.net", MxMode.OVERLAY)
STATUS = [200, 200, 200, 200, 204, 302, 400, 404, 500, 503]
SEED = st.integers(0, 2**32)
Spoil = Callable[[int, bytes], tuple[int, bytes]]


@dataclass
class Raw:
    """What urllib3 hands to botocore."""

    body: bytes

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield from io.BytesIO(self.body)


class Between:
    """In the place of the line: boto3's own client in front, the stand-in behind."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.spoil: Spoil = lambda status, body: (status, body)
        once = Config(retries={"total_max_attempts": 1})
        self.clients = {name: boto3.session.Session().client(name, REGION, config=once) for name in ("ec2", "route53")}
        for name, client in self.clients.items():
            client.meta.events.register(f"before-send.{name}", self.answer)

    def answer(self, request: Any, **_: object) -> AWSResponse:
        url = urlsplit(request.url)
        headers = {k.lower(): v.decode() if isinstance(v, bytes) else v for k, v in request.headers.items()}
        headers["host"] = url.netloc
        body = request.body or b""
        target = f"{url.path}?{url.query}" if url.query else url.path
        at = self.aws.handle(request.method, target, headers, body.encode() if isinstance(body, str) else body)
        status, said = self.spoil(*at[:2])
        return AWSResponse(request.url, status, {"Content-Type": "text/xml"}, Raw(said))

    def anew(self, spoil: Spoil) -> Aws:
        self.spoil = spoil
        self.aws.reset(time.monotonic)
        self.aws.ec2.add(INSTANCE, "m5.large")
        self.aws.route53.add(ID, NAME, mx=["10 mx1.example.net.", "20 mx2.example.net."])
        return self.aws


@pytest.fixture(scope="module")
def between() -> Iterator[Between]:
    with pytest.MonkeyPatch.context() as patch, Aws() as aws:
        aws.lend(patch)
        found = Between(aws)
        patch.setattr(Ec2Cloud, "_client", lambda _: found.clients["ec2"])
        patch.setattr(Route53Zone, "_client", lambda _: found.clients["route53"])
        patch.setattr(ec2, "TRIES", 1)
        patch.setattr(route53_zone, "POLL_S", 0.0)
        yield found


def spoilt(seed: int) -> Spoil:
    """Each answer is thrown for: whole, another status, some of its bytes, or some of its elements. By dice, since
    boto3 is called in a thread of its own, and hypothesis draws in none but the test's."""
    dice = random.Random(seed)

    def spoil(status: int, body: bytes) -> tuple[int, bytes]:
        how = dice.choice(["whole", "bytes", "elements", "elements"])
        if how == "whole":
            return status, body
        found = some_bytes(dice, body) if how == "bytes" else some_elements(dice, body)
        return (dice.choice(STATUS) if status == 200 else status), found

    return spoil


def some_bytes(dice: random.Random, body: bytes) -> bytes:
    for _ in range(dice.randrange(1, 4)):
        at = dice.randrange(len(body) + 1)
        body = body[:at] + dice.randbytes(dice.randrange(4)) + body[at + dice.randrange(12) :]
    return body[: dice.randrange(len(body))] if body and dice.random() < 0.2 else body


def some_elements(dice: random.Random, body: bytes) -> bytes:
    """Some of them missing, doubled, empty, of another kind, or with another text."""
    root = ET.fromstring(body)  # noqa: S314  (the stand-in wrote it)
    for _ in range(dice.randrange(1, 4)):
        parent, child = dice.choice([(p, c) for p in root.iter() for c in p] or [(ET.Element("none"), root)])
        change = dice.choice(["gone", "text", "text", "kind", "twice", "empty"])
        if change == "gone":
            parent[:] = [c for c in parent if c is not child]
        elif change == "twice":
            parent.append(child)
        elif change == "kind":
            child.append(ET.Element("item"))
        else:
            child[:] = []
            child.text = "" if change == "empty" else dice.choice([*NASTY, *NUMBERS])
    return ET.tostring(root, encoding="unicode").encode("utf-8", "surrogatepass")


def told(ask: Callable[[], object]) -> tuple[Answer, object]:
    """What it comes to, and what it gave; whatever it raises is on purpose, and no fault of ours."""
    said: FailoverError | None = None
    found: object = None
    try:
        found = ask()
    except FailoverError as e:
        said = e
    no_fault()
    assert said is None or plain(f"{said} {said.try_}")
    return (said.answer if said else Answer.DONE), found


def test_what_is_not_spoilt_is_carried_out(between: Between) -> None:
    """Or nothing below would show anything."""
    aws = between.anew(lambda status, body: (status, body))
    Ec2Cloud(Ec2(REGION, INSTANCE)).stop()
    zone().swap(NAME, expected=TWO, wanted=MORE)
    assert (aws.ec2.instance(INSTANCE).state, len(aws.route53.zones[ID].history)) == ("stopping", 2)


# EC2 ------------------------------------------------------------------------------------


@fuzz(150)
@given(seed=SEED)
def test_a_machine_is_read_or_said_to_be_unreadable(between: Between, seed: int) -> None:
    between.anew(spoilt(seed))
    cloud = Ec2Cloud(Ec2(REGION, INSTANCE), pause_s=0.0)
    _, found = told(cloud.machine)
    if isinstance(found, Instance):
        assert found.state in {"pending", "running", "shutting-down", "terminated", "stopping", "stopped"}
        assert found.size
        assert all(plain(t) for t in (found.size, found.address or "", found.why))
    _, objection = told(lambda: cloud.objection("m5.4xlarge"))
    assert objection is None or (isinstance(objection, str) and plain(objection))


@pytest.mark.parametrize("change", ["stop", "resize", "start"])
@fuzz(60)
@given(seed=SEED)
def test_what_ec2_carried_out_is_never_nothing(between: Between, change: str, seed: int) -> None:
    aws = between.anew(spoilt(seed))
    if change != "stop":
        aws.ec2.meddle(INSTANCE, state="stopped")
    before = aws.ec2.instance(INSTANCE)
    cloud = Ec2Cloud(Ec2(REGION, INSTANCE), pause_s=0.0)
    asks = {"stop": cloud.stop, "resize": lambda: cloud.resize("m5.4xlarge"), "start": cloud.start}
    answer, _ = told(asks[change])
    assert answer in {Answer.DONE, Answer.UNKNOWN} or aws.ec2.instance(INSTANCE) == before


# Route 53 -------------------------------------------------------------------------------


@fuzz(150)
@given(seed=SEED)
def test_what_route_53_carried_out_is_never_nothing(between: Between, seed: int) -> None:
    """Also when the look before it, the looks after it and the state of the change are spoilt."""
    aws = between.anew(spoilt(seed))
    answer, _ = told(lambda: zone().swap(NAME, expected=TWO, wanted=MORE))
    assert answer in {Answer.DONE, Answer.UNKNOWN} or len(aws.route53.zones[ID].history) == 1


@fuzz(100)
@given(seed=SEED)
def test_a_record_set_is_read_or_said_to_be_unreadable(between: Between, seed: int) -> None:
    between.anew(spoilt(seed))
    _, found = told(lambda: zone().mx(NAME))
    assert found is None or (isinstance(found, MxSet) and plain(found.text))


@fuzz(60)
@given(seed=SEED)
def test_any_delegation_set_is_looked_at(between: Between, seed: int) -> None:
    asked: list[tuple[str, list[str]]] = []

    def authoritative(of: str, *, at: object, extra: list[str]) -> tuple[Endpoint, ...]:
        asked.append((of, extra))
        return ()

    between.anew(spoilt(seed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resolver, "authoritative", authoritative)
        told(lambda: zone().seen(NAME))
    assert all(isinstance(name, str) for of, extra in asked for name in (of, *extra))


def zone() -> Route53Zone:
    return Route53Zone(ID, (), SystemClock(), sync_s=0.2, busy_s=0.0)
