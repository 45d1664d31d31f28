"""`tls.days`: how long the certificate of an MX lasts. After its end, senders that insist on TLS cannot deliver.

It is what the MX shows us at STARTTLS, read and not verified: most senders verify nothing, and an MX may sign its own.
A look every ten seconds needs no handshake each time: a reading is good for an hour, one that is not well for five
minutes. Let's Encrypt's are renewed 30 days before their end, so with 14 left renewing has failed for two weeks.

A server that offers no TLS is ok. Where none is seen since the port does not answer, `smtp.banner` tells of that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from failover.core.observe.signal import CONTROLLER, Outcome, Samples, Signal, of
from failover.core.words import count
from failover.ports import SmtpClient, Tls
from failover.signals.family import Family, Visit
from failover.signals.kind import SignalKind, Where
from failover.signals.sight import Sight

WARN, FAIL = 14.0, 3.0
DAYS = SignalKind(
    "tls.days",
    "days until the certificate ends that the MX shows at STARTTLS",
    Where.HERE,
    unit="days",
    warn=WARN,
    fail=FAIL,
    below=True,
    quiet=True,
)
GOOD_FOR_S, AGAIN_S = 3600.0, 300.0
_DAY_S = 86400.0


def dial(visit: Visit, name: str, smtp: SmtpClient) -> Iterable[Signal]:
    """Reads it, or says again what an earlier look read; never that where it is asked for by name."""
    earlier = None if visit.by_name else _newest(visit.before, visit.host.name, visit.at)
    if earlier is not None and _age_s(earlier, visit.at) < (GOOD_FOR_S if earlier.outcome is Outcome.OK else AGAIN_S):
        yield _said_again(earlier, visit.at)
        return
    sight = Sight(visit.host.name, CONTROLLER, visit.at)
    found = smtp.certificate(visit.host.smtp, patience_s=visit.patience_s)
    if found.until is not None:
        yield _judged(sight, (found.until - visit.at).total_seconds() / _DAY_S)
        return
    outcome = {Tls.NOT_OFFERED: Outcome.OK, Tls.BROKEN: Outcome.WARN}.get(found.tls, Outcome.UNKNOWN)
    yield sight.signal(DAYS, outcome, found.said, age=0.0)


def _judged(sight: Sight, days: float, age_s: float = 0.0) -> Signal:
    end = f"{sight.at + timedelta(days=days):%Y-%m-%d}"
    said = f"ends on {end}, in {count(int(days), 'day')}" if days > 0 else f"ended on {end}"
    outcome = Outcome.FAIL if days < FAIL else Outcome.WARN if days < WARN else Outcome.OK
    return sight.signal(DAYS, outcome, f"its certificate {said}", days, age_s)


def _said_again(earlier: Signal, at: datetime) -> Signal:
    """`age` is how long ago it was read."""
    age_s, passed_s = _age_s(earlier, at), (at - earlier.at).total_seconds()
    if not isinstance(earlier.value, int | float):
        return replace(earlier, at=at, age=age_s)
    return _judged(Sight(earlier.host, CONTROLLER, at), earlier.value - passed_s / _DAY_S, age_s)


def _age_s(reading: Signal, at: datetime) -> float:
    return (reading.age or 0.0) + (at - reading.at).total_seconds()


def _newest(before: Samples, host: str, at: datetime) -> Signal | None:
    known = (s for s in of(before, host, DAYS.name) if s.at <= at and s.outcome is not Outcome.UNKNOWN)
    return max(known, key=lambda s: s.at, default=None)


def carried(samples: Samples, at: datetime) -> Samples:
    hosts = dict.fromkeys(s.host for s in samples if s.name == DAYS.name)
    found = (_newest(samples, host, at) for host in hosts)
    return tuple(s for s in found if s is not None and at - s.at < timedelta(seconds=GOOD_FOR_S))


FAMILY = Family((DAYS,), dial=dial, carried=carried)
