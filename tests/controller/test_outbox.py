"""The outbox: nothing is lost while its channel is down, nothing overtakes, and one dead channel delays no other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failover.controller import outbox
from failover.controller.outbox import Flushed
from failover.core.alerting.alert import Announcement, Message, Told
from failover.core.fleet import Channel, Fleet
from failover.errors import ConfigError, FailoverError, OutcomeUnknown, StepFailed, Unreachable
from failover.world.faults import Killed, Moments
from failover.world.store import MemoryStore
from tests.examples import examples
from tests.fakes import Clock

HOOK, NTFY = Channel("webhook", "env:HOOK"), Channel("ntfy", "https://ntfy.sh/t")
FLEET = Fleet({}, notify=(HOOK, NTFY))
START = datetime(2020, 8, 11, 9, 0, tzinfo=UTC)
PAGE = Message("mx1/hung", "critical", "mx1: spam filter hung", "412 messages wait")
OVER = Message("mx1/hung", "info", "resolved: mx1: spam filter hung", "", resolves=True)
OTHER = Message("mx2/slow", "warning", "mx2: slow", "")


def nothing(channel: Channel, message: Message) -> None: ...


@dataclass
class Post(Clock):
    """The whole edge: a store, channels that do as told, and a clock. `heard` is what arrived, by kind of channel."""

    at: datetime = START
    does: Callable[[Channel, Message], None] = nothing
    store: MemoryStore = field(default_factory=MemoryStore)
    tried: list[tuple[str, Message]] = field(default_factory=list)
    heard: list[tuple[str, Message]] = field(default_factory=list)

    def send(self, channel: Channel, message: Message) -> None:
        self.tried.append((channel.kind, message))
        self.does(channel, message)
        self.heard.append((channel.kind, message))

    def tell(self, *messages: Message, fleet: Fleet = FLEET) -> None:
        outbox.tell(self.store, fleet, Announcement((), (), messages), self.at)

    def flush(self, *, fleet: Fleet = FLEET, after_s: float = 0.0, budget_s: float = 20.0) -> Flushed:
        self.at += timedelta(seconds=after_s)
        return outbox.flush(self.store, self, fleet, self, budget_s=budget_s)

    def heard_by(self, kind: str) -> list[Message]:
        return [m for k, m in self.heard if k == kind]


def failing(error: FailoverError, *kinds: str, only: Message | None = None) -> Callable[[Channel, Message], None]:
    def does(channel: Channel, message: Message) -> None:
        if channel.kind in kinds and only in (None, message):
            raise error

    return does


DEAD = Unreachable("hooks.example.net was not told: no route", try_="")


def test_all_is_written_down_at_once_and_every_channel_says_it_in_order() -> None:
    post, row = Post(), Told("mx1/hung", START, START, ("seen",))
    outbox.tell(post.store, FLEET, Announcement((row,), ("mx2/slow",), (PAGE, OTHER)), START)
    assert post.store.told() == (row,)
    assert post.flush() == Flushed(sent=4)
    assert post.heard_by("webhook") == post.heard_by("ntfy") == [PAGE, OTHER]
    assert post.flush() == Flushed()


def test_without_channels_it_goes_to_standard_error() -> None:
    post = Post()
    post.tell(PAGE, fleet=Fleet({}))
    assert post.flush(fleet=Fleet({})) == Flushed(sent=1)
    assert post.heard == [("stderr", PAGE)]


def test_a_channel_that_cannot_be_reached_is_tried_once_and_its_messages_wait() -> None:
    post = Post(does=failing(DEAD, "webhook"))
    post.tell(PAGE, OTHER)
    said = post.flush()
    assert said == Flushed(2, 2, 0, (f"{HOOK.id}: hooks.example.net was not told: no route; again in 30 s",))
    assert [m for k, m in post.tried if k == "webhook"] == [PAGE]
    assert [u.why for u in post.store.unsent()] == [str(DEAD), ""]
    post.does = nothing
    assert post.flush(after_s=29) == Flushed(sent=1, kept=1)  # the one that was not tried is due
    assert post.flush(after_s=1) == Flushed(sent=1)


@pytest.mark.parametrize(
    "error",
    [
        DEAD,
        OutcomeUnknown("hooks.example.net may have been told", try_=""),
        StepFailed("hooks.example.net answered 404", try_=""),
        ConfigError("env:HOOK is empty or not set", try_=""),
    ],
)
def test_whatever_the_failure_the_message_is_kept_with_why_and_the_other_channel_is_told(error: FailoverError) -> None:
    post = Post(does=failing(error, "webhook"))
    post.tell(PAGE)
    assert post.flush() == Flushed(1, 1, 0, (f"{HOOK.id}: {error}; again in 30 s",))
    assert [(u.channel, u.tries, u.why) for u in post.store.unsent()] == [(HOOK.id, 1, str(error))]
    assert post.heard_by("ntfy") == [PAGE]


@pytest.mark.faults
def test_a_bug_in_one_adapter_is_a_failure_like_any_other() -> None:
    def does(channel: Channel, message: Message) -> None:
        if channel is HOOK:
            raise KeyError("s3cret")

    post = Post(does=does)
    post.tell(PAGE)
    (why,) = post.flush().why
    assert why.startswith(
        f"{HOOK.id}: {HOOK.kind}: a fault of failover's own, not of {HOOK.kind}; please report it: Key"
    )
    assert "s3cret" not in why


def test_the_waits_double_up_to_a_quarter_of_an_hour_and_after_a_day_it_is_given_up_and_said() -> None:
    post = Post(does=failing(DEAD, "webhook"))
    post.tell(PAGE, fleet=Fleet({}, notify=(HOOK,)))
    waits = []
    while post.store.unsent():
        said = post.flush()
        if post.store.unsent():
            waits.append((post.store.unsent()[0].due - post.at).total_seconds())
            post.flush(after_s=waits[-1] - 1)
            assert len(post.tried) == len(waits), "tried before its time"
            post.at += timedelta(seconds=1)
    assert waits[:6] == [30, 60, 120, 240, 480, 900]
    assert {*waits[5:]} == {900}
    assert timedelta(hours=24) <= post.at - START < timedelta(hours=24, minutes=15)
    (why,) = said.why
    assert said.dropped == 1
    assert why.startswith(f"{HOOK.id}: given up after 1 d and {len(post.tried)} tries: {PAGE.title} (")


def test_what_is_older_than_a_day_is_still_tried_once() -> None:
    post = Post()
    post.tell(PAGE)
    assert post.flush(after_s=3 * 86400) == Flushed(sent=2)


def test_a_refused_message_holds_up_its_own_incident_only() -> None:
    post = Post(does=failing(StepFailed("answered 400", try_=""), "webhook", only=PAGE))
    post.tell(PAGE, OVER, OTHER)
    post.flush()
    assert post.heard_by("webhook") == [OTHER]
    assert post.heard_by("ntfy") == [PAGE, OVER, OTHER]


def test_the_end_waits_for_its_page_even_when_the_page_is_not_due() -> None:
    post = Post(does=failing(DEAD, "webhook"))
    post.tell(PAGE)
    post.flush()
    post.does = nothing
    post.tell(OVER)
    assert post.flush(after_s=10) == Flushed(sent=1, kept=2)
    assert post.heard_by("webhook") == []
    assert post.flush(after_s=20) == Flushed(sent=2)
    assert post.heard_by("webhook") == [PAGE, OVER]


def test_a_channel_that_is_no_more_is_dropped_and_said_once() -> None:
    post = Post()
    post.tell(PAGE, OTHER)
    left = Fleet({}, notify=(NTFY,))
    assert post.flush(fleet=left) == Flushed(2, 0, 2, (f"{HOOK.id}: dropped, since hosts.yaml has no such channel",))
    assert post.store.unsent() == ()


def test_a_clock_that_stepped_back_keeps_nothing_waiting() -> None:
    post = Post(does=failing(DEAD, "webhook"))
    post.tell(PAGE)
    post.flush()
    post.does = nothing
    assert post.flush(after_s=-86400) == Flushed(sent=1)
    post.tell(OVER)
    assert post.flush(after_s=-60) == Flushed(sent=2)


def test_a_hung_channel_delays_no_other_and_the_flush_ends_in_its_budget() -> None:
    let_go, ntfy_heard = threading.Event(), threading.Event()

    def does(channel: Channel, message: Message) -> None:
        if channel is HOOK:
            let_go.wait(20)
        elif message is OTHER:
            ntfy_heard.set()

    post = Post(does=does)
    post.tell(PAGE, OTHER)
    said = post.flush(budget_s=0.4)
    assert ntfy_heard.is_set()
    assert said == Flushed(2, 2, 0, (f"{HOOK.id}: not done within 0.4 s; again in 30 s",))
    (late,) = [t for t in threading.enumerate() if t.name == f"tell {HOOK.id}"]
    let_go.set()
    late.join(10)
    assert [m for k, m in post.tried if k == "webhook"] == [PAGE], "begun after the flush had ended"


def test_no_send_begins_in_the_second_half_of_the_budget() -> None:
    waited = threading.Event()
    post = Post(does=lambda channel, message: cast("None", waited.wait(0.3)))
    post.tell(PAGE, OTHER, fleet=Fleet({}, notify=(HOOK,)))
    assert post.flush(budget_s=0.5) == Flushed(sent=1, kept=1)


def test_killed_at_any_moment_it_is_told_all_the_same_at_least_once_and_in_order() -> None:
    def play(kill_at: int | None) -> tuple[Post, Moments]:
        moments = Moments()
        post = Post(does=failing(DEAD, "ntfy"), store=MemoryStore(moments=moments))
        post.tell(PAGE, OTHER)
        moments.kill_at, moments.seen = kill_at, []
        with suppress(Killed):
            post.tell(OVER)
            post.flush()
        return post, moments

    _, undisturbed = play(None)
    assert len(undisturbed.seen) == 10  # one transaction, three sent, one put off: before and after each
    for kill_at in range(1, len(undisturbed.seen) + 1):
        post, moments = play(kill_at)
        assert moments.dead
        post.does, post.store = nothing, post.store.reborn(Moments())
        known = {u.message for u in post.store.unsent()} | {m for _, m in post.heard}
        post.flush(after_s=901)
        for kind in ("webhook", "ntfy"):
            first_heard = list(dict.fromkeys(post.heard_by(kind)))
            assert {*first_heard} == known
            assert [m for m in first_heard if m != OTHER] == [m for m in (PAGE, OVER) if m in known]
        assert known >= {PAGE, OTHER}


@settings(max_examples=examples(40), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["page", "over", "other", "wait"]), st.integers(0, 3)), max_size=14))
def test_nothing_is_lost_and_no_incident_is_told_out_of_order(history: list[tuple[str, int]]) -> None:
    """What waits is replaced by a newer word of the same kind on the same incident, as the store's port says."""
    errors = [None, DEAD, StepFailed("answered 400", try_=""), OutcomeUnknown("no answer", try_="")]
    post, told, now = Post(), [], 0

    def does(channel: Channel, message: Message) -> None:
        if channel is HOOK and (error := errors[now]) is not None:
            raise error

    post.does = does
    for n, (what, now) in enumerate(history):  # noqa: B007  `now` is what `does` reads
        if what != "wait":
            made = replace({"page": PAGE, "over": OVER, "other": OTHER}[what], text=str(n))
            told.append(made)
            post.tell(made)
        post.flush(after_s=20)
    now = 0
    post.flush(after_s=901)
    assert post.store.unsent() == ()
    for kind in ("webhook", "ntfy"):
        for key in ("mx1/hung", "mx2/slow"):
            heard, all_ = ([m for m in of if m.key == key] for of in (post.heard_by(kind), told))
            assert heard == [m for m in all_ if m in heard], "out of order"
            assert heard[-1:] == all_[-1:], "lost"
            assert kind == "webhook" or heard == all_
