"""The scenes of the drill `mx-down`: the primary MX is cut off; mail is moved to the other one, and back.

Exim and Postfix send, each by its own rules. No mail is under way at the moment of the cut: a sender repeats a message
without an acknowledgement (RFC 1047), and the drill would count that as our duplicate.
"""

from __future__ import annotations

import json
import time

from failover.lab import relays
from failover.lab.lab import Lab
from failover.lab.ledger import Books
from failover.lab.places import DOMAIN
from failover.lab.playing import PATIENCE_S, Playing, unexpected

CUT = "mx-unreachable"
STEADY = dict.fromkeys(relays.RELAYS, 2.0)  # messages a second
ENOUGH = 6
MOVED_WITHIN_S = 10.0
SERVERS = ("ns1", "ns2")


def play(drill: Playing) -> None:
    """Raises FailoverError when a scene cannot go on."""
    drill.before, shown = drill.configuration(), records(drill.lab)
    flows(drill)
    is_cut_off(drill)
    is_named(drill)
    moved = is_moved(drill)
    primary_is_back(drill, moved)
    is_put_back(drill, shown)


def settles(drill: Playing) -> None:
    try:
        drill.story.until(relays.empty(drill.lab), "the queues of Exim and Postfix become empty", within=PATIENCE_S)
        drill.settles()
    finally:
        relays.stop(drill.lab)


def records(lab: Lab) -> tuple[str, ...]:
    """The MX records as each name server shows them, asked directly."""
    servers = [f"@{lab.address(name)}" for name in SERVERS]
    asked = [["dig", "+short", "+time=2", "+tries=1", server, DOMAIN, "MX"] for server in servers]
    return tuple(" ".join(sorted(lab.run("ns1", argv, timeout=5).stdout.splitlines())) for argv in asked)


def flows(drill: Playing) -> None:
    relays.start(drill.lab)
    drill.send("before", STEADY)
    drill.story.say("Exim and Postfix send mail, 2 letters a second each, and look up MX for themselves", mark="mail")
    arrives_at(drill, "mx1", since=0.0)
    drill.story.say("both prefer mx1")


def is_cut_off(drill: Playing) -> None:
    drill.senders.pop("before").stop()
    drill.story.until(relays.empty(drill.lab), "no mail is under way", within=PATIENCE_S)
    drill.lab.incident(CUT)
    drill.hung = time.time()
    drill.send("during", STEADY)
    drill.story.say("mx1 is cut off; each letter is tried there first, in vain, and then at mx2", mark="cut")


def is_named(drill: Playing) -> None:
    code, said = drill.story.failover(drill.lab, "check", limit=60)
    if code != 2 or "mx1 is failing: unreachable" not in said:
        raise unexpected("`failover check` does not name the MX that is cut off")
    drill.named = time.time()
    drill.story.say(f"named, {drill.named - (drill.hung or 0):.1f} s after the cut", mark="named")


def is_moved(drill: Playing) -> float:
    """By the recommendation of `run`. Returns the Unix time from which every new letter belongs to mx2."""
    drill.begun = time.time()
    drill.story.marks["run"] = drill.story.elapsed
    _, said = drill.expect({0}, "run", "--yes", "--reason", "drill", limit=180)
    drill.run, moved = drill.newest_run(), time.time()
    if "mx-down" not in said:
        raise unexpected("`failover run` did not move the mail by mx-down")
    if any("9 mx2.lab.test." not in shown for shown in records(drill.lab)):
        drill.failures.append(f"the name servers show {' and '.join(records(drill.lab))} after the run")
    took = _took_s(drill)
    if took > MOVED_WITHIN_S * drill.story.slack:
        drill.failures.append(f"from the decision until both name servers showed it: {took:.1f} s")
    drill.story.say(f"{took:.1f} s after the decision both name servers show mx2 first")
    return moved


def _took_s(drill: Playing) -> float:
    """Seconds from the intent until it was verified, by the run's journal."""
    _, said = drill.story.failover(drill.lab, "runs", "show", str(drill.run), "--json", limit=30, quiet=True)
    at = {e["kind"]: e["at"] for e in json.loads(said)["timeline"] if e["step"] == "prefer"}
    return (_time(at["verified"]) - _time(at["intent"])) if {"intent", "verified"} <= at.keys() else float("inf")


def _time(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def primary_is_back(drill: Playing, moved: float) -> None:
    """It greets again, and still gets no mail: the records decide."""
    drill.lab.heal(CUT)
    drill.story.until(lambda: _greets(drill), "mx1 greets again", within=PATIENCE_S)
    drill.story.say("mx1 is back, and still second", mark="heal")
    arrives_at(drill, "mx2", since=time.time())
    if strays := drawn(drill.books(), "mx1", since=moved):
        drill.failures.append(f"{len(strays)} taken on after the move went to mx1: {', '.join(sorted(strays)[:5])}")
    drill.story.say("every letter that Exim and Postfix took on since the move went to mx2")


def is_put_back(drill: Playing, shown: tuple[str, ...]) -> None:
    """Refused until mx1 is seen to be well, which on a busy machine may take a second look."""
    for tries_left in reversed(range(5)):
        if drill.expect({0, 6} if tries_left else {0}, "rollback", "--yes", limit=60)[0] == 0:
            break
        drill.story.until(drill.filter_answers, "the spam filter of mx1 answers", within=PATIENCE_S)
    back = time.time()
    drill.story.until(lambda: records(drill.lab) == shown, "both name servers show the MX of before", within=PATIENCE_S)
    drill.restored = drill.configuration() == drill.before
    drill.story.say("the records read as before, at both name servers", mark="undone")
    arrives_at(drill, "mx1", since=back)
    drill.story.say("new mail of both goes to mx1 again")


def arrives_at(drill: Playing, mx: str, *, since: float) -> None:
    """Wait for some letters of each relay at this MX, accepted after a Unix time."""

    def enough() -> bool:
        books = drill.books()
        return all(len(drawn(books, mx, since=since, relay=relay)) >= ENOUGH for relay in relays.RELAYS)

    drill.story.until(enough, f"mail of Exim and of Postfix arrives at {mx}", within=PATIENCE_S)


def drawn(books: Books, mx: str, *, since: float, relay: str | None = None) -> frozenset[str]:
    """Letters that a relay (None: any) accepted after a Unix time and that were delivered at this MX."""
    taken = {s.seq for name in ([relay] if relay else relays.RELAYS) for s in books.sent(name) if s.at > since}
    return frozenset(d.received.seq for d in books.deliveries if d.host == mx and d.received.seq in taken)


def _greets(drill: Playing) -> bool:
    _, said = drill.story.failover(drill.lab, "check", "--host", "mx1", "--json", limit=60, quiet=True)
    signals = json.loads(said)["hosts"]["mx1"]["signals"]
    return all(signals.get(name, {}).get("outcome") == "ok" for name in ("smtp.banner", "handler.banner"))
