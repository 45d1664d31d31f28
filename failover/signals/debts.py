"""Our debts on a host, by its own word: mail that we hold, our changes in force, the epoch it has seen.

Rows of `failover-host`: `held N SINCE RUN STEP CONFIG_DIR left|unsure|busy`,
`force RUN STEP SINCE FILE KEY CONFIG_DIR`, `unloaded SINCE RUN STEP CONFIG_DIR left|busy`, `epoch N`. A helper of an
earlier release does not tell, so the signals are unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from failover.core.alerting import debts as named
from failover.core.fleet import Host
from failover.core.observe.signal import Outcome, Signal
from failover.core.words import count
from failover.errors import FailoverError
from failover.fence import fence
from failover.ports import Rc, Remote, Reply
from failover.signals.family import Family, Visit
from failover.signals.kind import SignalKind
from failover.signals.sight import Sight, number

HELD = SignalKind(named.HELD, "messages that failover itself put on hold and did not let go", unit="messages")
FORCE, UNLOADED, EPOCH = SignalKind(named.FORCE), SignalKind(named.UNLOADED), SignalKind(named.EPOCH)
LAST = 32503680000.0
"""The year 3000: a later time is nonsense."""
KINDS = (HELD, FORCE, UNLOADED, EPOCH)
CALL_S = 10.0
SKEW_S = 60.0
"""The difference of clocks that is no fault."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Debt:
    """`kind`: held, force or unloaded. `messages`: how many are on hold, None where the host cannot tell; `unsure`: how
    many of them somebody else may hold. `busy`: an act works on it now. `settings`: `FILE KEY` of each.
    `since`: Unix time, by the host's clock."""

    kind: str
    host: str
    run: str
    step: str
    since: float
    config_dir: str
    messages: int | None = None
    settings: tuple[str, ...] = ()
    busy: bool = False
    unsure: int = 0

    @property
    def says(self) -> str:
        if self.kind == "force":
            return f"run {self.run}, step {self.step} is in force since {_when(self.since)}: {', '.join(self.settings)}"
        if self.kind == "unloaded":
            return (
                f"Postfix ({self.config_dir}) runs by the settings of before: what run {self.run}, step {self.step} "
                f"changed at {_when(self.since)} is not loaded"
            )
        many = "mail (nobody can tell how much)" if self.messages is None else count(self.messages, "message")
        verb = "is" if self.messages in {1, None} else "are"
        maybe = f" ({self.unsure} of it perhaps by somebody else since)" if self.unsure else ""
        return f"{many} {verb} held by failover since {_when(self.since)}, run {self.run}, step {self.step}{maybe}"

    @property
    def discharge(self) -> str:
        """The command that puts it back, by the host alone."""
        return f"failover host restore {self.host} {self.run} {self.step}"


@dataclass(frozen=True, slots=True)
class Owed:
    """A host's answer about its debts. `debts` None: no answer, and `why`. `changes`: rows of the change asked about:
    FILE, KEY, the value now, BEFORE and AFTER."""

    debts: tuple[Debt, ...] | None = None
    epoch: int = 0
    why: str = ""
    changes: tuple[tuple[str, ...], ...] = ()


def ask(remote: Remote, host: Host, run: str = "", step: str = "") -> Owed:
    """Never raises for what a host does."""
    about = {"of_run": run, "of_step": step} if run else {}
    try:
        with fence(host.name):
            reply = remote.call(host, "debts", about, limit_s=CALL_S)
            return _owed(host, reply)
    except FailoverError as e:
        return Owed(why=str(e))


def _owed(host: Host, reply: Reply) -> Owed:
    if reply.rc == Rc.USAGE:
        why = "its failover-host is of an earlier release and does not tell; failover host install brings ours"
        return Owed(why=why)
    rows = reply.all("debt")
    if why := "; ".join(" ".join(row[1:]) for row in rows if row[:1] == ("unbelieved",)):
        return Owed(why=why)
    if reply.rc not in {Rc.OK, Rc.REFUSED} or not rows:
        return Owed(why=reply.because)
    try:
        return Owed(of(host.name, rows), epoch_of(rows), changes=tuple(r for r in reply.all("change") if len(r) == 5))
    except ValueError as e:
        return Owed(why=f"failover-host says {e}")


def of(host: str, rows: Iterable[Sequence[str]]) -> tuple[Debt, ...]:
    """The debts in the `debt` rows of an answer. Raises ValueError for a row of another form."""
    found: dict[tuple[str, ...], Debt] = {}
    for row in rows:
        match tuple(row):
            case ("held", n, since, run, step, config_dir, state):
                many = None if n == "?" else _count(n)
                debt = Debt("held", host, _name(run), _name(step), _time(since), config_dir, many, busy=state == "busy")
                debt = replace(debt, unsure=(many or 0) if state == "unsure" else 0)
                found["held", run, step, config_dir] = _more(found.get(("held", run, step, config_dir)), debt)
            case ("force", run, step, since, file, key, config_dir):
                debt = Debt("force", host, _name(run), _name(step), _time(since), config_dir)
                had = found.get(("force", run, step), debt)
                found["force", run, step] = replace(had, settings=(*had.settings, f"{file} {key}"))
            case ("unloaded", since, run, step, config_dir, state):
                debt = Debt("unloaded", host, _name(run), _name(step), _time(since), config_dir, busy=state == "busy")
                found["unloaded", config_dir] = debt
            case ("held" | "force" | "unloaded", *_):
                raise ValueError(f'"{" ".join(row)}" is no debt')
    return tuple(found.values())


def _more(had: Debt | None, debt: Debt) -> Debt:
    """Mail held by two attempts of one step is one debt."""
    if had is None or had.messages is None or debt.messages is None:
        return debt if had is None or debt.messages is None else had
    both = had.messages + debt.messages
    return replace(debt, messages=both, since=min(had.since, debt.since), unsure=had.unsure + debt.unsure)


def asks(visit: Visit) -> dict[str, str]:
    return {} if visit.wants(*KINDS) else {"debts": "no"}


def read(visit: Visit, facts: Reply) -> Iterator[Signal]:
    sight, rows = visit.sight, facts.all("debt")
    if not rows:
        return
    if why := "; ".join(" ".join(row[1:]) for row in rows if row[:1] == ("unbelieved",)):
        yield from (sight.unknown(kind, why) for kind in (HELD, FORCE, UNLOADED))
        return
    try:
        debts = of(visit.host.name, rows)
    except ValueError as e:
        yield from (sight.unknown(kind, f"failover-host says {e}") for kind in (HELD, FORCE, UNLOADED))
        return
    yield _held(sight, [d for d in debts if d.kind == "held"])
    yield _force(sight, [d for d in debts if d.kind == "force"])
    yield _unloaded(sight, [d for d in debts if d.kind == "unloaded" and not d.busy])
    yield _epoch(sight, epoch_of(rows))


def epoch_of(rows: Iterable[tuple[str, ...]]) -> int:
    """The highest epoch that the host has seen; 0 if none."""
    told = [row[1] for row in rows if row[:1] == ("epoch",) and len(row) > 1]
    return int(told[0]) if told and told[0].isascii() and told[0].isdigit() and len(told[0]) <= 12 else 0


def _held(sight: Sight, debts: list[Debt]) -> Signal:
    left = [d for d in debts if not d.busy]
    if not left:
        said = "a requeue is at work" if debts else "failover holds no mail"
        return sight.signal(HELD, Outcome.OK, said, 0.0)
    said = "; ".join(f"{d.says}: {d.discharge}" for d in left)
    return sight.signal(HELD, Outcome.FAIL, said, float(sum(d.messages or 1 for d in left)))


def _force(sight: Sight, debts: list[Debt]) -> Signal:
    said = "; ".join(d.says for d in debts) or "no change of failover's stands"
    return sight.signal(FORCE, Outcome.OK, said, " ".join(f"{d.run},{d.step}" for d in debts))


def _unloaded(sight: Sight, debts: list[Debt]) -> Signal:
    said = "; ".join(f"{d.says}: {d.discharge}" for d in debts) or "Postfix has loaded what we changed"
    return sight.signal(UNLOADED, Outcome.FAIL if debts else Outcome.OK, said, float(len(debts)))


def _epoch(sight: Sight, seen: int) -> Signal:
    """An epoch is at least the Unix time. After one in the future the host refuses new runs, except by records that
    gave that epoch: their next one is higher (`core.alerting.debts.weighed`)."""
    if seen <= sight.at.timestamp() + SKEW_S:
        return sight.signal(EPOCH, Outcome.OK, f"the highest epoch seen there is {seen}", float(seen))
    back = f"failover host status {sight.host} --reset-epoch {seen} --reason TEXT"
    said = f"its lock epoch {seen} is in the future (a wrong clock?), and it refuses changes under lower ones: {back}"
    return sight.signal(EPOCH, Outcome.WARN, said, float(seen))


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ValueError(f'"{text}" is no number of messages')
    return int(text)


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f'"{text}" names no run or step')
    return text


def _time(text: str) -> float:
    found = number(text)
    if found is None or found > LAST:
        raise ValueError(f'"{text}" is no time')
    return found


def _when(unix: float) -> str:
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%d %H:%M} UTC"


FAMILY = Family(KINDS, asks=asks, read=read, newer=frozenset({"debts"}))
