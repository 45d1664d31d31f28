"""Each far side's table, whole: what is not listed in it is unknown."""

from __future__ import annotations

import dns.rcode
import pytest

from failover.adapters import aws_answers, https
from failover.core.runs.answer import Answer, meaning
from failover.dns import powerdns, rfc2136_zone

NOTHING, UNKNOWN = Answer.NOTHING, Answer.UNKNOWN


def test_every_rcode_of_an_update() -> None:
    """safety 3, its siblings: SERVFAIL, and whatever is not of RFC 2136, may come after the write."""
    nothing = {"FORMERR", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"}
    for code in map(dns.rcode.from_text, (*nothing, "NOERROR", "SERVFAIL", "BADVERS")):
        name = dns.rcode.to_text(code)
        expected = Answer.DONE if name == "NOERROR" else NOTHING if name in nothing else UNKNOWN
        assert meaning(rfc2136_zone.ANSWERS, code) is expected, name
    assert sum(a is NOTHING for a in rfc2136_zone.ANSWERS.values()) == len(nothing)


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        *((code, NOTHING) for code in ("Throttling", "RequestLimitExceeded", "PriorRequestNotComplete")),
        *(
            (code, NOTHING)
            for code in ("AccessDenied", "UnauthorizedOperation", "ExpiredToken", "SignatureDoesNotMatch")
        ),
        *((code, NOTHING) for code in ("InvalidChangeBatch", "NoSuchHostedZone", "IncorrectInstanceState")),
        *(
            (code, NOTHING)
            for code in ("InsufficientInstanceCapacity", "InvalidInstanceID.NotFound", "DryRunOperation")
        ),
        *((code, UNKNOWN) for code in ("InternalError", "InternalFailure", "ServiceUnavailable", "Unavailable")),
        *((code, UNKNOWN) for code in ("", "?", "Unknown", "SomethingNew", "accessdenied")),
    ],
)
def test_codes_of_aws(code: str, answer: Answer) -> None:
    """safety 3: a code that nobody listed, of whatever status, is unknown."""
    assert meaning(aws_answers.ANSWERS, code) is answer


def test_nothing_of_aws_is_listed_as_done() -> None:
    assert set(aws_answers.ANSWERS.values()) == {NOTHING}


def test_every_status_of_a_channel_that_is_not_its_own_yes() -> None:
    for status in range(100, 600):
        assert meaning(https.ANSWERS, status) is (NOTHING if 300 <= status < 500 else UNKNOWN)


def test_every_status_of_powerdns() -> None:
    """safety 3: 5xx comes of a busy database as well as after the write; a redirect, of whoever stands in between."""
    nothing = {400, 401, 403, 404, 405, 406, 411, 413, 414, 415, 422}
    for status in range(100, 600):
        expected = Answer.DONE if status == 204 else NOTHING if status in nothing else UNKNOWN
        assert meaning(powerdns.ANSWERS, status) is expected, status
