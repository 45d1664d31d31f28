"""The outbox: what is to be said is first written down, then sent, and kept until its channel has taken it.

At least once, and in order: an incident's later word never overtakes an earlier one on the same channel; a repeat
carries the same `key`, by which the receiver can tell. One channel that is dead or slow delays no other.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from failover.core.alerting.alert import Announcement
from failover.core.fleet import Channel, Fleet
from failover.core.words import count, duration
from failover.errors import FailoverError, OutcomeUnknown, StepFailed
from failover.fence import fence
from failover.ports import Clock, Notifier, Store, Unsent

FIRST_WAIT_S = 30.0
LONGEST_WAIT_S = 900.0
KEPT = timedelta(hours=24)
"""A message whose last try fails after that is dropped: it is no news any more."""


@dataclass(frozen=True, slots=True)
class Flushed:
    """How many messages were sent, how many still wait, how many were given up; `why`, of the latter two, in words."""

    sent: int = 0
    kept: int = 0
    dropped: int = 0
    why: tuple[str, ...] = ()


def channels(fleet: Fleet) -> Mapping[str, Channel]:
    """By their id."""
    return {c.id: c for c in fleet.channels}


def tell(store: Store, fleet: Fleet, announcement: Announcement, now: datetime) -> None:
    """Write down, in one transaction, what is known of each incident and what every channel shall say of it."""
    out = [(channel, message) for message in announcement.messages for channel in channels(fleet)]
    store.tell(announcement.rows, announcement.gone, out, at=now)


def flush(store: Store, notifier: Notifier, fleet: Fleet, clock: Clock, *, budget_s: float = 20.0) -> Flushed:
    """Send what is due, oldest first, each channel in a thread of its own; back within `budget_s` seconds.

    What was not taken is put off, 30 s at first and up to 15 min, and dropped when a try fails after 24 h. What waits
    for a channel that hosts.yaml no longer has is dropped. No send begins in the second half of the budget, so that
    one with a deadline of its own ends in it. Raises what the store raises, nothing else.
    """
    waiting, known = store.unsent(), channels(fleet)
    stray = [u for u in waiting if u.channel not in known]
    for unsent in stray:
        store.drop(unsent.number)
    why = [f"{id_}: dropped, since hosts.yaml has no such channel" for id_ in dict.fromkeys(u.channel for u in stray)]
    sent, dropped = 0, len(stray)
    due = [u for u in _due(waiting, clock.now()) if u.channel in known]
    for unsent, error in _delivered(notifier, known, due, budget_s):
        if error is None:
            store.sent(unsent.number)
            sent += 1
            continue
        given_up, words = _failed(store, unsent, error, clock.now())
        dropped += given_up
        why.append(words)
    return Flushed(sent, len(waiting) - sent - dropped, dropped, tuple(dict.fromkeys(why)))


def _due(waiting: Iterable[Unsent], now: datetime) -> Iterator[Unsent]:
    """A due time that no wait leads to was set before the clock stepped back; what was never tried is always due."""
    held: set[tuple[str, str]] = set()
    for unsent in waiting:
        thread = (unsent.channel, unsent.message.key)
        if unsent.tries and 0 < (unsent.due - now).total_seconds() <= LONGEST_WAIT_S:
            held.add(thread)
        elif thread not in held:
            yield unsent


def _failed(store: Store, unsent: Unsent, error: FailoverError, now: datetime) -> tuple[bool, str]:
    if now - unsent.since >= KEPT:
        store.drop(unsent.number)
        after = f"{duration(KEPT.total_seconds())} and {count(unsent.tries + 1, 'try', 'tries')}"
        return True, f"{unsent.channel}: given up after {after}: {unsent.message.title} ({error})"
    wait = min(FIRST_WAIT_S * 2.0 ** min(unsent.tries, 10), LONGEST_WAIT_S)
    store.put_off(unsent.number, due=now + timedelta(seconds=wait), why=str(error))
    return False, f"{unsent.channel}: {error}; again in {duration(wait)}"


_Result = tuple[Unsent, FailoverError | None]
_Results = queue.SimpleQueue[tuple[str, _Result | None]]
"""By channel; None when its round is over."""


def _delivered(
    notifier: Notifier, known: Mapping[str, Channel], due: Sequence[Unsent], budget_s: float
) -> Iterator[_Result]:
    """What became of each try, as it becomes known. Threads wait in real seconds, whatever clock the flow has."""
    until, results = time.monotonic() + budget_s, _Results()
    rounds = {u.channel: _Round(known[u.channel], notifier, until - budget_s / 2, results) for u in due}
    for id_, one in rounds.items():
        batch = [u for u in due if u.channel == id_]
        threading.Thread(target=one.go, args=(batch,), daemon=True, name=f"tell {id_}").start()
    settled: set[int] = set()
    while rounds:
        try:
            channel, result = results.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            break
        if result is None:
            del rounds[channel]
        else:
            settled.add(result[0].number)
            yield result
    for unsent in (r.sending for r in rounds.values()):
        if unsent is not None and unsent.number not in settled:
            yield unsent, OutcomeUnknown(f"not done within {budget_s:g} s", try_="check the network from here")


@dataclass(slots=True)
class _Round:
    """One channel's messages, in order. A channel that cannot be reached is left alone until the next flush; one that
    says no to a message may take another."""

    channel: Channel
    notifier: Notifier
    until: float
    results: _Results
    sending: Unsent | None = None

    def go(self, batch: Sequence[Unsent]) -> None:
        refused: set[str] = set()
        for unsent in batch:
            if unsent.message.key in refused:
                continue
            if time.monotonic() > self.until:
                break
            self.sending = unsent
            error = self._send(unsent)
            self.results.put((unsent.channel, (unsent, error)))
            if isinstance(error, StepFailed):
                refused.add(unsent.message.key)
            elif error is not None:
                break
        self.results.put((self.channel.id, None))

    def _send(self, unsent: Unsent) -> FailoverError | None:
        try:
            with fence(self.channel.kind):
                self.notifier.send(self.channel, unsent.message)
        except FailoverError as e:
            return e
        return None
