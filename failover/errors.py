"""Everything failover raises on purpose: one root, one class per thing the operator does next.

FailoverError
├── ConfigError        2   a file or an option is wrong; nothing was contacted
├── Unreachable        3   nothing was run there: no connection, or it was refused before the command
│   └── Blind              our own files, machine or network: nothing is known of the far side
├── OutcomeUnknown     3   the request left, its answer did not come: it may have happened
│   └── Fault              a fault of failover's own: nothing is known of the far side
├── Refused            4   a guard, drift, a lock or a pause said no; nothing was changed
├── StepFailed         5   the far side ran and said no, or its effect did not show
└── NeedsPerson        6   stopped in a state that only a person may leave
"""

from __future__ import annotations

from typing import ClassVar

from failover.core.clean import clean
from failover.core.runs.answer import Answer


def _lines(text: str) -> str:
    """Line ends stay: the problems of a file are a line each, and words of the far side are on one line already."""
    return "\n".join(clean(line) for line in text.split("\n"))


class FailoverError(Exception):
    """Root of the tree; the CLI prints it as `error: …` / `try: …` and exits with `exit_code`.

    `answer`: what it means for the act that raised it.
    """

    exit_code = 3
    answer: ClassVar[Answer] = Answer.UNKNOWN

    def __init__(self, what: str, *, try_: str) -> None:
        super().__init__(_lines(what))  # whatever the far side said in it, a terminal may show it
        self.try_ = _lines(try_)


class ConfigError(FailoverError):
    """The operator's files or options are wrong; nothing was contacted."""

    exit_code = 2
    answer = Answer.NOTHING


class Unreachable(FailoverError):
    """Could not get in: nothing was run."""

    answer = Answer.NOTHING


class Blind(Unreachable):
    """Our own files, machine or network failed. Nothing was run, and nothing is known of the far side."""


class OutcomeUnknown(FailoverError):
    """The request left and no answer came: it may or may not have happened, so look before trying again."""


class Fault(OutcomeUnknown):
    """A bug of failover. The request may have happened; nothing is known of the far side."""


class Refused(FailoverError):
    """A guard, drift, a lock, a pause, a stale plan or a declined prompt; nothing was changed."""

    exit_code = 4
    answer = Answer.NOTHING


class Changed(Refused):
    """Somebody else has edited what we expected to find. Nothing was changed."""


class Elsewhere(Refused):
    """hosts.yaml now leads to another machine or zone than that of the step, or to none. Nothing was done, and nothing
    is known of the former one."""


class StaleEpoch(Refused):
    """The host has seen a newer controller and refused this request: nothing was done."""


class Standby(Refused):
    """Another controller is the leader; this one stands by."""


class StepFailed(FailoverError):
    """The far side ran and failed, or ran and its effect does not show."""

    exit_code = 5
    answer = Answer.FAILED


class NeedsPerson(FailoverError):
    """Only a person may decide; the message says what is done and what is not."""

    exit_code = 6
