"""`tls.days`: how it is judged, how often it is read, and that no host looks unwell for want of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from failover.core.observe.condition import Predicate, judge
from failover.core.observe.diagnosis import State, diagnose_all
from failover.core.observe.signal import Outcome, Samples, Signal
from failover.ports import SmtpAnswer, Tls, TlsAnswer
from failover.signals import SIGNALS, carried, weighs
from failover.signals.look import look
from tests.fakes import AT, Clock, Smtp
from tests.signals.fakes import Remote, fleet

OK, WARN, FAIL, UNKNOWN = Outcome.OK, Outcome.WARN, Outcome.FAIL, Outcome.UNKNOWN
DAYS = frozenset({"tls.days"})


def smtp(answer: TlsAnswer) -> Smtp:
    return Smtp(shown={"192.0.2.11": answer})


def ends(days: float) -> TlsAnswer:
    return TlsAnswer(Tls.SHOWN, "shows a certificate", AT + timedelta(days=days))


def seen(asked: Smtp, *, before: Samples = (), after_s: float = 0.0, by_name: bool = True) -> Signal | None:
    clock = Clock(AT + timedelta(seconds=after_s))
    wanted = DAYS if by_name else None
    found = look(fleet(), wanted=wanted, before=before, remote=Remote(), smtp=asked, clock=clock)
    return next((s for s in found if (s.host, s.name) == ("mx1", "tls.days")), None)


def asked(of: Smtp) -> int:
    return of.asked.count("certificate 192.0.2.11:25")


@pytest.mark.parametrize(
    ("answer", "outcome", "value", "reason"),
    [
        (ends(60), OK, 60.0, "its certificate ends on 2027-01-23, in 60 days"),
        (ends(14), OK, 14.0, "its certificate ends on 2026-12-08, in 14 days"),
        (ends(13.5), WARN, 13.5, "its certificate ends on 2026-12-07, in 13 days"),
        (ends(1), FAIL, 1.0, "its certificate ends on 2026-11-25, in 1 day"),
        (ends(-2), FAIL, -2.0, "its certificate ended on 2026-11-22"),
        (TlsAnswer(Tls.NOT_OFFERED, "offers no STARTTLS"), OK, None, "offers no STARTTLS"),
        (TlsAnswer(Tls.BROKEN, "offers STARTTLS, and …"), WARN, None, "offers STARTTLS, and …"),
        (TlsAnswer(Tls.UNKNOWN, "no answer to TLS"), UNKNOWN, None, "no answer to TLS"),
    ],
)
def test_judged(answer: TlsAnswer, outcome: Outcome, value: float | None, reason: str) -> None:
    found = seen(smtp(answer))
    assert found is not None
    assert (found.outcome, found.value, found.reason, found.vantage) == (outcome, value, reason, "controller")
    assert found.unit == ("days" if value is not None else "")


WORDS = [(Tls.NOT_OFFERED, "healthy"), (Tls.UNKNOWN, "healthy"), (Tls.BROKEN, "degraded")]


@pytest.mark.parametrize(("word", "state"), WORDS)
def test_what_is_unknown_of_it_makes_no_host_unwell(word: Tls, state: str) -> None:
    """A standby whose certificate cannot be read may still take the mail."""
    found = look(fleet(), remote=Remote(), smtp=smtp(TlsAnswer(word, "…")), clock=Clock())
    assert diagnose_all(fleet(), found)["mx1"].state is State(state)
    every = look(fleet(), wanted=frozenset(SIGNALS), remote=Remote(), smtp=smtp(TlsAnswer(word, "…")), clock=Clock())
    assert diagnose_all(fleet(), tuple(s for s in every if weighs(s)))["mx1"].state is State(state)


def test_a_reading_is_good_for_an_hour_and_its_days_go_on() -> None:
    first = smtp(ends(20))
    before = carried((seen(first, by_name=False) or pytest.fail("not seen"),), AT)
    again = smtp(ends(90))
    for minutes in (10, 30, 59):
        found = seen(again, before=before, after_s=60 * minutes, by_name=False)
        assert found is not None
        assert (found.at, found.age) == (AT + timedelta(minutes=minutes), 60.0 * minutes)
        assert found.value == pytest.approx(20 - minutes / 1440)
        before = carried((*before, found), found.at)
        assert len(before) == 1
    assert asked(again) == 0
    found = seen(again, before=before, after_s=3600, by_name=False)
    assert found is not None
    assert (found.age, asked(again)) == (0.0, 1)
    assert found.value == pytest.approx(90 - 1 / 24)


@pytest.mark.parametrize("answer", [ends(2.5), ends(10.5), TlsAnswer(Tls.BROKEN, "no key")])
def test_what_is_not_well_is_read_again_after_five_minutes(answer: TlsAnswer) -> None:
    before = (seen(smtp(answer)) or pytest.fail("not seen"),)
    again = smtp(ends(90))
    kept = seen(again, before=before, after_s=299, by_name=False)
    assert kept is not None
    assert (kept.outcome, kept.reason, asked(again)) == (before[0].outcome, before[0].reason, 0)
    renewed = seen(again, before=before, after_s=300, by_name=False)
    assert renewed is not None
    assert (renewed.outcome, asked(again)) == (OK, 1)


def test_by_name_it_is_read_now() -> None:
    """A step that renewed the certificate is not judged by the old one."""
    before = (seen(smtp(ends(20))) or pytest.fail("not seen"),)
    again = smtp(ends(90))
    found = seen(again, before=before, after_s=1)
    assert found is not None
    assert (asked(again), found.outcome) == (1, OK)


def test_a_reading_of_the_future_is_none() -> None:
    ahead = replace(seen(smtp(ends(20))) or pytest.fail("not seen"), at=AT + timedelta(hours=1))
    again = smtp(ends(90))
    assert seen(again, before=(ahead,), by_name=False) is not None
    assert asked(again) == 1
    assert carried((ahead,), AT) == ()


def test_a_condition_on_it_holds_by_its_days() -> None:
    test = Predicate("tls.days", "mx1", below=7)
    for days, holds in ((6.0, True), (8.0, False)):
        found = seen(smtp(ends(days)))
        assert found is not None
        assert judge(test, (found,), now=AT).holds is holds
    for word in (Tls.NOT_OFFERED, Tls.BROKEN, Tls.UNKNOWN):
        found = seen(smtp(TlsAnswer(word, "why")))
        assert found is not None
        judged = judge(test, (found,), now=AT)
        assert judged.holds is None
        assert "why" in judged.because[0]


@pytest.mark.faults
def test_a_fault_of_ours_is_unknown() -> None:
    class Hurt(Smtp):
        def certificate(self, at: object, *, patience_s: float) -> TlsAnswer:
            raise IndexError(at)

    found = seen(Hurt({"192.0.2.11": SmtpAnswer(True, "220", 0.1)}))
    assert found is not None
    assert found.outcome is UNKNOWN
    assert "a fault of failover's own" in found.reason
