"""Compare and swap at Route 53, through boto3's real client and a stand-in that compares as AWS does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from failover.adapters.clock import SystemClock
from failover.core.mx import MxMode, MxSet, mx_set, prefer, taken_back
from failover.dns import route53_zone
from failover.dns.route53_zone import Route53Zone
from failover.errors import Changed, FailoverError, OutcomeUnknown, Refused, Unreachable
from tests.standins.aws import KEY, SECRET, Aws

ID, NAME = "Z0123456789", "example.net"
TWO = mx_set(300, [(10, "mx1.example.net"), (20, "mx2.example.net")])
MORE = prefer(TWO, "mx2.example.net", MxMode.OVERLAY)
CHANGE, LIST = "ChangeResourceRecordSets", "ListResourceRecordSets"


class Quick(SystemClock):
    """Sleeps a hundredth."""

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / 100)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    with Aws() as stand_in:
        stand_in.route53.add(ID, NAME, mx=["10 mx1.example.net.", "20 mx2.example.net."])
        stand_in.lend(monkeypatch)
        yield stand_in


@pytest.fixture
def zone() -> Route53Zone:
    return Route53Zone(ID, (), Quick(), sync_s=1.0, busy_s=1.0)


def fails(zone: Route53Zone, kind: type[FailoverError], expected: MxSet = TWO, wanted: MxSet = MORE) -> FailoverError:
    with pytest.raises(kind) as e:
        zone.swap(NAME, expected=expected, wanted=wanted)
    assert e.value.try_
    assert not {KEY, SECRET} & set(f"{e.value} {e.value.try_}".split())
    return e.value


def test_swapped_and_back_and_to_it_again(aws: Aws, zone: Route53Zone) -> None:
    for _ in range(2):
        zone.swap(NAME, expected=TWO, wanted=MORE)
        assert zone.mx(NAME) == MORE
        zone.swap(NAME, expected=MORE, wanted=taken_back(MORE, before=TWO, want=MORE))
        assert zone.mx(NAME) == TWO
    assert aws.asked("GetChange") == 4 * 3, "PENDING twice, then in sync"


def test_never_through_an_empty_set(aws: Aws, zone: Route53Zone) -> None:
    zone.swap(NAME, expected=TWO, wanted=MORE)
    assert all((NAME + ".", "MX", None) in state for state in aws.route53.zones[ID].history)
    fails(zone, Refused, MORE, MxSet(300, frozenset()))


def test_a_name_spelt_otherwise_is_deleted_as_it_is_spelt(aws: Aws, zone: Route53Zone) -> None:
    aws.route53.meddle(ID, ["20 MX2.example.net", "10 mx1.example.net."])
    assert zone.mx(NAME) == TWO
    zone.swap(NAME, expected=TWO, wanted=MORE)
    assert zone.mx(NAME) == MORE


@pytest.mark.parametrize("wrong", [MORE, replace(TWO, ttl=60), mx_set(300, [(10, "mx1.example.net")])])
def test_what_is_not_as_expected_is_not_written_over(aws: Aws, zone: Route53Zone, wrong: MxSet) -> None:
    said = str(fails(zone, Changed, wrong, mx_set(300, [(5, "mx2.example.net")])))
    assert wrong.text in said
    assert TWO.text in said
    assert aws.asked(CHANGE) == 0


def test_an_edit_between_our_read_and_our_write_is_refused_there(
    aws: Aws, zone: Route53Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Route53Zone._change

    def meddled(*args: Any) -> Any:
        aws.route53.meddle(ID, ["15 mx3.example.net."])
        return real(*args)

    monkeypatch.setattr(Route53Zone, "_change", meddled)
    assert "15 mx3.example.net" in str(fails(zone, Changed))
    assert str(zone.mx(NAME)) == "15 mx3.example.net"


def test_without_our_lease_nothing_is_sent(aws: Aws, zone: Route53Zone) -> None:
    def taken_over() -> None:
        raise Refused("the lease was taken over", try_="see who has it")

    with pytest.raises(Refused, match="taken over"):
        zone.swap(NAME, expected=TWO, wanted=MORE, check_lease=taken_over)
    assert aws.asked(CHANGE) == 0


@pytest.mark.parametrize("busy", ["throttle", "busy"])
def test_while_it_is_busy_it_is_asked_again(aws: Aws, zone: Route53Zone, busy: str) -> None:
    if busy == "busy":
        aws.busy(times=2)
    else:
        aws.throttle(CHANGE, times=2)
    zone.swap(NAME, expected=TWO, wanted=MORE)
    assert aws.asked(CHANGE) == 3


def test_busy_for_ever_ends_with_nothing_done(aws: Aws, zone: Route53Zone) -> None:
    aws.throttle(CHANGE, times=1000)
    assert "Throttling" in str(fails(zone, Unreachable))
    assert zone.mx(NAME) == TWO


@pytest.mark.parametrize("lost", ["cut", "half"])
def test_done_though_its_answer_was_lost(aws: Aws, zone: Route53Zone, lost: str) -> None:
    if lost == "half":
        aws.half(CHANGE)
    else:
        aws.cut(CHANGE, done=True)
    zone.swap(NAME, expected=TWO, wanted=MORE)
    assert zone.mx(NAME) == MORE
    assert aws.asked(CHANGE) == 1, "and it was not asked for twice"


def test_an_answer_that_drips_ends_in_time(aws: Aws, zone: Route53Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route53_zone, "CALL_S", 3.0)
    aws.drip(CHANGE)
    zone.swap(NAME, expected=TWO, wanted=MORE)
    assert aws.dripped_whole == 0, "nobody waited for the last byte"


def test_lost_before_it_was_carried_out_is_unknown(aws: Aws, zone: Route53Zone) -> None:
    aws.cut(CHANGE, done=False)
    fails(zone, OutcomeUnknown)
    assert aws.asked(CHANGE) == 1
    assert zone.mx(NAME) == TWO


def test_a_request_that_is_carried_out_late_overwrites_nobody(aws: Aws, zone: Route53Zone) -> None:
    now = [0.0]
    aws.clock = lambda: now[0]
    aws.cut(CHANGE, done=True, late_s=5)
    fails(zone, OutcomeUnknown)
    aws.route53.meddle(ID, ["15 mx3.example.net."])
    now[0] = 10.0
    with pytest.raises(Exception, match=r"current values|not found"):
        aws.settle()
    assert str(zone.mx(NAME)) == "15 mx3.example.net"


@pytest.mark.parametrize("trouble", ["denied", "expired", "throttled", "cut", "half", "odd", "pending"])
def test_after_the_change_was_accepted_nothing_unsays_it(aws: Aws, zone: Route53Zone, trouble: str) -> None:
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
    replace(zone, sync_s=0.05, busy_s=0.1).swap(NAME, expected=TWO, wanted=MORE)
    assert zone.mx(NAME) == MORE


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("InvalidInput", 400, Refused),
        ("AccessDenied", 403, Refused),
        ("Throttling", 400, Unreachable),
        ("InternalError", 500, OutcomeUnknown),
        ("ServiceUnavailable", 503, OutcomeUnknown),
        ("NobodyKnowsThis", 400, OutcomeUnknown),
        ("NobodyKnowsThis", 418, OutcomeUnknown),
    ],
)
def test_only_a_listed_code_means_that_nothing_was_changed(
    aws: Aws, zone: Route53Zone, code: str, status: int, error: type[FailoverError]
) -> None:
    """safety 3: whatever else it answers is unknown."""
    aws.fail(CHANGE, code, status=status, times=1000)
    fails(replace(zone, busy_s=0.1), error)


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
    aws: Aws, zone: Route53Zone, trouble: str, code: str, what_to_try: str
) -> None:
    match trouble:
        case "unknown":
            aws.keys.clear()
        case "expired":
            aws.expired.add(KEY)
        case "denied":
            aws.denied.add(LIST)
        case _:
            zone = replace(zone, zone_id="Z999")
    e = fails(zone, Refused)
    assert code in str(e)
    assert what_to_try in e.try_


def test_without_credentials_it_says_so(aws: Aws, zone: Route53Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "credentials" in fails(zone, Refused).try_


def test_nobody_there_is_unreachable(aws: Aws, zone: Route53Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_ROUTE_53", "http://127.0.0.1:1")
    fails(zone, Unreachable)


def test_two_writers_at_once_lose_nothing(aws: Aws, zone: Route53Zone) -> None:
    refused: list[FailoverError] = []

    def write(mine: tuple[int, str]) -> None:
        for i in range(2):
            while True:
                now = zone.mx(NAME)
                targets = now.targets - {mine} if i % 2 else now.targets | {mine}
                try:
                    zone.swap(NAME, expected=now, wanted=replace(now, targets=targets))
                    break
                except (Changed, Refused) as e:
                    refused.append(e)
            assert (mine in zone.mx(NAME).targets) is (i % 2 == 0)

    aws.route53.pending_polls = 0
    threads = [threading.Thread(target=write, args=((30 + n, f"w{n}.example.net."),)) for n in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert zone.mx(NAME) == TWO
    assert all(type(e) is Changed for e in refused)
