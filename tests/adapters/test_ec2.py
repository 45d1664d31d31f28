"""The EC2 adapter against a strict AWS: what each failure is called, that no key is told, and that every call ends."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from failover.adapters import ec2
from failover.adapters.ec2 import TRIES, Ec2Cloud, cloud
from failover.core.fleet import Ec2, Host, Role
from failover.errors import Changed, FailoverError, OutcomeUnknown, Refused, Unreachable
from failover.ports import Instance
from tests.standins import aws as standin
from tests.standins.aws import KEY, SECRET, Aws

INSTANCE, REGION = "i-0123456789abcdef0", "eu-west-3"
AT = Ec2(REGION, INSTANCE)


def made(*, deadline_s: float, pause_s: float) -> Ec2Cloud:
    """With its client there already: making that can take a second on a busy machine, and is not what is timed."""
    ours = Ec2Cloud(AT, deadline_s=deadline_s, pause_s=pause_s)
    ours._client()
    return ours


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Aws, Ec2Cloud]]:
    with pytest.MonkeyPatch.context() as patch, Aws() as aws:
        aws.lend(patch)
        yield aws, made(deadline_s=60.0, pause_s=0.01)


@pytest.fixture
def aws(shared: tuple[Aws, Ec2Cloud]) -> Aws:
    shared[0].reset(time.monotonic)
    shared[0].ec2.add(INSTANCE, "m5.large")
    return shared[0]


@pytest.fixture
def ours(shared: tuple[Aws, Ec2Cloud]) -> Ec2Cloud:
    return shared[1]


def test_a_machine_as_ec2_reports_it(aws: Aws, ours: Ec2Cloud) -> None:
    assert ours.machine() == Instance("running", "m5.large", "198.51.100.11")
    aws.ec2.add(INSTANCE, "m5.xlarge", elastic=True)
    assert ours.machine() == Instance("running", "m5.xlarge", "198.51.100.12", elastic=True)
    ours.stop()
    found = ours.machine()
    assert (found.state, found.why) == ("stopping", "Client.UserInitiatedShutdown: User initiated shutdown")


def test_each_change_is_asked_for_once(aws: Aws, ours: Ec2Cloud) -> None:
    ours.stop()
    assert aws.ec2.instance(INSTANCE).state == "stopping"
    aws.ec2.meddle(INSTANCE, state="stopped")
    ours.resize("m5.4xlarge")
    ours.start()
    assert (aws.ec2.instance(INSTANCE).state, aws.ec2.instance(INSTANCE).size) == ("pending", "m5.4xlarge")
    assert [r.code for r in aws.requests] == ["done"] * 3


# What a failure is called --------------------------------------------------------------

READ, STOP = Ec2Cloud.machine, Ec2Cloud.stop
Ask = Callable[[Ec2Cloud], object]


def resize(ours: Ec2Cloud) -> None:
    ours.resize("m5.4xlarge")


def no_capacity(aws: Aws) -> None:
    aws.ec2.meddle(INSTANCE, state="stopped")
    aws.ec2.lacking.add("m5.large")


CASES: dict[str, tuple[Callable[[Aws], object], Ask, type[FailoverError], str, str]] = {
    "unknown key": (lambda a: a.keys.clear(), READ, Refused, "AuthFailure", "aws sts get-caller-identity"),
    "wrong secret": (lambda a: a.keys.update({KEY: "x"}), STOP, Refused, "AuthFailure", "AWS_PROFILE"),
    "session over": (lambda a: a.expired.add(KEY), STOP, Refused, "RequestExpired", "aws sso login"),
    "no right": (lambda a: a.denied.add("StopInstances"), STOP, Refused, "UnauthorizedOperation", "ec2:StopInstances"),
    "not there": (lambda a: a.ec2._now.clear(), READ, Refused, "InvalidInstanceID.NotFound", "`cloud: {region"),
    "running": (lambda a: None, resize, Changed, "IncorrectInstanceState: The instance", "nothing was changed"),
    "no capacity": (
        no_capacity,
        Ec2Cloud.start,
        Refused,
        "InsufficientInstanceCapacity: We currently do not have sufficient m5.large",
        "another size",
    ),
    "throttled": (
        lambda a: a.throttle("StopInstances", times=TRIES),
        STOP,
        Unreachable,
        f"RequestLimitExceeded, {TRIES} times",
        "nothing was changed",
    ),
    "AWS's error, changing": (
        lambda a: a.fail("StopInstances", "InternalError", status=500),
        STOP,
        OutcomeUnknown,
        "InternalError",
        f"aws ec2 describe-instances --region {REGION} --instance-ids {INSTANCE}",
    ),
    "AWS's error, reading": (
        lambda a: a.fail("DescribeInstances", "InternalError", status=500),
        READ,
        Unreachable,
        "InternalError",
        "try again",
    ),
    "cut, changing": (lambda a: a.cut("StopInstances", done=True), STOP, OutcomeUnknown, "ConnectionClosed", "look"),
    "cut, reading": (lambda a: a.cut("DescribeInstances", done=True), READ, Unreachable, "ConnectionClosed", "again"),
    "half, changing": (lambda a: a.half("StopInstances"), STOP, OutcomeUnknown, "ResponseParserError", "look"),
    "half, reading": (lambda a: a.half("DescribeInstances"), READ, Unreachable, "ResponseParserError", "again"),
    "silent, changing": (lambda a: a.hang("StopInstances", done=True), STOP, OutcomeUnknown, "Overdue", "look"),
    "dripping, changing": (lambda a: a.drip("StopInstances"), STOP, OutcomeUnknown, "Overdue", "look"),
    "dripping, reading": (lambda a: a.drip("DescribeInstances"), READ, Unreachable, "Overdue", "again"),
}


@pytest.mark.parametrize("case", CASES)
def test_each_failure_has_its_class_its_code_and_what_to_do(aws: Aws, ours: Ec2Cloud, case: str) -> None:
    """Within the deadline; and a call that may have happened is never made twice."""
    spoil, ask, kind, words, instead = CASES[case]
    spoil(aws)
    cloud = made(deadline_s=6.0, pause_s=0.01) if words == "Overdue" else ours
    with pytest.raises(FailoverError) as e:
        ask(cloud)
    assert type(e.value) is kind
    assert words in str(e.value)
    assert instead in e.value.try_
    assert INSTANCE in str(e.value)
    told = f"{e.value} {e.value.try_} {e.value.__cause__!r}"
    assert not any(secret in told for secret in (KEY, SECRET, "Encoded authorization"))
    assert len(aws.requests) == (TRIES if kind is Unreachable and "throttled" in case else 1)


def test_a_refusal_for_too_many_requests_is_asked_again(aws: Aws) -> None:
    aws.throttle("StopInstances", times=TRIES - 1)
    made(deadline_s=60.0, pause_s=0.05).stop()
    assert aws.ec2.instance(INSTANCE).state == "stopping"


def test_what_is_given_up_begins_nothing_more(aws: Aws) -> None:
    """The deadline falls into the pause before the next try: the caller is told so, and then nothing may be sent."""
    impatient = made(deadline_s=1.0, pause_s=1.2)
    aws.throttle("StopInstances", times=1)
    with pytest.raises(OutcomeUnknown):
        impatient.stop()
    time.sleep(0.6)  # what must not happen has no event to wait for
    assert aws.asked("StopInstances") == 1
    assert aws.ec2.instance(INSTANCE).state == "running"


def test_nothing_listens(monkeypatch: pytest.MonkeyPatch, aws: Aws) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(Unreachable, match=r"cannot reach EC2 for .*: EndpointConnectionError"):
            Ec2Cloud(AT).stop()


@pytest.mark.parametrize("missing", [("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ("AWS_SECRET_ACCESS_KEY",)])
def test_no_keys_at_all(monkeypatch: pytest.MonkeyPatch, aws: Aws, missing: tuple[str, ...]) -> None:
    for name in missing:
        monkeypatch.delenv(name)
    with pytest.raises(Refused, match=f"no usable AWS keys for {INSTANCE}") as e:
        Ec2Cloud(AT).machine()
    assert "aws sts get-caller-identity" in e.value.try_
    assert aws.requests == []


def test_a_clock_that_is_off(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standin, "SKEW", timedelta(seconds=-1))
    with pytest.raises(Refused, match="RequestExpired") as e:
        made(deadline_s=60.0, pause_s=0.01).machine()
    assert "clock" in e.value.try_


# Before anything is stopped -------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "denied", "words"),
    [
        ("m5.4xlarge", "", None),
        ("zz.huge", "", "EC2 knows no size zz.huge in eu-west-3"),
        ("m6g.large", "", f"m6g.large is arm64, the system on {INSTANCE} is x86_64"),
        ("m5.4xlarge", "StopInstances", f"AWS does not let us call ec2:StopInstances on {INSTANCE}"),
        (
            "m5.4xlarge",
            "ModifyInstanceAttribute",
            f"AWS does not let us call ec2:ModifyInstanceAttribute on {INSTANCE}",
        ),
        ("m5.4xlarge", "StartInstances", f"AWS does not let us call ec2:StartInstances on {INSTANCE}"),
        ("m5.4xlarge", "DescribeInstanceTypes", None),  # a right that is only good to have
    ],
)
def test_what_speaks_against_a_size(aws: Aws, ours: Ec2Cloud, size: str, denied: str, words: str | None) -> None:
    aws.denied.add(denied)
    before = aws.ec2.instance(INSTANCE)
    assert ours.objection(size) == words
    assert aws.ec2.instance(INSTANCE) == before


def test_a_host_without_an_instance(aws: Aws) -> None:
    with pytest.raises(Refused, match="mx2 has no `cloud:`") as e:
        cloud(Host("mx2", Role.STANDBY, "192.0.2.12"))
    assert "kind: ec2" in e.value.try_
    mx1 = Host("mx1", Role.PRIMARY, "192.0.2.11", cloud=AT)
    assert cloud(mx1) is cloud(mx1), "the client is made once"
    assert isinstance(cloud(mx1), Ec2Cloud)
    ec2._at.cache_clear()
