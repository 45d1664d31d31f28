"""What each action plans from what a host reports, and what it refuses, with the sentence on-call reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from failover.actions import ACTIONS
from failover.actions.arguments import parsed
from failover.actions.base import Context, Mitigation
from failover.actions.setting import as_planned, expected
from failover.core.fleet import Endpoint, Fleet, Handler, Host, Role
from failover.core.observe.condition import Predicate, predicates
from failover.core.observe.signal import Outcome, Signal
from failover.core.runs.plan import Certainty, Step, StepKind
from failover.core.runs.playbook import Playbook, StepSpec
from failover.errors import Refused
from failover.runs.planner import make_plan
from tests.fakes import AT, Rows, Scripted, ports

OLD = "=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -e /usr/sbin/sendmail -oi"
NEW = "=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/sbin/sendmail -oi"
PIPE: Rows = (
    ("wiring", "content_filter"),
    ("filter", "spamassassin", ""),
    ("lever", "pass", "ok"),
    ("lever", "clear", "ok"),
    ("setting", "pass", "master.cf", "spamassassin/unix", OLD, NEW),
    ("setting", "clear", "master.cf", "smtp/inet/content_filter", "=spamassassin", "="),
    ("setting", "clear", "main.cf", "defer_transports", "-", "=spamassassin"),
)


FLEET = Fleet(
    {
        "mx1": Host("mx1", Role.PRIMARY, "192.0.2.11", handler=Handler(Endpoint("127.0.0.1", 20381))),
        "mx2": Host("mx2", Role.STANDBY, "192.0.2.12"),
    }
)


NEEDED: dict[str, dict[str, str | float]] = {
    "spam.bypass": {"mode": "pass", "expires": 14400.0},
    "queue.requeue": {"only": "frozen"},
}


def planned(action: str, rows: Rows = (), *, more: Any = None, **with_: str | float) -> Step:
    seen = (Signal("mx1", "queue.frozen", "mx1", Outcome.FAIL, "412 wait", AT, value=412, age=190),)
    context = Context(ports(FLEET, Scripted(rows)), Playbook("test", "", ()), seen, **(more or {}))
    verb, given = ACTIONS[action], StepSpec("step", action, {"host": "mx1", **NEEDED.get(action, {}), **with_})
    return verb.plan(parsed(given, verb.with_), context)


def test_the_pass_through_comes_first_and_says_what_it_changes() -> None:
    step = planned("spam.bypass", PIPE)
    assert step.how["lever"] == "pass"
    assert (step.certainty, step.kind) == (Certainty.EXACT, StepKind.STATE)
    assert step.before == {"master.cf spamassassin/unix": OLD}
    assert step.want == {"master.cf spamassassin/unix": NEW}
    assert step.diff[0].startswith("- master.cf spamassassin/unix = ")
    assert step.undo == "restore 1 line, once the filter answers again · expires in 4 h"
    guards = [(t.signal, t.is_) for g in step.guards for t in predicates(g)]
    assert guards == [("spam.ping", "ok"), ("spam.scan", "ok")]


def test_where_pass_through_cannot_reach_every_setting_is_cleared() -> None:
    rows: Rows = tuple(
        ("lever", "pass", "no", "mail would meet it again") if r[:2] == ("lever", "pass") else r for r in PIPE
    )
    step = planned("spam.bypass", rows)
    assert step.how["lever"] == "clear"
    assert list(step.want.items()) == [
        ("master.cf smtp/inet/content_filter", "="),
        ("main.cf defer_transports", "=spamassassin"),
    ]
    assert step.says == "content_filter spamassassin → none in smtp/inet"


def test_the_plan_says_which_mail_its_lever_cannot_free() -> None:
    """case: a shell script around spamc: "succeeded", with letters left in the script."""
    notes = (("note", "pass", "mail in the script stays"), ("effect", "pass", "and so"), ("note", "clear", "another's"))
    assert planned("spam.bypass", (*PIPE, *notes)).says.endswith("; and so; mail in the script stays")


def test_what_is_already_so_owes_no_undo() -> None:
    rows: Rows = tuple((*r[:4], NEW, NEW) if r[:2] == ("setting", "pass") else r for r in PIPE)
    step = planned("spam.bypass", rows)
    assert step.certainty is Certainty.UNCHANGED
    assert step.undo == "none is owed: it is so already"


def test_the_host_is_told_exactly_what_was_read() -> None:
    """The digest is over FILE, KEY and value as it was; the helper computes it from the same rows."""
    rows: list[tuple[str, ...]] = [("master.cf", "spamassassin/unix", OLD, NEW)]
    assert planned("spam.bypass", PIPE).how["expect"] == expected(rows)
    assert expected(rows) != expected([("master.cf", "spamassassin/unix", NEW, NEW)])


def test_a_plan_of_an_earlier_release_still_compares() -> None:
    """It has a command with a secret in full; a plan of today has it hidden."""
    secret = OLD.replace("argv=/usr/bin/spamc", "argv=/usr/bin/spamc --password=hunter2")
    rows = tuple(tuple(secret if cell == OLD else cell for cell in row) for row in PIPE)
    today = planned("spam.bypass", rows)
    key = "master.cf spamassassin/unix"
    earlier = replace(today, before={key: secret})
    assert as_planned(earlier, key, secret) == secret
    assert as_planned(today, key, secret) == today.before[key] != secret
    assert as_planned(today, key, secret + "x") not in {*today.before.values(), *today.want.values()}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ((("wiring", "milter"), ("milters", "inet:127.0.0.1:11332")), "is a milter (inet:127.0.0.1:11332)"),
        ((("wiring", "none"),), "no content_filter in main.cf or master.cf"),
        (
            (("wiring", "content_filter"), ("filter", "amavis", "x"), ("filter", "spamassassin", "")),
            "several content filters: amavis, spamassassin",
        ),
        (
            (("wiring", "proxy"), ("proxy", "smtp/inet/smtpd_proxy_filter", "127.0.0.1:10025")),
            "is smtpd_proxy_filter (smtp/inet/smtpd_proxy_filter = 127.0.0.1:10025), before the queue",
        ),
        (
            (*PIPE[:2], ("lever", "pass", "no", "one thing"), ("lever", "clear", "no", "another")),
            "cannot be taken out: pass: one thing; clear: another",
        ),
    ],
)
def test_what_cannot_be_taken_out_is_refused_with_a_sentence(rows: Rows, words: str) -> None:
    with pytest.raises(Refused) as e:
        planned("spam.bypass", rows)
    assert words in str(e.value)


def test_no_host_never_means_every_host() -> None:
    with pytest.raises(Refused, match="is no host"):
        planned("queue.flush", host="")


def test_restore_needs_a_bypass_of_ours_and_a_filter_that_answers() -> None:
    with pytest.raises(Refused, match="nothing to put back"):
        planned("spam.restore")
    bypass = planned("spam.bypass", PIPE)
    ours = Mitigation("run-1", bypass, AT - timedelta(hours=1), None)
    step = planned("spam.restore", more={"mitigations": (ours,)})
    assert (step.before, step.want) == (bypass.want, bypass.before)
    assert step.how["of_run"] == "run-1"
    assert step.how["expect"] == bypass.how["expect"], "what its undo takes out again, by the bytes and not as shown"
    assert {t.signal for g in step.requires for t in predicates(g)} == {"spam.ping", "spam.scan"}


def test_requeue_needs_to_know_which_filter_is_out() -> None:
    with pytest.raises(Refused, match="would meet it again"):
        planned("queue.requeue")
    through = planned("queue.requeue", more={"earlier": (planned("spam.bypass", PIPE),)})
    assert through.certainty is Certainty.UNCHANGED, "after a pass-through nothing needs re-queueing"
    cleared = planned("spam.bypass", tuple(("lever", "pass", "no") if r[:2] == ("lever", "pass") else r for r in PIPE))
    step = planned("queue.requeue", more={"earlier": (cleared,)})
    assert step.how["filter"] == "spamassassin"
    assert step.says == "re-queue what still waits for spamassassin (412 now); hold is left alone"


@pytest.mark.parametrize(("looks", "starts"), [(("fail", "ok"), True), (("fail", "fail"), False)])
def test_what_forbids_a_run_is_looked_at_twice(looks: tuple[str, ...], starts: bool) -> None:
    left = list(looks)

    def look(hosts: object, names: object, waited: float = 0.0) -> tuple[Signal, ...]:
        return (Signal("mx1", "ssh.reach", "controller", Outcome(left.pop(0)), "as scripted", AT),)

    ours = ports(FLEET, look=look)
    book = Playbook("test", "", (), preconditions=(Predicate("ssh.reach", "mx1", is_=Outcome.OK),))
    if starts:
        assert make_plan(book, {}, ours, ()).steps == ()
    else:
        with pytest.raises(Refused, match="test may not start"):
            make_plan(book, {}, ours, ())
    assert not left
