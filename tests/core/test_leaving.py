"""Has the mail left that waited? Histories of looks, a row each: what a step's verify makes of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from failover.core.observe.signal import Outcome, Signal
from failover.core.runs.leaving import counted, leaves, lows, waited_s, waiting
from failover.core.runs.playbook import Watch
from failover.core.runs.verify import Seen, patience_left, signals, watch

BEGAN = datetime(2020, 8, 11, 6, tzinfo=UTC)
SOME = Watch("queue.frozen", "mx1", leaves="some", within=60.0)
ALL = Watch("queue.frozen", "mx1", leaves="all", stalls_at_most=120.0)
DRAIN = Watch("queue.pending", "mx1", leaves="all", stalls_at_most=120.0)
UNREAD = -1


def look(
    after: float, waits: int, before: int | None = None, name: str = "queue.frozen", age: float | None = None
) -> Signal:
    outcome = Outcome.UNKNOWN if waits == UNREAD else Outcome.OK
    at = BEGAN + timedelta(seconds=after)
    value = None if waits == UNREAD else float(waits)
    return Signal("mx1", name, "mx1", outcome, "behind", at, value, "messages", age, before)


def judged(
    wanted: Watch, waited: int | None, looks: list[tuple[int, int | None]], every: float = 1.0
) -> tuple[Seen, str]:
    seen = tuple(look(i * every, waits, before) for i, (waits, before) in enumerate(looks))
    now = seen[-1].at
    told = {} if waited is None else {"mx1 queue.frozen": float(waited)}
    return watch(wanted, seen, since=BEGAN, now=now, waited=told)


@pytest.mark.parametrize(
    ("wanted", "waited", "looks", "seen", "said"),
    [
        pytest.param(
            SOME, 0, [(0, 0)], Seen.YES, "no mail waits and none did, so no mail has shown the effect yet",
            id="case: no mail comes, so the setting alone was seen",
        ),
        pytest.param(
            ALL, 21, [(21, 21)] * 121, Seen.NO,
            "0 of the 21 messages that waited have left, 21 still wait, after 2 min",
            id="case: backlog younger than 15 s, nothing delivered",
        ),
        pytest.param(
            SOME, 40, [(40, 40)] * 61, Seen.NO,
            "0 of the 40 messages that waited have left, 40 still wait, after 1 min",
            id="case: '0 fewer than 5 s ago' where nothing moves",
        ),
        pytest.param(
            ALL, 60, [(40, 40), (9, 9), (5, 5), *[(5, 5)] * 122], Seen.NO,
            "55 of the 60 messages that waited have left, 5 still wait, after 2 min 4 s",
            id="case: 5 of 60 still in a script",
        ),
        pytest.param(
            SOME, 60, [(5, 5), (5, 5)], Seen.YES, "55 of the 60 messages that waited have left, 5 still wait",
            id="what left before the first look counts",
        ),
        pytest.param(
            ALL, 60, [(66, 40), (63, 3), (64, 0), (65, 0)], Seen.YES, "60 of the 60 messages that waited have left",
            id="a busy host: what came since may wait",
        ),
        pytest.param(
            SOME, 20, [(25, 20), (40, 19), (60, 18)], Seen.YES,
            "1 of the 20 messages that waited has left, 19 still wait",
            id="more comes than leaves, and some leaves",
        ),
        pytest.param(
            SOME, 20, [(25, 20), (40, 19)], Seen.NOT_YET, "0 of the 20 messages that waited have left, 20 still wait",
            id="one look alone may have missed a message on its way from queue to queue",
        ),
        pytest.param(
            ALL, 1, [(0, 0)], Seen.NOT_YET, "1 of the 1 message that waited has left",
            id="one look alone that finds nothing",
        ),
        pytest.param(
            ALL, 1, [(0, 0), (0, 0)], Seen.YES, "1 of the 1 message that waited has left", id="nothing waits any more"
        ),
        pytest.param(
            SOME, 0, [(1, 0), (2, 0), (3, 0)], Seen.NOT_YET,
            "no mail waited when it began, 3 came since, and none was seen to leave",
            id="what comes later and stays",
        ),
        pytest.param(
            SOME, 0, [(2, 0), (2, 0), (1, 0), (1, 0)], Seen.YES,
            "no mail waited when it began, 1 came since, and mail leaves",
            id="what comes later and leaves",
        ),
        pytest.param(
            ALL, 20, [(20, None), (22, None), (24, None)], Seen.NOT_YET,
            "0 of the 20 messages that waited have left, 20 still wait",
            id="a helper of an earlier release cannot tell: nothing is taken for left",
        ),
        pytest.param(
            SOME, 20, [(15, None), (14, None)], Seen.YES, "5 of the 20 messages that waited have left, 15 still wait",
            id="a helper of an earlier release: fewer in all",
        ),
        pytest.param(
            SOME, None, [(9, 9), (8, 8), (8, 8)], Seen.YES, "1 of the 9 messages that waited has left, 8 still wait",
            id="not read before it began: from the first look on",
        ),
        pytest.param(
            SOME, 9, [(9, 9), *[(UNREAD, None)] * 60], Seen.UNKNOWN,
            "queue.frozen on mx1 could not be read: behind",
            id="not seen is no proof of failure",
        ),
        pytest.param(
            SOME, None, [(9, None), (9, None)], Seen.NOT_YET,
            "0 of the 9 messages that waited have left, 9 still wait",
            id="not read before it began, by a helper that cannot tell: from what waits now on",
        ),
        pytest.param(
            SOME, None, [(9, None), (8, 7), (6, 6), (6, 6)], Seen.YES,
            "1 of the 7 messages that waited has left, 6 still wait",
            id="not read before it began: from the first look that was told of it",
        ),
        pytest.param(
            ALL, 0, [(0, 0), (2, 0), (0, 0)], Seen.NOT_YET,
            "no mail waits and none did, so no mail has shown the effect yet",
            id="what two looks agree on is their worse count",
        ),
    ],
)  # fmt: skip
def test_verified_means_that_mail_left(
    wanted: Watch, waited: int | None, looks: list[tuple[int, int | None]], seen: Seen, said: str
) -> None:
    assert judged(wanted, waited, looks) == (seen, said)


def test_what_still_waits_is_told_with_its_age() -> None:
    looks = (look(0, 5, 5, age=70.0), look(1, 5, 4, age=90.0))
    assert watch(SOME, looks, since=BEGAN, now=looks[-1].at, waited={"mx1 queue.frozen": 5.0})[1] == (
        "0 of the 5 messages that waited have left, 5 still wait, the oldest for 1 min 30 s"
    )


def test_words_where_a_count_belongs_are_no_mail() -> None:
    assert waiting([SOME], (replace(look(0, 0), value="many"),)) == {"mx1 queue.frozen": 0.0}


def test_only_the_signals_of_queues_are_counted_together() -> None:
    assert counted("queue.pending") == counted("queue.deferred") == ("queue.pending", "queue.deferred")
    assert counted("spam.answer") == ("spam.answer",)


def test_each_new_low_is_one_from_the_second_look_on() -> None:
    looks = [look(i, n, n) for i, n in enumerate((9, 5, 5, 5, 3, 3))]
    assert [(at - BEGAN).total_seconds() for at in lows(SOME, looks)] == [2.0, 5.0]


def test_a_queue_is_not_empty_between_two_tries() -> None:
    """Of what two looks agree on, the watched queue's own part is the greater one, too."""
    tries = [(5, 2), (1, 2), (0, 2), (1, 2), (0, 2)]
    seen = [
        s for i, (p, d) in enumerate(tries) for s in (look(i, p, p, "queue.pending"), look(i, d, d, "queue.deferred"))
    ]
    assert leaves(DRAIN, seen, {"mx1 queue.pending": 7.0}) == (
        False,
        "4 of the 7 messages that waited have left, 3 still wait",
    )


def test_without_a_look_nothing_is_seen() -> None:
    assert leaves(SOME, (), {}) == (False, "queue.frozen: no look yet")


def test_from_one_queue_to_another_is_not_left() -> None:
    """safety: 'flushed' proves nothing. The handler is still down: a flush tries all, and all is put off again."""
    told = {"mx1 queue.pending": 21.0}
    history = [(0, 21), (21, 0), (10, 11), (0, 21), *[(0, 21)] * 125]

    def at(i: int, pending: int, deferred: int) -> tuple[Signal, Signal]:
        return look(i, pending, pending, "queue.pending"), look(i, deferred, deferred, "queue.deferred")

    seen = tuple(s for i, (p, d) in enumerate(history) for s in at(i, p, d))
    assert watch(DRAIN, seen, since=BEGAN, now=seen[-1].at, waited=told)[0] is Seen.NO
    gone = (*seen[:4], *at(2, 0, 1), *at(3, 0, 1))
    assert watch(DRAIN, gone, since=BEGAN, now=gone[-1].at, waited=told) == (
        Seen.YES,
        "20 of the 21 messages that waited have left, 1 still waits",
    )


def test_ups_and_downs_are_no_progress() -> None:
    """A busy host's count goes up and down for ever; only a new minimum of what waited renews the patience."""
    looks = tuple(look(i, 50 + i % 2, 5) for i in range(200))
    assert patience_left(ALL, looks, since=BEGAN, now=looks[-1].at) < 0
    old = Watch("queue.frozen", "mx1", age_below=15.0, stalls_at_most=120.0)
    looks = tuple(look(i, 50 + i % 2, age=200 + i % 3) for i in range(200))
    assert patience_left(old, looks, since=BEGAN, now=looks[-1].at) < 0


def test_what_waits_is_recorded_before_the_step_begins() -> None:
    seen = (look(0, 21, None, "queue.pending"), look(0, 4, None, "queue.deferred"), look(0, UNREAD))
    assert signals([DRAIN, ALL]) == {"queue.pending", "queue.deferred", "queue.frozen"}
    assert waiting([DRAIN, ALL], seen) == {"mx1 queue.pending": 25.0}


def test_mail_that_came_at_the_moment_of_the_step_counts_as_before_it() -> None:
    """Arrival times are whole seconds: else its coming would read as mail that left."""
    assert waited_s(BEGAN, BEGAN + timedelta(seconds=30)) == 28.0
    assert waited_s(BEGAN, BEGAN + timedelta(seconds=1)) == 0.0
