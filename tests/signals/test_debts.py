"""A look says what failover owes the host; what it says of that is judged, and never trusted to be in order."""

from __future__ import annotations

import pytest

from failover.core.alerting import debts as weighing
from failover.core.observe.signal import Outcome, Signal
from failover.ports import Reply
from failover.signals import debts
from failover.signals.debts import of
from tests.fakes import AT
from tests.signals.fakes import facts, fleet, visit

HELD = ("debt", "held", "40", "1606200000", "r1", "requeue", "/etc/postfix-in", "left")
FORCE = ("debt", "force", "r2", "bypass", "1606200060", "master.cf", "smtp/inet/content_filter", "/etc/postfix")

UNLOADED = ("debt", "unloaded", "1606200000", "r3", "bypass", "/etc/postfix", "left")


def read(*rows: tuple[str, ...]) -> dict[str, Signal]:
    host = fleet().hosts["mx1"]
    return {s.name: s for s in debts.read(visit(host), Reply("look", 0, rows))}


def test_mail_that_we_hold_fails_and_names_the_command_that_frees_it() -> None:
    """safety 6: nobody was told: `check` healthy, `queue.hold` silent."""
    held = read(HELD, ("debt", "epoch", "5"))["debt.held"]
    assert (held.outcome, held.value) == (Outcome.FAIL, 40.0)
    assert "40 messages are held by failover since 2020-11-24 06:40 UTC, run r1, step requeue" in held.reason
    assert "failover host restore mx1 r1 requeue" in held.reason
    assert [a.key for a in weighing.alerts(["mx1"], (held,))] == ["mx1/held"], "and a person is told"


def test_a_requeue_at_work_is_no_debt() -> None:
    assert read((*HELD[:-1], "busy"))["debt.held"].outcome is Outcome.OK


def test_what_nobody_can_count_is_held_all_the_same() -> None:
    held = read(("debt", "held", "?", *HELD[3:]))["debt.held"]
    assert (held.outcome, "nobody can tell how much" in held.reason) == (Outcome.FAIL, True)


def test_what_somebody_else_may_hold_is_told_as_such() -> None:
    (debt,) = of("mx1", [HELD[1:], (*HELD[1:-1], "unsure")])
    assert (debt.messages, debt.unsure, debt.busy) == (80, 40, False)
    assert "(40 of it perhaps by somebody else since)" in debt.says


def test_a_change_in_force_is_shown_and_fails_where_our_records_do_not_know_it() -> None:
    """safety 14: the state lost while a bypass is in force."""
    force = read(FORCE, (*FORCE[:5], "main.cf", "defer_transports", "/etc/postfix"))["debt.force"]
    assert (force.outcome, force.value) == (Outcome.OK, "r2,bypass")
    assert "master.cf smtp/inet/content_filter, main.cf defer_transports" in force.reason
    assert weighing.weighed((force,), lambda run, step: "" if (run, step) == ("r2", "bypass") else "?") == (force,)
    (unknown,) = weighing.weighed((force,), lambda run, step: "nobody knows it")
    assert (unknown.outcome, "failover host restore mx1 r2 bypass" in unknown.reason) == (Outcome.FAIL, True)
    assert weighing.weighed((force,), lambda run, step: "?", sure=False)[0].outcome is Outcome.WARN
    pages = list(weighing.alerts(["mx1"], (unknown,)))
    assert [(a.key, "failover host restore" in a.text) for a in pages] == [("mx1/unknown-change", True)]


def test_what_postfix_has_not_loaded_fails_and_pages_and_names_the_command_that_loads_it() -> None:
    """safety 14: `host restore` killed before the reload: nothing in force by the files, and mail unscanned."""
    found = read(UNLOADED)["debt.unloaded"]
    assert (found.outcome, found.value) == (Outcome.FAIL, 1.0)
    assert "failover host restore mx1 r3 bypass" in found.reason
    assert [a.key for a in weighing.alerts(["mx1"], (found,))] == ["mx1/unloaded"]
    assert read((*UNLOADED[:-1], "busy"))["debt.unloaded"].outcome is Outcome.OK


def test_a_helper_of_an_earlier_release_says_nothing_and_nothing_is_made_up() -> None:
    assert read() == {}


def test_what_is_not_believed_is_unknown_and_says_why() -> None:
    found = read(("debt", "saved", "0"), ("debt", "unbelieved", "/var/lib/failover-host is not root's alone"))
    assert {s.reason for s in found.values()} == {"/var/lib/failover-host is not root's alone"}


def test_an_epoch_of_the_future_is_told() -> None:
    ahead = read(("debt", "epoch", str(int(AT.timestamp()) + 3600)))["debt.epoch"]
    assert (ahead.outcome, "--reset-epoch" in ahead.reason) == (Outcome.WARN, True)
    assert read(("debt", "epoch", "5"))["debt.epoch"].outcome is Outcome.OK


def test_an_epoch_of_the_future_shuts_out_only_whose_records_have_not_given_it() -> None:
    """It said "refuses our changes", and let our rollback in."""
    seen = int(AT.timestamp()) + 3600
    ahead = read(("debt", "epoch", str(seen)))["debt.epoch"]
    knows = lambda run, step: ""  # noqa: E731
    assert weighing.weighed((ahead,), knows, epoch=seen - 1) == (ahead,)
    (ours,) = weighing.weighed((ahead,), knows, epoch=seen)
    assert (ours.outcome, "ours are higher, so it takes our changes" in ours.reason) == (Outcome.OK, True)
    assert [weighing.is_weighed(s) for s in (ahead, read(("debt", "epoch", "5"))["debt.epoch"])] == [True, False]


@pytest.mark.parametrize(
    "row",
    [
        ("debt", "held"),
        ("debt", "held", "9" * 400, *HELD[3:]),
        ("debt", "held", "x", *HELD[3:]),
        ("debt", "held", "1", "1e999", *HELD[4:]),
        ("debt", "held", "1", "5", "a b; rm", *HELD[5:]),
        ("debt", "force", "r2", "$(id)", *FORCE[4:]),
        ("debt", "force", "r2", "-x", *FORCE[4:]),
        ("debt", "unloaded", "soon", *UNLOADED[3:]),
        UNLOADED[:-1],
    ],
)
def test_what_is_no_debt_is_unknown(row: tuple[str, ...]) -> None:
    found = read(row)
    assert {s.outcome for s in found.values()} == {Outcome.UNKNOWN}
    assert set(found) == {"debt.held", "debt.force", "debt.unloaded"}


def test_rows_without_a_word_are_passed_over() -> None:
    assert {s.outcome for s in read(("debt",), ("debt", "epoch"), ("debt", "later", "x")).values()} == {Outcome.OK}


def test_two_attempts_of_one_step_are_one_debt() -> None:
    (debt,) = of("mx1", [HELD[1:], HELD[1:]])
    assert (debt.messages, debt.discharge) == (80, "failover host restore mx1 r1 requeue")


def test_a_healthy_host_owes_nothing() -> None:
    assert of("mx1", facts().all("debt")) == ()
