"""All looks at once, within one deadline: one that hangs is reported, and delays no other."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from failover.doctor.findings import Finding, failed, unknown
from failover.errors import FailoverError
from failover.fence import fence

WORKERS = 32


@dataclass(frozen=True, slots=True)
class Look:
    """One look; its findings come one by one, so that those before a hang are kept."""

    name: str
    subject: str
    findings: Callable[[], Iterable[Finding]]


@dataclass(slots=True)
class _Course:
    """The progress of a look. Only its thread writes, and sets `over` last."""

    look: Look
    found: list[Finding] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def go(self) -> None:
        try:
            with fence(self.look.subject):
                for finding in self.look.findings():
                    self.found.append(finding)
        except FailoverError as e:
            self.found.append(failed(self.look.name, self.look.subject, e))
        self.over.set()


def examine(looks: Sequence[Look], *, within_s: float, workers: int = WORKERS) -> tuple[Finding, ...]:
    """Findings in the order of the looks. Returns after `within_s` seconds at the latest; a look that has not ended by
    then is unknown. Daemon threads: one that hangs does not keep the process alive."""
    until = time.monotonic() + within_s
    courses = [_Course(look) for look in looks]
    waiting: queue.SimpleQueue[_Course] = queue.SimpleQueue()
    for course in courses:
        waiting.put(course)
    for _ in range(min(workers, len(courses))):
        threading.Thread(target=_work, args=(waiting, until), daemon=True, name="doctor").start()
    return tuple(finding for course in courses for finding in _ended(course, until, within_s))


def _work(waiting: queue.SimpleQueue[_Course], until: float) -> None:
    while time.monotonic() < until:
        try:
            course = waiting.get_nowait()
        except queue.Empty:
            return
        course.go()


def _ended(course: _Course, until: float, within_s: float) -> list[Finding]:
    if not course.over.wait(max(0.0, until - time.monotonic())):
        look, said = course.look, f"not at its end after {within_s:g} s"
        return [*course.found, unknown(look.name, look.subject, said, try_="once more; what hangs there will show")]
    return course.found
