"""What is Route 53's own, through boto3's real client. What each provider must meet is in `tests/contract/`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from failover.core.mx import taken_back
from failover.dns.route53_zone import Busy
from failover.errors import FailoverError, OutcomeUnknown, Refused, Unreachable
from tests.adapters.pdns import SHOP
from tests.contract.zones import CHANGE, MORE, TWO, ZONE_ID, AtRoute53, fails, swap
from tests.standins.aws import KEY, Aws

LIST = "ListResourceRecordSets"


@pytest.fixture
def aws(route53: AtRoute53) -> Aws:
    return route53.aws


def test_swapped_and_back_and_to_it_again(route53: AtRoute53, aws: Aws) -> None:
    for _ in range(2):
        swap(route53)
        assert route53.zone.mx(SHOP) == MORE
        swap(route53, expected=MORE, wanted=taken_back(MORE, before=TWO, want=MORE))
        assert route53.zone.mx(SHOP) == TWO
    assert aws.asked("GetChange") == 4 * 3, "PENDING twice, then in sync"


def test_never_through_an_empty_set(route53: AtRoute53, aws: Aws) -> None:
    swap(route53)
    assert all((SHOP + ".", "MX", None) in state for state in aws.route53.zones[ZONE_ID].history)


def test_a_name_spelt_otherwise_is_deleted_as_it_is_spelt(route53: AtRoute53, aws: Aws) -> None:
    aws.route53.meddle(ZONE_ID, ["20 MX2.lab.test", "10 mx1.lab.test."], ttl=TWO.ttl)
    assert route53.zone.mx(SHOP) == TWO
    swap(route53)
    assert route53.zone.mx(SHOP) == MORE


@pytest.mark.parametrize("busy", ["throttle", "busy"])
def test_while_it_is_busy_it_is_asked_again(route53: AtRoute53, aws: Aws, busy: str) -> None:
    if busy == "busy":
        aws.busy(times=2)
    else:
        aws.throttle(CHANGE, times=2)
    swap(route53)
    assert aws.asked(CHANGE) == 3


def test_busy_for_ever_ends_with_nothing_done(route53: AtRoute53, aws: Aws) -> None:
    aws.throttle(CHANGE, times=1000)
    assert "Throttling" in str(fails(route53, Busy))
    assert route53.zone.mx(SHOP) == TWO


def test_an_answer_that_drips_ends_in_time(route53: AtRoute53, aws: Aws) -> None:
    route53.zone = replace(route53.zone, call_s=3.0)
    aws.drip(CHANGE)
    swap(route53)
    assert aws.dripped_whole == 0, "nobody waited for the last byte"


@pytest.mark.parametrize("trouble", ["denied", "expired", "throttled", "cut", "half", "odd", "pending"])
def test_after_the_change_was_accepted_nothing_unsays_it(route53: AtRoute53, aws: Aws, trouble: str) -> None:
    """safety 3: with GetChange denied, the MX had moved, and the run was closed as if nothing had been done."""
    match trouble:
        case "denied":
            aws.denied.add("GetChange")
        case "expired":
            aws.fail("GetChange", "ExpiredToken", status=403)
        case "throttled":
            aws.throttle("GetChange", times=1000)
        case "cut":
            aws.cut("GetChange", done=False)
        case "half":
            aws.half("GetChange")
        case "odd":
            aws.fail("GetChange", "NobodyKnowsThis", status=418)
        case "pending":
            aws.route53.pending_polls = 10_000
    swap(route53, replace(route53.zone, sync_s=0.05, busy_s=0.1))
    assert route53.zone.mx(SHOP) == MORE


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("InvalidInput", 400, Refused),
        ("AccessDenied", 403, Refused),
        ("Throttling", 400, Busy),
        ("InternalError", 500, OutcomeUnknown),
        ("ServiceUnavailable", 503, OutcomeUnknown),
        ("NobodyKnowsThis", 400, OutcomeUnknown),
        ("NobodyKnowsThis", 418, OutcomeUnknown),
    ],
)
def test_only_a_listed_code_means_that_nothing_was_changed(
    route53: AtRoute53, aws: Aws, code: str, status: int, error: type[FailoverError]
) -> None:
    """safety 3: whatever else it answers is unknown."""
    aws.fail(CHANGE, code, status=status, times=1000)
    fails(route53, error, replace(route53.zone, busy_s=0.1))


@pytest.mark.parametrize(
    ("trouble", "code", "what_to_try"),
    [
        ("unknown", "InvalidClientTokenId", "credentials"),
        ("expired", "ExpiredToken", "renew"),
        ("denied", "AccessDenied", "route53:ListResourceRecordSets"),
        ("zone", "NoSuchHostedZone", "zone_id"),
    ],
)
def test_what_aws_refuses_is_said_with_what_to_do(
    route53: AtRoute53, aws: Aws, trouble: str, code: str, what_to_try: str
) -> None:
    zone = route53.zone
    match trouble:
        case "unknown":
            aws.keys.clear()
        case "expired":
            aws.expired.add(KEY)
        case "denied":
            aws.denied.add(LIST)
        case _:
            zone = replace(zone, zone_id="Z999")
    e = fails(route53, Refused, zone)
    assert code in str(e)
    assert what_to_try in e.try_


def test_without_credentials_it_says_so(route53: AtRoute53, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "credentials" in fails(route53, Refused).try_


def test_nobody_there_is_unreachable(route53: AtRoute53, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_ROUTE_53", "http://127.0.0.1:1")
    fails(route53, Unreachable)
