"""The progress of a run: a line per event on stderr for people, or JSON lines on stdout for machines."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from failover.core.runs.journal import Did, Event
from failover.core.runs.report import event_document, event_words
from failover.ports import RunRecord

QUIET = {Did.NOTE}


def tell_people(record: RunRecord, event: Event) -> None:
    who, what, why = event_words(event)
    if event.kind is Did.BEGUN:
        print(f"run {record.id} {what} {why}", file=sys.stderr, flush=True)
    elif event.kind is not Did.CLOSED:
        print(f"  {event.at:%H:%M:%S}  {who:<10} {what}{f': {why}' if why else ''}", file=sys.stderr, flush=True)


def tell_machines(record: RunRecord, event: Event) -> None:
    print(json.dumps({"version": 1, "run": record.id, **event_document(event)}), flush=True)


def tell_nobody(record: RunRecord, event: Event) -> None:
    """`--json` prints one document at the end and nothing else."""


@dataclass(slots=True)
class Stopper:
    """^C and TERM ask for a stop at the next safe point; a second one stops now, with the intent left open."""

    asked: str | None = field(default=None)
    ended: threading.Event = field(default_factory=threading.Event)

    def wait(self, seconds: float) -> None:
        """Sleep, at most until somebody asks to stop."""
        self.ended.wait(max(0.0, seconds))

    def why(self) -> str | None:
        return self.asked

    def handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = f"stopped by {signal.Signals(number).name}"
        self.ended.set()
        print("stopping at the next safe point; once more stops now and leaves the step open", file=sys.stderr)


@contextmanager
def stoppable() -> Iterator[Stopper]:
    stopper = Stopper()
    before = {s: signal.signal(s, stopper.handle) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopper
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
