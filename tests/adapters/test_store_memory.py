"""What the controller remembers: one contract, over both databases and the simulated world's store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection

import pytest

from failover.adapters.store import SqlStore
from failover.core.alerting.alert import Message, Told
from failover.core.alerting.flapping import Spell
from failover.core.decide.past import Cycle
from failover.core.observe.condition import Predicate
from failover.core.observe.signal import Outcome, Signal
from failover.core.runs.plan import Certainty, Plan, Step, StepKind
from failover.errors import Unreachable
from failover.ports import Proposal, Store
from failover.world.faults import Killed, Moments
from failover.world.store import MemoryStore
from tests.adapters.stores import hear, process

NOW = datetime(2026, 11, 24, 3, 12, 5, 123456, tzinfo=UTC)
SECOND, HOUR, DAY = (timedelta(seconds=s) for s in (1, 3600, 86400))
PAGE = Message("mx1/spam-filter-hung", "critical", "mx1: spam filter hung", "412 messages wait")
OVER = replace(PAGE, severity="info", title="resolved: mx1", resolves=True)
SPELLS = (Spell(NOW - HOUR, NOW - HOUR / 2, over=True), Spell(NOW - SECOND, NOW))
TOLD = Told(PAGE.key, NOW - SECOND, NOW, ("seen", "asked"), "critical", PAGE.title, SPELLS, NOW)


def seen(at: datetime, **fields: object) -> Signal:
    sample = Signal("mx1", "queue.frozen", "mx1", Outcome.FAIL, "412 wait", at, 412, "messages", 190.5)
    return replace(sample, **fields)  # type: ignore[arg-type]  # fields of any type, checked by equality


def waiting(store: Store) -> list[tuple[str, Message]]:
    return [(u.channel, u.message) for u in store.unsent()]


# Looks ----------------------------------------------------------------------


def test_looks_come_back_whole_and_oldest_first(any_store: Store) -> None:
    late = (seen(NOW, host="mx2"), seen(NOW + 4 * SECOND, value="späm\udcff\0", unit="", age=None))
    early = (seen(NOW - 9 * SECOND), seen(NOW - SECOND, outcome=Outcome.UNKNOWN, value=None))
    beside = (seen(NOW + SECOND, vantage="controller"), seen(NOW + 2 * SECOND))  # another controller's, meanwhile
    for look in (late, (), early, beside):
        any_store.remember(look)
    assert any_store.samples(NOW - SECOND) == (*early, late[0], *beside, late[1])
    assert any_store.samples(NOW) == (late[0], *beside, late[1])
    assert any_store.samples(NOW + 4 * SECOND) == late
    assert any_store.samples(NOW + 5 * SECOND) == ()


def remember_at_once(pipe: Connection, url: str, host: str, rounds: int) -> None:
    store = SqlStore.open_url(url)
    pipe.send("ready")
    pipe.recv()
    for i in range(rounds):
        store.remember((seen(NOW + i * SECOND, host=host),))
    pipe.send("done")


def test_two_that_look_at_the_same_instants_lose_nothing(url: str, store: SqlStore) -> None:
    rounds = 50
    with (
        process(remember_at_once, url, "mx1", rounds) as (_, a),
        process(remember_at_once, url, "mx2", rounds) as (_, b),
    ):
        assert [hear(a), hear(b)] == ["ready", "ready"]
        a.send("go")
        b.send("go")
        assert [hear(a), hear(b)] == ["done", "done"]
    found = sorted((s.at, s.host) for s in store.samples(NOW))
    assert found == [(NOW + i * SECOND, host) for i in range(rounds) for host in ("mx1", "mx2")]


def test_thin_forgets_looks_and_says_how_many(any_store: Store) -> None:
    slot = NOW.replace(minute=0, second=0, microsecond=0) - 3 * HOUR
    first, second, recent = (seen(slot), seen(slot, host="mx2")), (seen(slot + SECOND),), (seen(NOW),)
    for look in (first[:1], first[1:], second, second, recent, (seen(NOW + 2 * HOUR),)):
        any_store.remember(look)
    assert any_store.thin(NOW) == 3, "the second of the slot, twice, and the one from the future"
    assert any_store.samples(slot) == (*first, *recent)
    assert any_store.thin(NOW) == 0
    assert any_store.thin(NOW + 9 * DAY) == 2
    assert any_store.samples(slot) == recent


# Incidents and messages -----------------------------------------------------


def test_incidents_are_known_until_they_are_gone(any_store: Store) -> None:
    other = Told("mx2/disk-full", NOW, NOW + SECOND)
    any_store.tell([other, TOLD], [], [], at=NOW)
    assert any_store.told() == (TOLD, other)
    later = replace(TOLD, seen=NOW + 5 * SECOND, said=(*TOLD.said, "cured"), spells=(), spoken=None)
    any_store.tell([later], [other.key, "mx3/never-seen"], [], at=NOW)
    assert any_store.told() == (later,)
    anew = replace(TOLD, first=NOW + HOUR, said=())
    any_store.tell([anew], [TOLD.key], [], at=NOW)
    assert any_store.told() == (anew,), "over and begun again between two looks"


def test_messages_wait_in_line_until_they_are_sent_or_given_up(any_store: Store) -> None:
    any_store.tell([], [], [("pager", PAGE), ("mail", PAGE), ("pager", OVER)], at=NOW)
    first, second, third = any_store.unsent()
    assert first.number < second.number < third.number
    assert (first.channel, first.message, first.since, first.due, first.tries) == ("pager", PAGE, NOW, NOW, 0)
    any_store.put_off(first.number, due=NOW + 30 * SECOND, why="connection refused")
    any_store.put_off(first.number, due=NOW + 60 * SECOND, why="timed out")
    put_off = replace(first, due=NOW + 60 * SECOND, tries=2, why="timed out")
    assert any_store.unsent() == (put_off, second, third)
    any_store.sent(second.number)
    any_store.drop(third.number)
    any_store.sent(second.number)
    any_store.put_off(third.number, due=NOW, why="gone already")
    assert any_store.unsent() == (put_off,)


def test_a_newer_message_takes_the_place_of_the_one_that_waits(any_store: Store) -> None:
    newer, other = replace(PAGE, text="900 messages wait"), replace(PAGE, key="mx2/disk-full")
    any_store.tell([], [], [("pager", PAGE), ("mail", PAGE), ("pager", other)], at=NOW)
    any_store.put_off(any_store.unsent()[0].number, due=NOW + HOUR, why="refused")
    any_store.tell([], [], [("pager", newer)], at=NOW + SECOND)
    assert waiting(any_store) == [("mail", PAGE), ("pager", other), ("pager", newer)]
    last = any_store.unsent()[-1]
    assert (last.since, last.due, last.tries, last.why) == (NOW + SECOND, NOW + SECOND, 0, "")


def test_what_is_said_last_is_sent_last_and_nothing_said_is_dropped(any_store: Store) -> None:
    again = replace(PAGE, text="again")
    any_store.tell([], [], [("pager", PAGE), ("pager", OVER)], at=NOW)
    assert waiting(any_store) == [("pager", PAGE), ("pager", OVER)], "never told that it began: both are news"
    any_store.tell([], [], [("pager", again)], at=NOW)
    assert waiting(any_store) == [("pager", OVER), ("pager", again)], "an open incident does not end as resolved"


def test_sent_of_a_message_that_was_replaced_meanwhile_leaves_the_newer_one(any_store: Store) -> None:
    any_store.tell([], [], [("pager", PAGE)], at=NOW)
    (being_sent,) = any_store.unsent()
    newer = replace(PAGE, text="900 messages wait")
    any_store.tell([], [], [("pager", newer)], at=NOW)
    any_store.sent(being_sent.number)
    assert waiting(any_store) == [("pager", newer)]


def test_telling_is_all_or_nothing(store: SqlStore) -> None:
    store.tell([TOLD], [], [("pager", PAGE)], at=NOW)
    before = store.told(), store.unsent()
    broken = replace(PAGE, text=None)  # type: ignore[arg-type]  # a row that the database does not take
    with pytest.raises(Unreachable, match="nothing was recorded"):
        store.tell([Told("mx2/disk-full", NOW, NOW)], [TOLD.key], [("pager", OVER), ("pager", broken)], at=NOW)
    assert (store.told(), store.unsent()) == before


@pytest.mark.parametrize("moment", [1, 2])
def test_a_controller_that_dies_telling_has_told_all_or_nothing(moment: int) -> None:
    moments = Moments()
    store = MemoryStore(moments=moments)
    moments.kill_at = moment
    with pytest.raises(Killed):
        store.tell([TOLD], [], [("pager", PAGE)], at=NOW)
    reborn = store.reborn(Moments())
    assert (reborn.told() == (TOLD,), waiting(reborn) == [("pager", PAGE)]) == (moment == 2, moment == 2)


def test_words_no_database_takes_are_kept_readable(store: SqlStore) -> None:
    store.tell([replace(TOLD, title="a\udcff\0b")], [], [("pager", replace(PAGE, text="späm\udcff\0"))], at=NOW)
    assert (store.told()[0].title, store.unsent()[0].message.text) == ("a\\udcffb", "späm\\udcff")


# Proposals and cycles -------------------------------------------------------


def test_proposals_newest_first_one_a_key_and_for_a_week_after_their_end(any_store: Store) -> None:
    step = Step(
        "bypass", "spam.bypass", StepKind.STATE, Certainty.EXACT, "take it out", guards=(Predicate("a", "mx1"),)
    )
    old = Proposal("a", Plan("spam-filter-hung", "", (step,)), "mx1", NOW, NOW + HOUR)
    new = Proposal("b", Plan("both-waves", "", ()), None, NOW + SECOND, NOW + 2 * HOUR)
    for one in (replace(old, host="mx2"), new, old):
        any_store.propose(one)
    assert any_store.proposals() == (new, old)
    assert (any_store.proposal("a"), any_store.proposal("c")) == (old, None)
    any_store.thin(old.until + 7 * DAY)
    assert any_store.proposals() == (new, old)
    any_store.thin(old.until + 7 * DAY + SECOND)
    assert any_store.proposals() == (new,)


def test_the_last_cycle_is_known(any_store: Store) -> None:
    assert any_store.cycle() is None
    full = Cycle(NOW, "watch", "run", ("späm\udcff", "2 of 3"), "spam-filter-hung", "mx1", True, {"mx1": "failed"})
    any_store.ended(full)
    assert any_store.cycle() == full
    any_store.ended(Cycle(NOW + SECOND, "tick", "hold", ()))
    assert any_store.cycle() == Cycle(NOW + SECOND, "tick", "hold", ())
