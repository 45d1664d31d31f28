"""What Postfix's master warns of is told until it is over, and not made up where the log was not read on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from failover.core.observe.signal import Outcome, Samples, Signal
from failover.ports import Reply
from failover.signals import NAMED
from failover.signals.look import look
from failover.signals.master import KEPT_S, KINDS, carried
from tests.fakes import AT, Clock, Smtp
from tests.signals.fakes import Remote, facts, fleet, position

LOG = ("log 812 9000", "traffic 9 9 1000 9000")
DYING, TAKEN = (kind.name for kind in KINDS)


BEFORE = (position("mx1"),)


def seen(answer: Reply, before: Samples = BEFORE) -> dict[str, Signal]:
    remote, wanted = Remote({"mx1": answer}), frozenset({DYING, TAKEN})
    found = look(fleet(), hosts=["mx1"], wanted=wanted, before=before, remote=remote, smtp=Smtp(), clock=Clock())
    return {s.name: s for s in found if s.name in wanted}


def test_a_daemon_that_keeps_dying_fails_with_its_own_words() -> None:
    found = seen(facts(*LOG, "master counted", "master dying qmgr 2 bad=number", "master dying pickup 1"))
    assert (found[DYING].outcome, found[DYING].value) == (Outcome.FAIL, "qmgr, pickup")
    assert found[DYING].reason == "qmgr, pickup ends as soon as it is started: bad=number"
    assert found[TAKEN].outcome is Outcome.OK


def test_taken_processes_are_a_warning() -> None:
    found = seen(facts(*LOG, "master counted", "master limit smtp 1"))
    assert (found[TAKEN].outcome, found[TAKEN].reason) == (
        Outcome.WARN,
        "all processes of smtp are taken: new clients wait",
    )


@pytest.mark.parametrize("name", KEPT_S)
@pytest.mark.parametrize("over", [False, True])
def test_a_warning_is_kept_as_long_as_master_may_be_silent_about_it(name: str, over: bool) -> None:
    row = {DYING: "master dying qmgr 1", TAKEN: "master limit smtp 1"}[name]
    first = seen(facts(*LOG, "master counted", row))[name]
    ago = KEPT_S[name] / 2 + (1 if over else -1)
    second = replace(first, at=AT - timedelta(seconds=ago), age=ago)
    found = seen(facts(*LOG, "master counted"), (*BEFORE, second))[name]
    assert found.outcome is (Outcome.OK if over else first.outcome)
    assert over or (found.age == 2 * ago and "(warned " in found.reason)


def test_a_look_that_could_not_see_does_not_end_a_warning() -> None:
    first = replace(seen(facts(*LOG, "master counted", "master dying qmgr 1"))[DYING], at=AT - timedelta(seconds=60))
    blind = replace(first, outcome=Outcome.UNKNOWN, age=None, at=AT - timedelta(seconds=30))
    kept = carried((first, blind), AT)
    assert kept == (first,)
    assert seen(facts(*LOG, "master counted"), (*BEFORE, *kept))[DYING].outcome is Outcome.FAIL


def test_without_a_count_nothing_is_known() -> None:
    for answer in (facts("log 812 9000"), facts(*LOG), facts("error log no=file")):
        assert {s.outcome for s in seen(answer).values()} == {Outcome.UNKNOWN}


def test_a_playbook_may_name_both() -> None:
    assert {DYING, TAKEN} <= NAMED.keys()
