"""The answer of `failover-host queue` as a value. Every text of it comes from strangers, and is cleaned here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from failover.core.clean import clean
from failover.core.fleet import Host
from failover.core.waiting import QUEUES, Frozen, Listing, Message
from failover.errors import OutcomeUnknown, Refused
from failover.fence import fence
from failover.ports import Rc, Remote, Reply

CALL_S = 10.0
LONGEST = 300
"""Most characters of an address or a reason."""
_CUT = re.compile(r"(\\u[0-9A-Fa-f]{0,3}|\\)$")
_ID = re.compile(r"[0-9A-Za-z]{1,40}")


def ask(remote: Remote, host: Host, what: str = "") -> Listing:
    """`what`: `sender=ADDRESS` or `recipient=ADDRESS`, or all.

    Raises Unreachable, OutcomeUnknown (no readable answer), Refused (an older helper, or a word it does not take).
    Nothing is ever changed.
    """
    args = {"config_dir": host.postfix.config_dir, **({"what": what} if what else {})}
    with fence(host.name):
        reply = remote.call(host, "queue", args, limit_s=CALL_S)
        _fine(host, reply)
        return of(reply)


def _fine(host: Host, reply: Reply) -> None:
    if reply.rc == Rc.USAGE and "no such verb" in reply.because:
        raise Refused(
            f"{host.name}: its failover-host is of an earlier release and does not list the queue",
            try_=f"failover host install {host.name} brings ours; until then, on {host.name}: postqueue -p",
        )
    if reply.rc in {Rc.USAGE, Rc.NOT_PERMITTED, Rc.REFUSED}:
        raise Refused(f"{host.name}: {reply.because}", try_=f"failover host status {host.name}")
    if reply.rc != Rc.OK:
        raise OutcomeUnknown(f"{host.name}: {reply.because}", try_=f"on {host.name}: postqueue -p")


def of(reply: Reply) -> Listing:
    """Whatever the rows are; one that cannot be read is told among the troubles."""
    now, listed = _number((reply.one("now") or ("",))[0]), reply.one("listed") or ()
    matched, read = (_number(x) for x in listed[:2]) if len(listed) == 3 else (None, None)
    old, sample = (_messages(reply.all(key), now) for key in ("old", "message"))
    unread = len(reply.all("old")) + len(reply.all("message")) - len(old) - len(sample)
    return Listing(
        {q: n for q, v in _pairs(reply.all("queue")) if q in QUEUES and (n := _number(v)) is not None},
        tuple(_frozen(reply.all("frozen"))),
        tuple(sorted(old, key=lambda m: -1.0 if m.age is None else m.age, reverse=True)),
        sample,
        matched if read is not None else None,
        read or 0,
        listed[2:] == ("yes",),
        (*_troubles(reply), *((f"{unread} rows could not be read",) if unread else ())),
    )


def _pairs(rows: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    yield from ((row[0], row[1]) for row in rows if len(row) == 2)


def _troubles(reply: Reply) -> Iterator[str]:
    for row in reply.all("error"):
        about = {"frozen": "which mail is fixed to a filter: "}.get(row[0], "") if row else ""
        yield clean(about + " ".join(row[1:]), LONGEST)


def _frozen(rows: Sequence[tuple[str, ...]]) -> Iterator[Frozen]:
    for row in rows:
        numbers = [_number(x) for x in row[1:5]]
        if len(row) == 5 and numbers[0]:
            seen, oldest, examined, total = (n or 0 for n in numbers)
            yield Frozen(row[0], seen, float(oldest), examined, total)


def _messages(rows: Sequence[tuple[str, ...]], now: int | None) -> tuple[Message, ...]:
    return tuple(m for row in rows if (m := _message(row, now)) is not None)


def _message(row: tuple[str, ...], now: int | None) -> Message | None:
    if len(row) != 8 or row[0] not in QUEUES or not _ID.fullmatch(row[1]):
        return None
    arrival, size, recipients = (_number(x) for x in row[2:5])
    age = float(now - arrival) if now is not None and arrival is not None and arrival <= now + 5 else None
    age = None if age is None else max(age, 0.0)  # of the future: a clock was set back, so the age is not known
    return Message(row[0], row[1], age, size, recipients or 0, *(_text(x) for x in row[5:]))


def _text(escaped: str) -> str:
    """The string that stands so in JSON; a cut one ends before its last, broken escape."""
    try:
        found = json.loads(f'"{_CUT.sub("", escaped)}"')
    except ValueError:
        found = escaped
    return clean(str(found), LONGEST).strip()


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None
