"""Driving a cloud machine to a size: read, ask for one change, read again, until it runs.

Whatever interrupts this, the next drive goes on from what it reads: every
request may be repeated. Law: a machine that we stopped is not left stopped.
When the size that is wanted cannot be had, or not in time, the other one is
put back and started; giving up with the machine off is the last resort.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from failover.core.words import duration
from failover.errors import Changed, FailoverError, OutcomeUnknown, Refused, StepFailed, Unreachable
from failover.ports import Clock, Cloud, Instance

POLL_S = 5.0
AGAIN_S = 15.0
"""Between two requests of which the first was refused on the way back: capacity comes and goes."""
REST_S = 15.0
"""How long after a lost answer what was asked for may still take effect, or not be seen yet (EC2 is eventually
consistent, and says "a few seconds")."""
APPEARS_S = 30.0
"""A start that was accepted is seen by then, or it fell back."""
BACK_SHARE = 1 / 3
"""The part of the time that is kept for putting the other size back."""
IN_TRANSIT = ("stopping", "pending")


class Move(enum.StrEnum):
    STOP = "stop"
    RESIZE = "resize"
    START = "start"
    WAIT = "wait"
    DONE = "done"
    GONE = "gone"


def next_move(now: Instance, size: str) -> Move:
    """The next request on the way to running as `size`, from what was read alone."""
    if now.state in IN_TRANSIT:
        return Move.WAIT
    if now.state == "running":
        return Move.DONE if now.size == size else Move.STOP
    if now.state == "stopped":
        return Move.START if now.size == size else Move.RESIZE
    return Move.GONE


@dataclass(slots=True)
class Drive:
    """One drive of `name` to `goal`; `back` is the size to return to. `by_hand`: what a person types to start it.

    `may_stop` raises Refused when it must not be interrupted now. `touched`: an earlier drive may have changed it.
    """

    name: str
    cloud: Cloud
    clock: Clock
    goal: str
    back: str
    limit_s: float
    by_hand: str
    may_stop: Callable[[], None]
    touched: bool = False
    turned: str | None = None
    """Why we are on the way back."""
    _refused: str = ""
    _quiet: float = 0.0
    _started: float | None = None
    _pending: bool = False

    def run(self) -> Instance:
        """As it runs with `goal`.

        Raises Refused or Unreachable (nothing was changed), StepFailed (it runs as `back`, or the message says what
        to type), OutcomeUnknown (it cannot be read).
        """
        end = self.clock.monotonic() + self.limit_s
        turn = end - self.limit_s * BACK_SHARE
        while True:
            now = self._read(end)
            if now is None:
                self.clock.sleep(POLL_S)
                continue
            if self._over(now):
                return self._ended(now)
            self._check(now, turn, end)
            self.clock.sleep(self._take(next_move(now, self._size)))

    @property
    def _size(self) -> str:
        return self.back if self.turned else self.goal

    def _read(self, end: float) -> Instance | None:
        """None when it could not be read this time."""
        try:
            now = self.cloud.machine()
        except FailoverError as e:
            if not self.touched:
                raise
            if self.clock.monotonic() >= end:
                said = f"{self.name} can no longer be read, and may be stopped: {e}"
                raise OutcomeUnknown(said, try_=f"{e.try_}; then: {self.by_hand}") from e
            return None
        self.touched = self.touched or now.state != "running"
        self._pending = self._pending or (now.state == "pending" and self._started is not None)
        return now

    def _over(self, now: Instance) -> bool:
        """Running as wanted; on the way back, running at all, once nothing of ours can still stop it."""
        if now.state != "running":
            return False
        return now.size == self._size if not self.turned else self.clock.monotonic() >= self._quiet

    def _ended(self, now: Instance) -> Instance:
        if now.size == self.goal:
            return now
        raise StepFailed(
            f"{self.turned}; {self.name} runs as {now.size}", try_="choose another size, or try again later"
        )

    def _check(self, now: Instance, turn: float, end: float) -> None:
        """Raises StepFailed when there is nothing left to drive, or no time; turns back when it gets late."""
        t = self.clock.monotonic()
        if next_move(now, self._size) is Move.GONE:
            raise StepFailed(f"{self.name} is {now.state}: it cannot be started", try_="look at it in the AWS console")
        if t >= end:
            why = "; ".join(w for w in (self.turned, self._refused) if w)
            said = f"{self.name} is {now.state} as {now.size} after {duration(self.limit_s)}: {why}"
            raise StepFailed(said, try_=f"start it by hand: {self.by_hand}")
        if t >= turn and self.turned is None:
            self._turn(f"not done within {duration(self.limit_s * (1 - BACK_SHARE))}, it was {now.state}")
        fell = self._pending or (self._started is not None and t - self._started > APPEARS_S)
        if now.state == "stopped" and self._started is not None and fell:
            self._turn(f"AWS began to start it as {now.size}, and stopped it again: {now.why or 'no reason given'}")

    def _turn(self, why: str) -> None:
        if self.turned is None:
            self.turned = why
        else:
            self._refused = why
        self._started, self._pending = None, False

    def _take(self, move: Move) -> float:
        """Ask for it. The seconds to let pass before reading again."""
        ask = {Move.STOP: self._stop, Move.RESIZE: self._resize, Move.START: self._start}.get(move)
        if ask is None or (move is Move.STOP and self.turned):  # on the way back, nothing that runs is stopped
            return POLL_S
        try:
            ask()
        except Changed:  # what we read was old: it has moved on
            return POLL_S
        except OutcomeUnknown as e:
            self._refused = str(e)
            self.touched, self._quiet = True, self.clock.monotonic() + REST_S
            return POLL_S
        except Unreachable:
            if not self.touched:
                raise
            return POLL_S
        except Refused as e:
            if not self.touched:
                raise
            late = self.turned is not None
            self._turn(str(e))
            return AGAIN_S if late else 0.0
        self.touched = True
        return POLL_S

    def _stop(self) -> None:
        self.may_stop()
        self.cloud.stop()

    def _resize(self) -> None:
        self.cloud.resize(self._size)

    def _start(self) -> None:
        self._started = self.clock.monotonic() if self._started is None else self._started
        self.cloud.start()
