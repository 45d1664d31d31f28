"""A look that opened only a part of a long queue: what it saw is certain, and that it saw none is nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from failover.core.fleet import Host
from failover.core.observe.condition import judge
from failover.core.observe.diagnosis import State, host_state
from failover.core.observe.signal import Outcome, Samples, Signal
from failover.core.runs.leaving import waiting
from failover.core.runs.playbook import Watch
from failover.core.runs.verify import Seen, patience_left, watch
from failover.ports import Reply
from failover.signals import queue
from failover.signals.look import look
from tests.core.cases import condition, table
from tests.fakes import AT, Clock, Smtp
from tests.signals.fakes import Remote, fleet, visit

SOME = Watch("queue.frozen", "mx1", leaves="some", within=60.0)
ALL = Watch("queue.frozen", "mx1", leaves="all", stalls_at_most=120.0)
HOLDS = {True: "yes", False: "no", None: "cannot tell"}


def facts(seen: str, *, oldest: int = 0, waited: int | None = None, pending: int = 0) -> Reply:
    """`seen`: FOUND of EXAMINED of TOTAL; `waited`: so many of those found did when the step began."""
    found, examined, total = seen.split(" of ")
    rows: list[tuple[str, ...]] = [("queue", "incoming", "0"), ("queue", "active", str(pending))]
    rows += [("queue", "deferred", str(int(total) - pending)), ("queue", "hold", "0"), ("queue", "maildrop", "0")]
    rows += [("oldest", "5", examined, total)]
    rows += [("frozen", "spamassassin", found, str(oldest), examined, total)]
    rows += [] if waited is None else [("waited", "frozen", str(waited), examined, total)]
    return Reply("look", 0, tuple(rows))


def signals(answer: Reply, after: float = 0.0) -> Samples:
    return tuple(queue.read(visit(fleet().hosts["mx1"], at=AT + timedelta(seconds=after)), answer))


@pytest.mark.parametrize("case", table("partial.yaml"), ids=lambda c: str(c["case"]))
def test_case(case: dict[str, Any]) -> None:
    seen = signals(facts(case["seen"], oldest=case.get("oldest", 30)))
    judged = judge(condition(f"queue.frozen on mx1 {case['test']}"), seen, now=AT)
    assert HOLDS[judged.holds] == case["holds"]
    assert case.get("because", "") in judged.because[0]


def count(n: int, oldest: int) -> Reply:
    return Reply("frozen", 0, (("frozen", "spamassassin", str(n), str(oldest), "1"),))


def history(*seen: str) -> Samples:
    """A look a second: FOUND of EXAMINED of TOTAL, perhaps `, N` after a count of all; all that waits did from the
    beginning on."""
    looks: list[Signal] = []
    for i, one in enumerate(seen):
        part, _, whole = one.partition(", ")
        answer = facts(part, oldest=600, waited=int(part.split()[0]))
        answer = queue.counted(answer, [count(int(whole), 600)], waited_s=float(i)) if whole else answer
        looks += signals(answer, i)
    return tuple(looks)


@pytest.mark.parametrize(
    ("wanted", "waited", "looks", "seen", "said"),
    [
        pytest.param(
            ALL, 3, ["0 of 5000 of 20003"] * 121, Seen.UNKNOWN,
            "none of the 5000 messages examined, of 20003, waits", id="three letters beyond what is examined",
        ),
        pytest.param(
            ALL, 3, ["0 of 5000 of 20003, 3", "0 of 5000 of 20000, 0", "0 of 5000 of 20000, 0"], Seen.YES,
            "3 of the 3 messages that waited have left", id="three letters, counted whole",
        ),
        pytest.param(
            ALL, 3, ["0 of 5000 of 20003, 1"] * 121, Seen.NO,
            "2 of the 3 messages that waited have left, 1 still waits", id="one of three, counted whole",
        ),
        pytest.param(
            SOME, 20000, ["5000 of 5000 of 20003", "5000 of 5000 of 18000", "5000 of 5000 of 18000"], Seen.YES,
            "at least 2000 of the 20000 messages that waited have left, at most 18000 still wait",
            id="a queue that is their mail gets shorter",
        ),
        pytest.param(
            SOME, 12, ["3 of 5000 of 20000", "2 of 5000 of 12000", "2 of 5000 of 12000"], Seen.NOT_YET,
            "at least 0 of the 12 messages that waited have left", id="a queue of other mail gets shorter",
        ),
        pytest.param(
            SOME, 5000, ["5000 of 5000 of 90000"] * 61, Seen.UNKNOWN, "5000 of the 5000 messages examined, of 90000,",
            id="not seen in a part is no failure",
        ),
        pytest.param(
            ALL, 20000, ["5000 of 5000 of 9000", "4000 of 4000 of 4000", "0 of 0 of 0", "0 of 0 of 0"], Seen.YES,
            "20000 of the 20000 messages that waited have left", id="small enough in the end",
        ),
    ],
)  # fmt: skip
def test_verified_is_what_is_certain(wanted: Watch, waited: int, looks: list[str], seen: Seen, said: str) -> None:
    samples = history(*looks)
    found = watch(wanted, samples, since=AT, now=samples[-1].at, waited={"mx1 queue.frozen": float(waited)})
    assert (found[0], said in found[1]) == (seen, True), found[1]


def test_a_long_queue_that_gets_shorter_renews_the_patience() -> None:
    samples = history(*(f"5000 of 5000 of {90000 - 100 * i}" for i in range(200)))
    assert patience_left(ALL, samples, since=AT, now=samples[-1].at) > 118


def test_recorded_before_a_step_is_what_certainly_waits() -> None:
    assert waiting([ALL], signals(facts("12 of 5000 of 20000"))) == {"mx1 queue.frozen": 12.0}
    assert waiting([ALL], signals(facts("0 of 5000 of 20000"))) == {}


def test_that_a_part_of_a_long_queue_shows_none_makes_no_host_unknown() -> None:
    state, because = host_state("mx1", signals(facts("0 of 5000 of 20003")), 1)
    assert state is State.DEGRADED
    assert all(b.startswith("queue.deferred") for b in because)


def test_of_pending_mail_what_was_not_examined_may_be_older() -> None:
    found = {s.name: s for s in signals(facts("0 of 5000 of 9000", pending=6000))}
    for name, asked in (
        ("queue.pending", "older 20s"),
        ("queue.oldest_age", "below 300"),
        ("queue.oldest_age", "is ok"),
    ):
        assert judge(condition(f"{name} on mx1 {asked}"), tuple(found.values()), now=AT).holds is None
    found = {s.name: s for s in signals(facts("0 of 5000 of 9000", pending=5000))}
    assert judge(condition("queue.oldest_age on mx1 is ok"), tuple(found.values()), now=AT).holds is True


@pytest.mark.parametrize(
    ("n", "oldest", "before"),
    [
        pytest.param(4, 29, 0.0, id="all came since"),
        pytest.param(4, 30, 4.0, id="one may have waited, so all may"),
        pytest.param(0, 0, 0.0, id="none"),
        pytest.param(4, -9, 4.0, id="a clock that was set back tells nothing"),
    ],
)
def test_counted_whole_what_waited_is_told_by_the_oldest(n: int, oldest: int, before: float) -> None:
    answer = queue.counted(facts("0 of 5000 of 20003", waited=0), [count(n, oldest)], waited_s=30.0)
    found = next(s for s in signals(answer) if s.name == "queue.frozen")
    assert (found.value, found.before, found.partial) == (float(n), before, False)


@dataclass
class Counting(Remote):
    """It finds none in the whole queue."""

    counts: int = 0

    def call(self, host: Host, verb: str, args: Mapping[str, str], *, limit_s: float) -> Reply:
        if verb == "frozen":
            assert args["filter"] == "spamassassin"
            self.counts += 1
            return count(0, 0)
        return super().call(host, verb, args, limit_s=limit_s)


@pytest.mark.parametrize(
    ("seen", "waited", "whole", "outcome", "asked"),
    [
        ("0 of 5000 of 20003", None, True, Outcome.OK, True),
        ("0 of 5000 of 20003", 0, True, Outcome.OK, True),
        ("0 of 5000 of 20003", None, False, Outcome.UNKNOWN, False),
        ("5000 of 5000 of 20003", None, True, Outcome.OK, True),
        ("2500 of 5000 of 20003", 2500, True, Outcome.WARN, False),
        ("0 of 3 of 3", None, True, Outcome.OK, False),
    ],
)
def test_counted_whole_is_what_is_asked_for(
    seen: str, waited: int | None, whole: bool, outcome: Outcome, asked: bool
) -> None:
    remote = Counting({"mx1": facts(seen, waited=waited)})
    samples = look(
        fleet(),
        hosts=["mx1"],
        wanted=frozenset({"queue.frozen"}),
        whole=whole,
        remote=remote,
        smtp=Smtp(),
        clock=Clock(),
    )
    assert (bool(remote.counts), samples[-1].outcome) == (asked, outcome)
