"""The simulated host's `hold`: waiting mail is put on hold by a selector, and let go again; as in `hold.sh`."""

from __future__ import annotations

from collections.abc import Mapping

from failover.ports import Rc
from failover.world.machine import HOLD, Machine, Saved, Verb, refused
from failover.world.postfix import Mail, Queue

Args = Mapping[str, str]
WAITS = (Queue.INCOMING, Queue.ACTIVE, Queue.DEFERRED)


def hold(m: Machine, args: Args) -> Verb:
    """The list first, then the mail; a delivery goes on."""
    what = args["what"]
    if not m.postfix.takes_mail:
        return refused("Postfix is not running")
    if m.read(HOLD, what) != "-":
        return refused(f"mail of {what} is on hold by us already", Rc.CHANGED)
    chosen = [x for x in m.postfix.of(*WAITS) if _is_of(x, what)]
    if not chosen:
        return refused(f"nothing waits of {what}")
    row = (HOLD, what, "-", "=held")
    m.saved[args["run"], args["step"]] = Saved({}, (row,), m.time, held={x.id: x.held + 1 for x in chosen})
    yield 0.02
    held = sum(m.postfix.hold(x) for x in chosen if x.queue in WAITS)
    yield 0.05
    return Rc.OK, [("setting", *row), ("held", str(held)), ("busy", str(len(chosen) - held))]


def _is_of(mail: Mail, what: str) -> bool:
    kind, _, value = what.partition("=")
    match kind:
        case "sender":
            return mail.sender == value
        case "recipient":
            return value in mail.to
        case "nexthop":
            return any(to.endswith(f"@{value}") for to in mail.to)
        case _:
            return str(mail.id) in value.split(",")


def let_go(m: Machine, saved: Saved) -> Verb:
    ours = m.on_hold(saved)
    if ours and m.keeps_hold:
        return refused("mail that failover put on hold cannot be released", Rc.FAILED)
    for mail in ours:
        m.postfix.release(mail)
    saved.undone = True
    yield 0.05
    return Rc.OK, [("restored", HOLD, "settings"), ("released", str(len(ours)))]
