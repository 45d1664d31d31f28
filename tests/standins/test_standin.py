"""The stand-in holds AWS's rules, seen through boto3's own client: what it let pass wrongly would prove nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from tests.standins.aws import KEY, Aws

ZONE, INSTANCE = "Z0123456789", "i-0123456789abcdef0"
BOTH = ("10 mx1.example.net.", "20 mx2.example.net.")


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    with Aws(clock=Time()) as aws:
        aws.lend(monkeypatch)
        aws.route53.add(ZONE, "example.net", mx=BOTH)
        aws.ec2.add(INSTANCE, "m5.large")
        yield aws


@pytest.fixture
def client(aws: Aws) -> Iterator[Callable[[str], Any]]:
    made: dict[str, Any] = {}

    def get(service: str) -> Any:
        once = Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=2, read_timeout=0.5)
        made[service] = made.get(service) or boto3.client(service, config=once)
        return made[service]

    yield get
    for one in made.values():
        one.close()


def change(action: str, values: tuple[str, ...], *, ttl: int = 300, name: str = "example.net") -> dict[str, Any]:
    records = [{"Value": v} for v in values]
    return {"Action": action, "ResourceRecordSet": {"Name": name, "Type": "MX", "TTL": ttl, "ResourceRecords": records}}


def refusal(do: Callable[[], object]) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as e:
        do()
    answer: Any = e.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


# Route 53 -----------------------------------------------------------------------

CURRENT = "Tried to delete resource record set [name='example.net.', type='MX'] but the values provided do not match"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([change("DELETE", BOTH[:1]), change("CREATE", ("5 mx2.example.net.",))], CURRENT),
        ([change("DELETE", BOTH, ttl=60)], CURRENT),
        ([change("DELETE", BOTH, name="other.example.net")], "type='MX'] but it was not found"),
        ([change("CREATE", BOTH)], "Tried to create resource record set [name='example.net.', type='MX'] but it alr"),
        ([change("DELETE", BOTH), change("DELETE", BOTH)], "but it was not found"),
        ([change("UPSERT", ("mx1",))], "MXRRDATAPriorityRequired"),
        ([change("UPSERT", ("70000 mx1.example.net.",))], "MXRRDATAMalformed"),
        ([change("UPSERT", (BOTH[0], BOTH[0]))], "Duplicate Resource Record"),
        ([change("UPSERT", BOTH, name="example.org")], "example.org. is not permitted in zone example.net."),
        ([change("UPSERT", ("5 mx2.example.net.",)), change("CREATE", BOTH)], "but it already exists"),
    ],
)
def test_a_batch_that_does_not_fit_what_is_there_changes_nothing(
    aws: Aws, client: Callable[[str], Any], changes: list[Any], words: str
) -> None:
    before = aws.route53.mx(ZONE)
    batch = {"Changes": changes}
    code, said, status = refusal(
        lambda: client("route53").change_resource_record_sets(HostedZoneId=ZONE, ChangeBatch=batch)
    )
    assert (code, status) == ("InvalidChangeBatch", 400)
    assert words in said
    assert aws.route53.mx(ZONE) == before
    assert len(aws.route53.zones[ZONE].history) == 1


def test_there_and_back_again_in_any_order_of_values(aws: Aws, client: Callable[[str], Any]) -> None:
    """A → B → A, each as DELETE(exactly what is there) and CREATE; never without an MX."""
    other = ("5 mx2.example.net.", *BOTH)
    for old, new in ((BOTH[::-1], other), (other, BOTH)):
        batch = {"Changes": [change("DELETE", old), change("CREATE", new)]}
        client("route53").change_resource_record_sets(HostedZoneId=ZONE, ChangeBatch=batch)
    found = client("route53").list_resource_record_sets(
        HostedZoneId=ZONE, StartRecordName="example.net", StartRecordType="MX", MaxItems="1"
    )
    (mx,) = found["ResourceRecordSets"]
    assert ([r["Value"] for r in mx["ResourceRecords"]], mx["TTL"]) == (list(BOTH), 300)
    assert found["NextRecordType"] == "NS"
    assert all(any(s.type == "MX" for s in sets.values()) for sets in aws.route53.zones[ZONE].history)


def test_a_change_is_pending_before_it_is_in_sync(aws: Aws, client: Callable[[str], Any]) -> None:
    aws.route53.pending_polls = 2
    batch = {"Changes": [change("UPSERT", BOTH, ttl=60)]}
    info = client("route53").change_resource_record_sets(HostedZoneId=ZONE, ChangeBatch=batch)["ChangeInfo"]
    looks = [client("route53").get_change(Id=info["Id"])["ChangeInfo"]["Status"] for _ in range(3)]
    assert [info["Status"], *looks] == ["PENDING", "PENDING", "PENDING", "INSYNC"]
    assert refusal(lambda: client("route53").get_change(Id="C9"))[::2] == ("NoSuchChange", 404)
    assert refusal(lambda: client("route53").get_hosted_zone(Id="Z9"))[::2] == ("NoSuchHostedZone", 404)


def test_route_53_can_be_too_busy(aws: Aws, client: Callable[[str], Any]) -> None:
    batch = {"Changes": [change("UPSERT", BOTH, ttl=60)]}
    write = partial(client("route53").change_resource_record_sets, HostedZoneId=ZONE, ChangeBatch=batch)
    aws.throttle("ChangeResourceRecordSets")
    aws.busy()
    assert refusal(write) == ("Throttling", "Rate exceeded", 400)
    assert refusal(write)[::2] == ("PriorRequestNotComplete", 400)
    write()
    assert aws.asked("ChangeResourceRecordSets") == 3


# EC2 ----------------------------------------------------------------------------


def test_an_instance_takes_its_time_and_its_size_changes_only_while_stopped(
    aws: Aws, client: Callable[[str], Any]
) -> None:
    ec2, time_ = client("ec2"), aws.clock
    assert isinstance(time_, Time)

    def seen() -> tuple[Any, ...]:
        (r,) = ec2.describe_instances(InstanceIds=[INSTANCE])["Reservations"]
        (i,) = r["Instances"]
        return i["State"]["Name"], i["InstanceType"], i.get("PublicIpAddress")

    def resize(to: str) -> None:
        ec2.modify_instance_attribute(InstanceId=INSTANCE, InstanceType={"Value": to})

    start = partial(ec2.start_instances, InstanceIds=[INSTANCE])
    stop = partial(ec2.stop_instances, InstanceIds=[INSTANCE])
    was = seen()
    assert refusal(lambda: resize("m5.4xlarge"))[0] == "IncorrectInstanceState"
    assert refusal(lambda: ec2.stop_instances(InstanceIds=[INSTANCE], DryRun=True))[::2] == ("DryRunOperation", 412)
    assert seen() == was == ("running", "m5.large", was[2])
    stop(), stop()
    assert seen()[0] == "stopping"
    assert refusal(start)[0] == "IncorrectInstanceState"
    time_.now += 21
    assert seen() == ("stopped", "m5.large", None)
    assert refusal(lambda: resize("zz.huge"))[0] == "InvalidInstanceAttributeValue"
    resize("m5.4xlarge")
    start(), start()
    assert seen()[0] == "pending"
    assert refusal(stop)[0] == "IncorrectInstanceState"
    time_.now += 16
    assert seen()[:2] == ("running", "m5.4xlarge")
    assert seen()[2] not in {None, was[2]}, "another public address"


def test_where_capacity_lacks(aws: Aws, client: Callable[[str], Any]) -> None:
    ec2, time_ = client("ec2"), aws.clock
    assert isinstance(time_, Time)
    aws.ec2.meddle(INSTANCE, state="stopped")
    aws.ec2.lacking.add("m5.large")
    assert refusal(lambda: ec2.start_instances(InstanceIds=[INSTANCE]))[::2] == ("InsufficientInstanceCapacity", 500)
    aws.ec2.lacking.clear()
    aws.ec2.falling_back.add("m5.large")
    ec2.start_instances(InstanceIds=[INSTANCE])
    time_.now += 16
    (r,) = ec2.describe_instances(InstanceIds=[INSTANCE])["Reservations"]
    assert r["Instances"][0]["State"]["Name"] == "stopped"
    assert r["Instances"][0]["StateReason"]["Code"] == "Server.InsufficientInstanceCapacity"


def test_what_ec2_shows_can_lag_behind(aws: Aws, client: Callable[[str], Any]) -> None:
    time_ = aws.clock
    assert isinstance(time_, Time)
    aws.ec2.stale_s = 3.0
    time_.now = 10.0
    client("ec2").stop_instances(InstanceIds=[INSTANCE])

    def seen() -> Any:
        found = client("ec2").describe_instances(InstanceIds=[INSTANCE])
        return found["Reservations"][0]["Instances"][0]["State"]["Name"]

    assert seen() == "running"
    time_.now = 13.0
    assert seen() == "stopping"


@pytest.mark.parametrize(
    ("id_", "code"), [("i-0123456789abcdef1", "InvalidInstanceID.NotFound"), ("mx1", "InvalidInstanceID.Malformed")]
)
def test_an_instance_that_is_not_there(aws: Aws, client: Callable[[str], Any], id_: str, code: str) -> None:
    assert refusal(lambda: client("ec2").describe_instances(InstanceIds=[id_]))[::2] == (code, 400)
    assert client("ec2").describe_instance_status(InstanceIds=[INSTANCE])["InstanceStatuses"]
    assert refusal(lambda: client("ec2").describe_instance_types(InstanceTypes=["zz.huge"]))[0] == "InvalidInstanceType"


# Keys and the line ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "route53", "ec2"),
    [
        (lambda aws: aws.keys.clear(), ("InvalidClientTokenId", 403), ("AuthFailure", 401)),
        (lambda aws: aws.keys.update({KEY: "another"}), ("SignatureDoesNotMatch", 403), ("AuthFailure", 401)),
        (lambda aws: aws.expired.add(KEY), ("ExpiredToken", 403), ("RequestExpired", 400)),
        (
            lambda aws: aws.denied.update({"GetHostedZone", "DescribeInstances"}),
            ("AccessDenied", 403),
            ("UnauthorizedOperation", 403),
        ),
    ],
)
def test_whoever_may_not_is_told_so(
    aws: Aws,
    client: Callable[[str], Any],
    spoil: Callable[[Aws], object],
    route53: tuple[str, int],
    ec2: tuple[str, int],
) -> None:
    client("route53").get_hosted_zone(Id=ZONE)
    client("ec2").describe_instances()
    spoil(aws)
    assert refusal(lambda: client("route53").get_hosted_zone(Id=ZONE))[::2] == route53
    assert refusal(lambda: client("ec2").describe_instances())[::2] == ec2


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize(("how", "error"), [("cut", ConnectionClosedError), ("hang", ReadTimeoutError)])
def test_the_line_goes_before_or_after_the_request_is_carried_out(
    aws: Aws, client: Callable[[str], Any], how: str, error: type[Exception], done: bool
) -> None:
    getattr(aws, how)("StopInstances", done=done)
    with pytest.raises(error):
        client("ec2").stop_instances(InstanceIds=[INSTANCE])
    assert aws.ec2.instance(INSTANCE).state == ("stopping" if done else "running")
    assert aws.requests[-1].code == how


def test_a_request_can_be_carried_out_long_after_its_line_went(aws: Aws, client: Callable[[str], Any]) -> None:
    time_ = aws.clock
    assert isinstance(time_, Time)
    aws.cut("StopInstances", done=True, late_s=5.0)
    with pytest.raises(ConnectionClosedError):
        client("ec2").stop_instances(InstanceIds=[INSTANCE])
    for now, state in ((4.9, "running"), (5.0, "stopping")):
        time_.now = now
        aws.settle()
        assert aws.ec2.instance(INSTANCE).state == state


def test_an_answer_can_break_off_or_drip_past_every_read_timeout(aws: Aws, client: Callable[[str], Any]) -> None:
    """Measured with botocore 1.44: half an answer is a parser's error, and a drip outlasts `read_timeout`."""
    aws.half("StopInstances")
    with pytest.raises(ResponseParserError):
        client("ec2").stop_instances(InstanceIds=[INSTANCE])
    assert aws.ec2.instance(INSTANCE).state == "stopping"
    aws._hang_s = 1.5
    aws.drip("DescribeInstances")
    began = time.monotonic()
    with pytest.raises(ResponseParserError):
        client("ec2").describe_instances()
    assert time.monotonic() - began > 1.0
