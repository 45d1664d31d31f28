"""A Postfix as far as a bypass of its spam filter needs it: queues, filter records, deliveries.

Facts on which cures fail, all measured on a real Postfix 3.7: a message remembers the filter it was accepted with;
frozen mail waits in *active*, not deferred; SMTP sessions opened before a reload go on with the old filter; a killed
filter process defers its message; a message is removed only after its re-injection; pickup runs cleanup, so it adds bcc
recipients again.
"""

from __future__ import annotations

import enum
import itertools
import random
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from failover.core.drill import Received
from failover.world.timeline import Timeline

MAIN, MASTER = "main.cf", "master.cf"
Files = dict[str, dict[str, str]]


class Queue(enum.StrEnum):
    INCOMING = "incoming"
    ACTIVE = "active"
    DEFERRED = "deferred"
    HOLD = "hold"
    MAILDROP = "maildrop"


class Doing(enum.StrEnum):
    """The progress of a delivery. `handover`: it was scanned and its copy comes in; to end it now doubles it."""

    NOTHING = ""
    SCAN = "scan"
    HANDOVER = "handover"
    SMTP = "smtp"


class Daemon(enum.StrEnum):
    OK = "ok"
    SLOW = "slow"
    HUNG = "hung"
    DOWN = "down"


@dataclass(slots=True, eq=False)
class Mail:
    """`turn` counts the begins and ends of its deliveries: so an event of an ended delivery is ignored.

    `arrived` is by the host's own clock, `Postfix.clock`.
    """

    id: int
    seq: str
    to: tuple[str, ...]
    filter: str | None
    arrived: float
    queue: Queue
    scanned: bool = False
    doing: Doing = Doing.NOTHING
    stuck: bool = False
    turn: int = 0
    generation: int = 0
    sender: str = "sender@example.org"
    held: int = 0
    """How often it was put on hold."""
    due: float = 0.0
    """When its scan ends."""


@dataclass(slots=True, eq=False)
class Session:
    """An SMTP session that outlives reloads: it stamps the filter that was set when it began."""

    filter: str | None
    until: float


SLOTS = {"smtp": 20}
FILTER_SLOTS = 5
"""Deliveries at once to one filter: initial_destination_concurrency, measured with the filter hung."""
FAR_SLOTS = 20
"""default_destination_concurrency_limit, for each domain elsewhere."""
SCAN_S, HANDLE_S, FAR_S = (0.03, 0.3), (0.01, 0.05), (0.1, 0.8)
"""Seconds from, to: a usual scan, a usual delivery to the handler, and one to another domain's server."""
HOME = "lab.test"
HOMES = (HOME, "second.test")
"""Domains whose mail goes to the handler of the host."""
QUEUE_RUN = 300.0
PICKUP_WAKES = 60.0


class Postfix:
    def __init__(self, timeline: Timeline, rng: random.Random, files: Files, receive: Callable[[Received], None]):
        self.timeline = timeline
        self.rng = rng
        self.files = files
        self.loaded: Files = _copy(files)
        self.mails: dict[int, Mail] = {}
        self.accepted = self.removed = 0
        """Messages by the log: accepted over SMTP, and removed by the queue manager."""
        self.running = True
        self.frozen = False
        """master stopped by a signal: port 25 connects and says nothing, nothing moves."""
        self.spamd = Daemon.OK
        self.handler = Daemon.OK
        self.scan_s = SCAN_S
        self.handle_s = HANDLE_S
        self.heavy: dict[str, float] = {}
        """Messages whose deliveries take so many seconds longer."""
        self.skew = 0.0
        """How far the host's clock is ahead, in seconds."""
        self.puts_off: Callable[[Mail], bool] = lambda mail: False
        """Does the server of another domain answer 4xx for this message, this time?"""
        self.turns_away: Callable[[Mail], bool] = lambda mail: False
        """Does the handler answer 421 for this message, as for an account over its limit?"""
        self.scanners = FILTER_SLOTS
        """Scans at once; one that finds all of them busy waits for the first that ends."""
        self.qmgr = self.picks_up = True
        """The queue manager, and pickup: without them mail is taken, and stays in incoming, or in maildrop."""
        self._receive = receive
        self._ids = itertools.count(1)
        self._waiting: dict[str, deque[Mail]] = {}
        self._busy: Counter[str] = Counter()
        self._generation = 0
        self._every(QUEUE_RUN, self._queue_run)
        self._every(PICKUP_WAKES, self.pickup)

    @property
    def clock(self) -> float:
        """Seconds since the world began, as this host has them."""
        return self.timeline.now + self.skew

    # Mail coming in -----------------------------------------------------------

    @property
    def takes_mail(self) -> bool:
        return self.running and not self.frozen

    def session(self, seconds: float) -> Session:
        return Session(self._stamp("smtp/inet"), self.timeline.now + seconds)

    def accept(self, seq: str, to: tuple[str, ...], session: Session | None = None) -> None:
        """A message is taken: the 250 is out, it is ours."""
        self.accepted += 1
        filter_ = session.filter if session else self._stamp("smtp/inet")
        if self._setting(MASTER, "smtp/inet/receive_override_options") != "no_address_mappings":
            to = self._with_bcc(to)
        self._enter(seq, to, filter_, scanned=False, arrived=self.clock)

    def pickup(self) -> None:
        """Mail in maildrop goes through cleanup: with pickup's own filter, and with bcc recipients once more."""
        dropped = [m for m in self.mails.values() if m.queue is Queue.MAILDROP] if self.picks_up else []
        for mail in dropped:
            del self.mails[mail.id]
            self._enter(mail.seq, self._with_bcc(mail.to), self._stamp("pickup/unix"), mail.scanned, mail.arrived)

    def _enter(self, seq: str, to: tuple[str, ...], filter_: str | None, scanned: bool, arrived: float) -> None:
        mail = Mail(next(self._ids), seq, to, filter_, arrived, Queue.INCOMING, scanned)
        self.mails[mail.id] = mail
        self._activate(mail)

    def _stamp(self, service: str) -> str | None:
        """An override of master.cf wins even when it is set empty."""
        override = self._setting(MASTER, f"{service}/content_filter")
        value = override if override is not None else self._setting(MAIN, "content_filter")
        return value or None

    def _with_bcc(self, to: tuple[str, ...]) -> tuple[str, ...]:
        bcc = self._setting(MAIN, "always_bcc")
        return (*to, bcc) if bcc else to

    def _setting(self, file: str, key: str) -> str | None:
        return self.loaded[file].get(key)

    # The queue manager --------------------------------------------------------

    def stop(self) -> None:
        """As `postfix stop`: deliveries end, and no new one begins."""
        self.running = False

    def start(self) -> None:
        self.running = True
        self.reload()

    def reload(self) -> None:
        """The new settings count from now; deliveries in flight go on, and no longer take a slot."""
        self.loaded = _copy(self.files)
        self._generation += 1
        self._waiting.clear()
        self._busy.clear()
        for mail in list(self.mails.values()):
            if mail.queue is Queue.ACTIVE and not mail.doing:
                self._activate(mail)

    def flush(self) -> int:
        """`postqueue -f`: deferred mail is tried now, and pickup looks at maildrop."""
        waiting = len(self.of(Queue.INCOMING, Queue.ACTIVE, Queue.DEFERRED))
        self._queue_run()
        self.pickup()
        return waiting

    def of(self, *queues: Queue) -> list[Mail]:
        return [m for m in self.mails.values() if m.queue in queues]

    def frozen_mail(self, transport: str) -> list[Mail]:
        return [m for m in self.of(Queue.INCOMING, Queue.ACTIVE, Queue.DEFERRED) if m.filter == transport]

    def hold(self, mail: Mail) -> bool:
        """`postsuper -h`; a message whose delivery runs is locked and stays."""
        if mail.doing:
            return False
        mail.queue = Queue.HOLD
        mail.held += 1
        return True

    def release(self, mail: Mail) -> None:
        """`postsuper -H` and a flush."""
        self._activate(mail)

    def requeue(self, mail: Mail) -> bool:
        """`postsuper -r - hold` of one named message: from there to maildrop, until pickup is triggered."""
        if mail.queue is not Queue.HOLD or mail.id not in self.mails:
            return False
        mail.queue = Queue.MAILDROP
        return True

    def _queue_run(self) -> None:
        for mail in self.of(Queue.DEFERRED):
            self._activate(mail)

    def _activate(self, mail: Mail) -> None:
        if not self.qmgr:
            return
        mail.queue = Queue.ACTIVE
        transport = transport_of(mail)
        self._waiting.setdefault(transport, deque()).append(mail)
        self._feed(transport)

    def _feed(self, transport: str) -> None:
        waiting = self._waiting.get(transport)
        while waiting and self.takes_mail and self.qmgr and self._busy[transport] < self._slots(transport):
            mail = waiting.popleft()
            if mail.queue is Queue.ACTIVE and not mail.doing:
                self._deliver(mail, transport)

    def _slots(self, transport: str) -> int:
        return FAR_SLOTS if transport.startswith("smtp:") else SLOTS.get(transport, self.scanners)

    # Deliveries ---------------------------------------------------------------

    def _deliver(self, mail: Mail, transport: str) -> None:
        deferred = (self._setting(MAIN, "defer_transports") or "").replace(",", " ").split()
        entry = self._setting(MASTER, f"{transport}/unix") or ""
        if transport.partition(":")[0] in deferred or (mail.filter and not entry):
            mail.queue = Queue.DEFERRED
            return
        mail.turn += 1
        mail.generation = self._generation
        self._busy[transport] += 1
        if not mail.filter and transport != "smtp":
            self._to_elsewhere(mail)
        elif not mail.filter:
            self._to_handler(mail)
        elif passes_through(entry):
            self._hand_over(mail, scanned=mail.scanned)
        else:
            self._scan(mail)

    def _scan(self, mail: Mail) -> None:
        mail.doing = Doing.SCAN
        if self.spamd is Daemon.HUNG:
            mail.stuck = True
        elif self.spamd is Daemon.DOWN:
            self._hand_over(mail, scanned=False)  # spamc fails open: unscanned, rc 0
        else:
            takes = self.rng.uniform(*self.scan_s) if self.spamd is Daemon.OK else self.rng.uniform(3, 8)
            mail.due = self.timeline.now + takes
            self._later(mail, takes, self._scanned)

    def _scanned(self, mail: Mail) -> None:
        if self.spamd is Daemon.HUNG:
            mail.stuck = True
        else:
            self._hand_over(mail, scanned=self.spamd is not Daemon.DOWN)

    def _hand_over(self, mail: Mail, *, scanned: bool) -> None:
        mail.doing = Doing.HANDOVER
        self._later(mail, self.rng.uniform(0.01, 0.1), lambda m: self._reinjected(m, scanned))

    def _reinjected(self, mail: Mail, scanned: bool) -> None:
        self.drop(mail.seq, mail.to, scanned, mail.arrived)
        self._end(mail, gone=True)

    def drop(self, seq: str, to: tuple[str, ...], scanned: bool, arrived: float) -> None:
        """sendmail puts a copy into maildrop, and postdrop wakes pickup."""
        copy = Mail(next(self._ids), seq, to, None, arrived, Queue.MAILDROP, scanned)
        self.mails[copy.id] = copy
        self.timeline.after(0.01, self.pickup)

    def _to_handler(self, mail: Mail) -> None:
        mail.doing = Doing.SMTP
        self._later(mail, self._lasting(mail, self.handle_s), self._handled)

    def _lasting(self, mail: Mail, usual: tuple[float, float]) -> float:
        return self.rng.uniform(*usual) + self.heavy.get(mail.seq, 0.0)

    def _handled(self, mail: Mail) -> None:
        if self.handler is Daemon.HUNG:
            mail.stuck = True
        elif self.handler is Daemon.DOWN or self.turns_away(mail):
            self._end(mail, gone=False)
        else:
            self._receive(Received(mail.seq, mail.to, self.timeline.unix, mail.scanned))
            self._end(mail, gone=True)

    def _to_elsewhere(self, mail: Mail) -> None:
        mail.doing = Doing.SMTP
        self._later(mail, self._lasting(mail, FAR_S), self._answered_elsewhere)

    def _answered_elsewhere(self, mail: Mail) -> None:
        """Our handler does not see it; the account counts the other server's 250."""
        if self.puts_off(mail):
            self._end(mail, gone=False)
        else:
            self._receive(Received(mail.seq, mail.to, self.timeline.unix, mail.scanned))
            self._end(mail, gone=True)

    def _end(self, mail: Mail, *, gone: bool) -> None:
        transport = transport_of(mail)
        mail.turn += 1
        mail.doing, mail.stuck = Doing.NOTHING, False
        if mail.generation == self._generation:
            self._busy[transport] -= 1
        if gone:
            self.removed += 1
            del self.mails[mail.id]
        else:
            mail.queue = Queue.DEFERRED
        self._feed(transport)

    # What the outside does to it ----------------------------------------------

    def set_spamd(self, state: Daemon) -> None:
        self.spamd = state
        if state is not Daemon.HUNG:
            self._thaw(Doing.SCAN, self._scanned)

    def set_handler(self, state: Daemon) -> None:
        self.handler = state
        if state is not Daemon.HUNG:
            self._thaw(Doing.SMTP, self._handled)

    def set_qmgr(self, runs: bool) -> None:
        self.qmgr = runs
        if runs:
            self._queue_run()
            for mail in self.of(Queue.INCOMING, Queue.ACTIVE):
                if not mail.doing:
                    self._activate(mail)

    def set_pickup(self, runs: bool) -> None:
        self.picks_up = runs
        self.pickup()

    def all_scan_until(self) -> float:
        """When the first scanner is free; now, if one is."""
        ends = [m.due for m in self.mails.values() if m.doing is Doing.SCAN and not m.stuck]
        return min(ends) if len(ends) >= self.scanners else self.timeline.now

    def end_stuck_handling(self) -> None:
        """The handler died with these, and acknowledged none."""
        for mail in list(self.mails.values()):
            if mail.doing is Doing.SMTP and mail.stuck:
                self._end(mail, gone=False)

    def end_scans(self, *, careful: bool = True) -> tuple[int, int]:
        """End deliveries that hang in the filter: (ended, left). Not `careful`: also those in `handover`."""
        ended = left = 0
        for mail in list(self.mails.values()):
            if mail.doing is Doing.HANDOVER and not careful:
                self.drop(mail.seq, mail.to, True, mail.arrived)
            elif mail.doing is Doing.HANDOVER:
                left += 1
                continue
            elif mail.doing is not Doing.SCAN:
                continue
            self._end(mail, gone=False)
            ended += 1
        return ended, left

    def _thaw(self, doing: Doing, then: Callable[[Mail], None]) -> None:
        for mail in list(self.mails.values()):
            if mail.stuck and mail.doing is doing:
                mail.stuck = False
                self._later(mail, self.rng.uniform(0.05, 0.5), then)

    def _later(self, mail: Mail, seconds: float, then: Callable[[Mail], None]) -> None:
        turn = mail.turn

        def due() -> None:
            if mail.turn == turn and mail.id in self.mails:
                then(mail)

        self.timeline.after(seconds, due)

    def _every(self, seconds: float, do: Callable[[], None]) -> None:
        def again() -> None:
            if self.takes_mail:
                do()
            self.timeline.after(seconds, again)

        self.timeline.after(seconds, again)


def transport_of(mail: Mail) -> str:
    """The transport of its deliveries: a filter, the handler (`smtp`), or another domain."""
    domain = mail.to[0].rpartition("@")[2]
    return mail.filter or ("smtp" if domain in HOMES else f"smtp:{domain}")


def passes_through(entry: str) -> bool:
    """Is this master.cf entry a pipe straight into sendmail, without a filter?"""
    return "argv=/usr/sbin/sendmail" in entry


def _copy(files: Mapping[str, Mapping[str, str]]) -> Files:
    return {file: dict(settings) for file, settings in files.items()}
