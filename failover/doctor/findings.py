"""One answer of the doctor: the subject, its state, and what to type or write if it is not well."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from failover.core.observe.signal import Outcome
from failover.errors import FailoverError, Fault


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject`: a host, a domain, or another thing. `try_` is empty where all is well.

    Unknown: it could not be looked at, so the answer cannot be "ready".
    """

    name: str
    subject: str
    outcome: Outcome
    says: str
    try_: str = ""


def ok(name: str, subject: str, says: str) -> Finding:
    return Finding(name, subject, Outcome.OK, says)


def warn(name: str, subject: str, says: str, *, try_: str) -> Finding:
    return Finding(name, subject, Outcome.WARN, says, try_)


def fail(name: str, subject: str, says: str, *, try_: str) -> Finding:
    return Finding(name, subject, Outcome.FAIL, says, try_)


def unknown(name: str, subject: str, says: str, *, try_: str) -> Finding:
    return Finding(name, subject, Outcome.UNKNOWN, says, try_)


def failed(name: str, subject: str, error: FailoverError) -> Finding:
    """The subject's name is cut from the sentence: it stands beside it."""
    how = unknown if isinstance(error, Fault) else fail
    return how(name, subject, str(error).removeprefix(f"{subject}: "), try_=error.try_)


def ready(findings: Iterable[Finding]) -> bool:
    return not any(f.outcome in {Outcome.FAIL, Outcome.UNKNOWN} for f in findings)


def exit_code(findings: Iterable[Finding]) -> int:
    """0 ready, perhaps with warnings; 6 not ready; 3 if nothing failed but not all could be looked at."""
    outcomes = {f.outcome for f in findings}
    return 6 if Outcome.FAIL in outcomes else 3 if Outcome.UNKNOWN in outcomes else 0
