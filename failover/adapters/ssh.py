"""`Remote` over SSH: one kept session per host, one script per call, an answer or an error in time.

The error depends on whether the exec request may have left. Before it, nothing
was run: Unreachable. After it, anything but a whole answer with its exit status
is OutcomeUnknown.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from failover.adapters import helper, reply, ssh_words
from failover.adapters.watchdog import Errand, Stage
from failover.core.fleet import Host
from failover.core.words import duration
from failover.errors import FailoverError, OutcomeUnknown, Unreachable
from failover.fence import fence
from failover.ports import Reply

if TYPE_CHECKING:
    import paramiko

    from failover.adapters.ssh_session import Output, Session

CONNECT_S = 15.0
"""Seconds until the command is sent; at most three quarters of the call's limit."""
GRACE_S = 2.0
"""Seconds after the call's limit, for an answer that is on its way."""
WATCHDOG_S = 0.25
"""Seconds after the work's own time-outs: their errors say better what was missing."""
EARLY_S = 0.05
"""A time-out may come so many seconds early."""
REUSED_S = 3.0
"""A kept session that opens no channel within this counts as dead. Nothing was sent, so a new one is opened."""
ACT = "act"
"""Stands for any verb that changes something."""
READY_S = 8.0
HELLO_GOOD_S = 60.0
"""Before an act, a hello of the installed helper may be this old: a resident watch keeps sessions for days."""
KEPT = 64
"""Most sessions kept open; others are closed after their call, since each takes a file and a thread."""


@dataclass(frozen=True, slots=True)
class _Helper:
    """The installed helper by its hello. `at` is monotonic; `differs` None: it is ours."""

    at: float
    differs: helper.Difference | None

    def stands(self, verb: str) -> bool:
        """Is this hello still good? For a look always; for an act not after HELLO_GOOD_S, nor if it differed."""
        return verb in helper.READING or (self.differs is None and time.monotonic() - self.at < HELLO_GOOD_S)


@dataclass(slots=True)
class _Seat:
    """One host: its calls take turns, and share a session."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    session: Session | None = None
    helper: _Helper | None = None

    def leave(self) -> None:
        session, self.session = self.session, None
        if session is not None:
            session.close()


@dataclass(frozen=True, slots=True)
class _Call:
    """One call and its times, monotonic."""

    host: Host
    verb: str
    args: Mapping[str, str]
    began: float
    limit_s: float
    connect_by: float
    answer_by: float

    def deadline(self, stage: Stage) -> float:
        return (self.answer_by if stage >= Stage.SENT else self.connect_by) + WATCHDOG_S

    def far_limit(self) -> int:
        """The limit for the helper, so that it ends before we give up."""
        left = max(1, math.ceil(self.began + self.limit_s - time.monotonic()))
        with suppress(KeyError, ValueError):
            left = min(left, int(self.args["limit"]))
        return left


class SshRemote:
    """Thread-safe: different hosts at once, one host in turn. Close it, or use it as a context manager."""

    def __init__(
        self,
        script: Callable[[], str] | None = None,
        *,
        grace_s: float = GRACE_S,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """`script`: the text that is sent to root, and that must be installed for other users; by default the packaged
        one. `tell`: called once per host whose installed text differs; by default it prints to stderr."""
        self._script = script or _packaged
        self._tell = tell or _stderr
        self._grace_s = grace_s
        self._seats: dict[Host, _Seat] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """A call that still runs keeps its session to itself, and closes it."""
        with self._lock:
            seats, self._seats = self._seats, {}
        for seat in seats.values():
            seat.leave()

    def call(self, host: Host, verb: str, args: Mapping[str, str], *, limit_s: float) -> Reply:
        """See `ports.Remote`. Ends within `limit_s` + 2.25 s, or 3/4 of `limit_s` when the host cannot be got into.

        Raises Refused besides, with nothing sent, if the helper installed there is not fit for this verb.
        """
        with fence(host.name), self._turn(host, verb, args, limit_s) as (call, seat):
            if verb != "hello" and host.ssh.user != "root":
                self._meet(call, seat)
            return self._call(call, seat)

    def ready(self, host: Host) -> None:
        """See `ports.Ready`. Raises nothing for a host that cannot be reached: the next call does."""
        if host.ssh.user != "root":
            with suppress(Unreachable), fence(host.name), self._turn(host, ACT, {}, READY_S) as (call, seat):
                self._meet(call, seat)

    @contextmanager
    def _turn(self, host: Host, verb: str, args: Mapping[str, str], limit_s: float) -> Iterator[tuple[_Call, _Seat]]:
        now = time.monotonic()
        call = _Call(
            host, verb, args, now, limit_s, now + min(CONNECT_S, limit_s * 0.75), now + limit_s + self._grace_s
        )
        with self._lock:
            seat = self._seats.setdefault(host, _Seat())
        if not seat.turn.acquire(timeout=call.connect_by - now):
            raise Unreachable(
                f"{host.name}: an earlier call still ran after {duration(time.monotonic() - now)}; nothing was sent",
                try_="try again once that one has ended",
            )
        try:
            yield call, seat
        finally:
            seat.turn.release()

    def _meet(self, call: _Call, seat: _Seat) -> None:
        """Raises Refused, before anything is sent, if the helper there is not fit for this verb."""
        if seat.helper is None or not seat.helper.stands(call.verb):
            hello = replace(call, verb="hello", args={}, answer_by=call.connect_by + self._grace_s)
            try:
                said = self._call(hello, seat)
            except OutcomeUnknown as e:
                raise ssh_words.no_hello(call.host, e) from e
            differs = helper.difference(call.host.name, said, helper.of_text(self._script()))
            if differs is not None and (seat.helper is None or seat.helper.differs != differs):
                self._tell(differs.said + ("; it may look, but not act" if differs.reads else ""))
            seat.helper = _Helper(time.monotonic(), differs)
        differs = seat.helper.differs
        if differs is not None and not (differs.reads and call.verb in helper.READING):
            raise ssh_words.wrong_helper(call.host, differs.said)

    def _call(self, call: _Call, seat: _Seat) -> Reply:
        errand: Errand[tuple[Output, Session]] = Errand()
        kept, seat.session = seat.session, None
        try:
            output, session = errand.run(lambda: self._work(call, kept, errand), call.deadline)
        except FailoverError:
            raise
        except Exception as e:
            now = time.monotonic()
            late = now >= call.deadline(errand.stage) - WATCHDOG_S - EARLY_S
            raise ssh_words.lost(call.host, call.verb, errand.stage, e, now - call.began, late=late) from e
        answer = reply.parse(call.verb, output.stdout, output.exit_code)
        if answer is None:
            session.close()
            raise ssh_words.cut_off(call.host, call.verb, output)
        self._keep(call.host, seat, session)
        return answer

    def _keep(self, host: Host, seat: _Seat, session: Session) -> None:
        with self._lock:
            room = self._seats.get(host) is seat and sum(s.session is not None for s in self._seats.values()) < KEPT
            if room:
                seat.session = session
        if not room:
            session.close()

    def _work(
        self, call: _Call, kept: Session | None, errand: Errand[tuple[Output, Session]]
    ) -> tuple[Output, Session]:
        """In the errand's thread, which owns the session until it returns it with the answer."""
        from failover.adapters import ssh_session as ssh

        session, channel = _reused(kept, errand, call) or _opened(errand, call)
        try:
            limit = call.far_limit()
            if call.host.ssh.user == "root":
                command, stdin = reply.sent_command(call.verb, call.args, limit_s=limit), self._script().encode()
            else:
                command, stdin = reply.installed_command(call.verb, call.args, limit_s=limit), b""
            return ssh.ask(channel, errand, command, stdin, by=call.answer_by), session
        except BaseException:
            session.close()
            raise


def _reused(
    kept: Session | None, errand: Errand[tuple[Output, Session]], call: _Call
) -> tuple[Session, paramiko.Channel] | None:
    """None if the kept session is dead. Nothing was sent over it, so connecting anew is safe."""
    from failover.adapters import ssh_session as ssh

    if kept is None:
        return None
    try:
        within = min(REUSED_S, (call.connect_by - time.monotonic()) / 2)
        return kept, ssh.open_channel(kept, errand, within_s=within)
    except Exception:
        kept.close()
        errand.at(Stage.CONNECT)
        return None


def _opened(errand: Errand[tuple[Output, Session]], call: _Call) -> tuple[Session, paramiko.Channel]:
    from failover.adapters import ssh_session as ssh

    session = ssh.open_session(call.host, errand, by=call.connect_by)
    try:
        return session, ssh.open_channel(session, errand, within_s=call.connect_by - time.monotonic())
    except BaseException:
        session.close()
        raise


def _stderr(said: str) -> None:
    sys.stderr.write(f"{said}\n")


def _packaged() -> str:
    from failover.host import script_text

    return script_text()
