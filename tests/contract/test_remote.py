"""What `failover-host` promises, asked of the simulated one and of the real one on a lab: what they answer alike."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from failover.lab import Lab
from failover.ports import Rc, Reply
from failover.world.machine import Machine
from failover.world.postfix import MAIN
from failover.world.world import World
from tests.labs import lab_or_skip
from tests.scenarios.host import MailHost

NONE: Mapping[str, str] = {}
FILTER = "spamassassin"


class Far(Protocol):
    """One mail host as a controller calls it, whose filter is stamped by smtpd and is a pipe."""

    run: str
    epoch: int

    def call(self, verb: str, args: Mapping[str, str] = NONE) -> Reply: ...
    def act(self, verb: str, step: str, args: Mapping[str, str] = NONE, *, attempt: int | None = None) -> Reply: ...
    def plan(self, lever: str) -> dict[str, str]: ...
    def config(self) -> str: ...
    def set_main(self, key: str, value: str) -> None:
        """By hand, as somebody there would; empty: not set any more."""


@dataclass
class Simulated:
    world: World = field(default_factory=lambda: World(1))
    run: str = "r1"
    epoch: int = 100
    _count: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def machine(self) -> Machine:
        return self.world.machines["mx1"]

    def call(self, verb: str, args: Mapping[str, str] = NONE) -> Reply:
        return self.world.remote.call(self.world.fleet.hosts["mx1"], verb, args, limit_s=30)

    def act(self, verb: str, step: str, args: Mapping[str, str] = NONE, *, attempt: int | None = None) -> Reply:
        own = {"run": self.run, "step": step, "attempt": str(attempt or next(self._count)), "epoch": str(self.epoch)}
        return self.call(verb, {**own, **args})

    def plan(self, lever: str) -> dict[str, str]:
        return expecting(self.call("filter-read"), lever)

    def config(self) -> str:
        return repr(self.machine.snapshot())

    def set_main(self, key: str, value: str) -> None:
        self.machine.files[MAIN].pop(key, None)
        if value:
            self.machine.files[MAIN][key] = value


@dataclass
class Real(MailHost):
    def set_main(self, key: str, value: str) -> None:
        self.sh(f"postconf -e '{key}={value}'" if value else f"postconf -X {key}")


def expecting(wiring: Reply, lever: str) -> dict[str, str]:
    rows = [row[1:] for row in wiring.all("setting") if row[0] == lever]
    said = "".join(f"{file}\t{key}\t{before}\n" for file, key, before, _ in rows)
    digest = hashlib.sha256(said.encode()).hexdigest()
    return {"filter": wiring.all("filter")[0][0], "lever": lever, "expect": digest}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    ours = lab_or_skip("contract-suite")
    yield ours
    ours.down()


@pytest.fixture(params=["simulated", pytest.param("real", marks=pytest.mark.lab)])
def far(request: pytest.FixtureRequest) -> Far:
    if request.param == "simulated":
        return Simulated()
    lab: Lab = request.getfixturevalue("lab")
    lab.rewire("mx1", "smtpd-pipe")
    return Real(lab)


def test_a_requeue_needs_no_deferred_transport(far: Far) -> None:
    """What is frozen is put on hold first, so nothing is delivered meanwhile, deferred or not."""
    reply = far.act("requeue", "requeue", {"filter": FILTER})
    assert reply.rc == Rc.OK
    assert reply.rows == (("requeued", "0"), ("left", "0"), ("passes", "2"), ("held", "0"), ("sessions", "0"))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("content_filter", FILTER, f"{FILTER} again at pickup"),
        ("always_bcc", "archive@lab.test", "always_bcc would"),
        ("virtual_alias_maps", "inline:{ {info@lab.test=info@lab.test,archive@lab.test} }", "virtual_alias_maps would"),
    ],
)
def test_a_requeue_that_would_meet_the_filter_or_add_a_recipient_is_refused(
    far: Far, key: str, value: str, said: str
) -> None:
    far.set_main(key, value)
    try:
        reply = far.act("requeue", "requeue", {"filter": FILTER})
    finally:
        far.set_main(key, "")
    assert (reply.rc, said in reply.because) == (Rc.REFUSED, True), reply.because


def test_a_hold_of_what_does_not_wait_is_refused_and_reads_as_before(far: Far) -> None:
    reply = far.act("hold", "hold", {"what": "sender=nobody@example.org"})
    assert (reply.rc, reply.because) == (Rc.REFUSED, "nothing waits of sender=nobody@example.org")
    read = far.call("settings", {"s1": "hold:sender=nobody@example.org"})
    assert read.all("setting") == (("hold", "sender=nobody@example.org", "-"),)
    assert far.act("restore", "undo", {"of_run": far.run, "of_step": "hold"}).rc == Rc.REFUSED, "nothing was saved"


@pytest.mark.parametrize("lever", ["pass", "clear"])
def test_a_bypass_goes_in_once_and_back_as_it_was(far: Far, lever: str) -> None:
    before, plan = far.config(), far.plan(lever)
    done = far.act("bypass", "bypass", plan, attempt=1)
    again = far.act("bypass", "bypass", plan, attempt=1)
    assert (done.rc, again.rc, again.rows, far.config() != before) == (Rc.OK, Rc.OK, done.rows, True)
    assert {"setting", "digest", "ended", "left"} <= {row[0] for row in done.rows}
    other = far.act("bypass", "bypass", plan, attempt=2)
    assert other.rc == {"pass": Rc.CHANGED, "clear": Rc.REFUSED}[lever], "nothing is done twice"
    back = far.act("restore", "undo", {"of_run": far.run, "of_step": "bypass"})
    assert (back.rc, far.config()) == (Rc.OK, before)


def test_what_was_put_back_is_none_of_ours_when_somebody_sets_it_so(far: Far) -> None:
    """An edit of theirs was told as ours, and `host restore` took it away."""
    assert far.act("bypass", "bypass", far.plan("clear")).rc == Rc.OK
    undo = {"of_run": far.run, "of_step": "bypass"}
    assert far.act("restore", "undo", undo).rc == Rc.OK
    far.set_main("defer_transports", FILTER)
    theirs = far.config()
    told = far.call("debts", undo)
    assert [row for row in told.all("debt") if row[0] == "force"] == []
    assert (told.rc, bool(told.one("undone")), told.all("change")) == (Rc.OK, True, ())
    again = far.act("restore", "undo", undo)
    assert (again.rc, far.config()) == (Rc.CHANGED, theirs)
    far.set_main("defer_transports", "")
    assert far.act("restore", "undo", undo).rc == Rc.OK


def test_a_bypass_that_expects_something_else_changes_nothing(far: Far) -> None:
    before = far.config()
    reply = far.act("bypass", "bypass", {**far.plan("pass"), "expect": "0" * 64})
    assert (reply.rc, far.config()) == (Rc.CHANGED, before)


def test_nothing_saved_is_nothing_to_put_back(far: Far) -> None:
    assert far.act("restore", "undo", {"of_run": far.run, "of_step": "never"}).rc == Rc.REFUSED


def test_an_older_epoch_is_stale_and_moves_only_from_where_it_is(far: Far) -> None:
    assert far.act("flush", "flush", {"epoch": str(far.epoch + 1)}).rc == Rc.OK
    assert far.act("flush", "flush").rc == Rc.STALE
    assert far.call("hello").one("epoch") == (str(far.epoch + 1),)
    assert far.call("epoch-set", {"from": str(far.epoch), "to": "1"}).rc == Rc.CHANGED
    assert far.call("epoch-set", {"from": str(far.epoch + 1), "to": str(far.epoch)}).rc == Rc.OK
    assert far.act("flush", "flush").rc == Rc.OK


def test_what_settle_has_shut_out_stays_out(far: Far) -> None:
    assert far.act("settle", "flush", attempt=7).one("result") == ("absent", "0")
    assert far.act("flush", "flush", attempt=7).rc == Rc.STALE
    assert far.act("flush", "flush", attempt=8).rc == Rc.OK
    settled = far.act("settle", "flush", attempt=8)
    assert (settled.one("result"), settled.one("was")) == (("done", "0"), ("flushed", "0"))


def test_a_look_counts_what_waits_and_since_when(far: Far) -> None:
    seen = far.call("look", {"patience": "5", "filters": "yes", "top": "no", "waited": "10"})
    assert {q for q, _ in seen.all("queue")} == {"incoming", "active", "deferred", "hold", "maildrop"}
    assert seen.one("frozen") == (FILTER, "0", "0", "0", "0")
    assert sorted(seen.all("waited")) == [(which, "0", "0", "0") for which in ("deferred", "frozen", "pending")]
    assert not far.call("look", {"patience": "5", "filters": "yes", "top": "no"}).all("waited")


def test_the_queue_for_people_counts_each_queue_and_says_that_it_was_read_whole(far: Far) -> None:
    seen = far.call("queue")
    counts = dict(row for row in seen.all("queue") if len(row) == 2)
    assert counts == dict.fromkeys(("incoming", "active", "deferred", "hold", "maildrop", "corrupt"), "0")
    assert (seen.rc, seen.one("listed"), seen.all("old"), seen.all("message")) == (Rc.OK, ("0", "0", "yes"), (), ())
    assert seen.one("frozen") == (FILTER, "0", "0", "0", "0")
    assert far.call("queue", {"what": "sender=ann@example.net"}).one("listed") == ("0", "0", "yes")
    assert far.call("queue", {"what": "nexthop=far.test"}).rc == Rc.USAGE


@pytest.mark.parametrize(
    ("verb", "args"), [("fly", {}), ("flush", {}), ("requeue", {"filter": "a b"}), ("look", {"whatever": "1"})]
)
def test_what_is_not_understood_is_wrong_usage(far: Far, verb: str, args: dict[str, str]) -> None:
    assert far.call(verb, args).rc == Rc.USAGE
