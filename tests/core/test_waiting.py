"""The queue for people: what messages have in common."""

from __future__ import annotations

import pytest

from failover.core.waiting import NO_REASON, Listing, Message, Share, bucket, cause, next_hop, shares

SAID = "host mx1.far.test[192.0.2.7] said: 451 4.7.1 <ann@far.test>: try again (in reply to RCPT TO command)"
CAUSES = [
    (SAID, "host mx1.far.test[…] said: 451 4.7.1 <…>: try again (in reply to RCPT TO command)"),
    (
        "connect to mx1.far.test[2001:db8::7]:25: Connection timed out",
        "connect to mx1.far.test[…]:25: Connection timed out",
    ),
    ("450 4.2.0 Greylisted, see ID 4bXk2m1Qz9z, wait 30.25 seconds", "450 4.2.0 Greylisted, see ID …, wait …"),
    ("Client host 192.0.2.7 blocked", "Client host … blocked"),
    ("", NO_REASON),
]
HOPS = [
    (SAID, "mx1.far.test"),
    ("connect to MX9.far.test[192.0.2.9]:25: Connection refused", "mx9.far.test"),
    ("connect to mx.test[private/dovecot-lmtp]: No such file", "mx.test"),
    ("lost connection with a.b[192.0.2.1] while receiving the initial server greeting", "a.b"),
    ("Host or domain name not found. Name service error", "home.test"),
    ("", "home.test"),
]
AGES = [
    (None, "not known"),
    (0.0, "up to 5 min"),
    (300.0, "up to 5 min"),
    (301.0, "5 to 30 min"),
    (9e9, "more than 2 d"),
]


def message(age: float | None = 60.0, sender: str = "a@b.test", reason: str = "") -> Message:
    return Message("deferred", "A1", age, 100, 1, sender, "u@home.test", reason)


@pytest.mark.parametrize(("reason", "said"), CAUSES)
def test_a_reason_loses_what_only_one_message_has(reason: str, said: str) -> None:
    assert cause(reason) == said


@pytest.mark.parametrize(("reason", "hop"), HOPS)
def test_the_next_hop_is_the_one_that_the_reason_names(reason: str, hop: str) -> None:
    assert next_hop(message(reason=reason)) == hop


@pytest.mark.parametrize(("age", "said"), AGES)
def test_ages_are_told_in_buckets(age: float | None, said: str) -> None:
    assert bucket(age) == said


def test_the_most_frequent_comes_first_and_ages_from_young_to_old() -> None:
    of = (message(10, "x@b.test"), message(9000, "y@b.test"), message(400, "y@b.test"), message(None, ""))
    assert shares(of, "sender") == (
        Share("y@b.test", 2, 9000), Share("<> (bounces)", 1, None), Share("x@b.test", 1, 10),
    )  # fmt: skip
    assert [s.what for s in shares(of, "age")] == ["not known", "up to 5 min", "5 to 30 min", "2 to 12 h"]


def test_a_queue_that_was_not_counted_is_not_empty() -> None:
    assert not Listing({"corrupt": 0}).counted
    assert Listing(dict.fromkeys(("incoming", "active", "deferred", "hold", "maildrop", "corrupt"), 0)).counted
