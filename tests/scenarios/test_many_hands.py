"""One state, many hands: two resident controllers, cron and a person at one incident; and one that was suspended."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from failover.core.runs.journal import Did
from failover.lab import Lab
from tests.labs import lab_or_skip, rolled_back
from tests.scenarios.watching import Desk, Mail, Started, configuration, letters_waiting, records, until

pytestmark = [pytest.mark.lab, pytest.mark.soak]

PERSON = ("run", "spam-filter-hung", "--set", "sick=mx1", "--yes", "--reason", "a person")


@pytest.fixture
def lab() -> Iterator[Lab]:
    ours = lab_or_skip("hands")
    yield ours
    ours.down()


@pytest.mark.parametrize("first", ["person", "controller"])
def test_one_acts_and_the_others_say_who(lab: Lab, desk: Desk, mail: Mail, first: str) -> None:
    """A person is quicker when they come as soon as mail is stuck; else one of the controllers has begun."""
    watches = [desk.watch("one"), desk.watch("two")]
    mail.send({"mx1": 10})
    mail.arrives()
    lab.incident("spamd-hung")
    hung = time.time()
    until(lambda: letters_waiting(lab) > 20 if first == "person" else bool(desk.runs()), "their moment", within=90)
    person, tick = desk.start("person", *PERSON), desk.start("tick", "tick", "-v")
    flows = mail.flows(hung, within=120)
    codes = person.process.wait(120), tick.process.wait(120)

    acted = desk.runs()
    print(first, f"flows after {flows:.1f} s;", [(r.id, r.by) for r in acted], codes, person.said, tick.said)  # noqa: T201
    assert len(acted) == 1, "one run"
    assert desk.events(Did.INTENT, "bypass") == 1, "one act"
    assert codes[1] == 0
    if codes[0] == 0:
        assert acted[0].reason == "a person"
    else:
        assert codes[0] == 4
        assert f"run {acted[0].id} is at work on mx1 just now, by {acted[0].by} (pid " in person.said
        assert "Traceback" not in person.said

    lab.heal("spamd-hung")
    until(lambda: desk.state(acted[0].id) == "rolled_back" and mail.as_before(), "it is put back", within=120)
    assert desk.events(Did.UNDONE) == 1
    assert [w.end() for w in watches] == [0, 0]
    said = "".join(w.said for w in watches)
    assert "standing by: another controller decides: pid " in said
    assert "Traceback" not in said
    assert all(a != b for w in watches for a, b in pairwise(w.said.splitlines())), "a state is told when it begins"
    print(mail.adds_up(), said)  # noqa: T201


def suspended(desk: Desk, where: str, *words: str) -> Started:
    """A controller (or the command `words`) that will be suspended just before the act `where` leaves it."""
    argv = (sys.executable, "-m", "tests.scenarios.watching", where)
    return desk.start("suspended", *(words or ("watch", "--interval", "5s")), argv=argv)


def test_suspended_before_it_acts_it_is_refused_by_the_host_afterwards(lab: Lab, desk: Desk, mail: Mail) -> None:
    mail.send({"mx1": 5})
    mail.arrives()
    late = suspended(desk, "bypass")
    lab.incident("spamd-hung")
    hung = time.time()
    until(lambda: late.stopped, "it is suspended with its intent written down", within=120)
    assert configuration(lab) == mail.before
    run = desk.runs()[0].id
    assert desk.failover(*PERSON[:-2]).returncode == 4, "its lease still holds"

    other = desk.watch("other")
    flows = mail.flows(hung, within=300)
    until(lambda: desk.state(run) == "succeeded", "the other finishes the very run", within=120)
    set_by_the_other = configuration(lab)

    os.kill(late.process.pid, signal.SIGCONT)
    until(lambda: "stale" in late.said, "the host refuses it, and it says so", within=60)
    assert configuration(lab) == set_by_the_other
    assert len(desk.runs()) == 1
    lab.heal("spamd-hung")
    until(lambda: desk.state(run) == "rolled_back" and mail.as_before(), "it is put back", within=120)
    assert desk.events(Did.UNDONE) == 1
    assert (other.end(), late.end()) == (0, 0)
    assert "Traceback" not in late.said + other.said
    assert "waits for a person" not in other.said
    print(f"flows {flows:.1f} s after the hang; {mail.adds_up()}\n{late.said}")  # noqa: T201


def test_suspended_before_it_moves_mail_it_is_refused_by_the_zone_afterwards(lab: Lab, desk: Desk, mail: Mail) -> None:
    """Compare and swap at the name server: what the other one has set is not what the late one expects."""
    book = desk.folder / "playbooks/mx-down.yaml"
    book.write_text(book.read_text().replace("for: 3m", "for: 15s").replace("mode: auto", "mode: never"))
    mail.send({"mx2": 2})
    late, before = suspended(desk, "dns"), records(lab)
    lab.incident("mx-unreachable")
    until(lambda: late.stopped, "it is suspended with its intent written down", within=150)
    run = desk.runs()[0].id
    other = desk.watch("other")
    until(lambda: desk.state(run) == "succeeded", "the other finishes the very run", within=240)
    moved = records(lab)
    assert all("9 mx2.lab.test." in r for r in moved)

    os.kill(late.process.pid, signal.SIGCONT)
    until(lambda: "took over" in late.said or "standing by" in late.said, "it says so", within=60)
    assert records(lab) == moved
    assert desk.failover("rollback", run, "--yes").returncode == 6, "back to an MX that is cut off it does not go"
    lab.heal("mx-unreachable")
    rolled_back(desk.failover, run)
    assert records(lab) == before
    assert (other.end(), late.end()) == (0, 0)
    assert "Traceback" not in late.said + other.said
    assert len(desk.runs()) == 1
    print(f"{mail.adds_up()}\n{late.said}")  # noqa: T201


def test_suspended_with_its_write_in_hand_it_moves_nothing_though_all_reads_as_it_did(lab: Lab, desk: Desk) -> None:
    """It had looked at the records and at its lease. Then another finished its run, and a person took that back."""
    before = records(lab)
    late = suspended(desk, "update", "run", "shift-mx", "--set", "domain=lab.test", "--set", "to=mx2", "--yes")
    until(lambda: late.stopped, "it is suspended with its update made", within=60)
    run = desk.runs()[0].id
    waited = until(lambda: desk.failover("runs", "resume", run).returncode == 0, "its lease ends", within=120)
    assert all("9 mx2.lab.test." in r for r in records(lab))
    rolled_back(desk.failover, run)
    until(lambda: records(lab) == before, "ns1 and ns2 show it", within=10)
    told = desk.shown(run)["timeline"]

    os.kill(late.process.pid, signal.SIGCONT)
    assert late.process.wait(60) == 4
    assert f"the lease of run {run}" in late.said
    assert "Traceback" not in late.said
    assert records(lab) == before
    assert desk.state(run) == "rolled_back"
    assert desk.shown(run)["timeline"] == told
    print(f"taken over after {waited:.0f} s\n{late.said}")  # noqa: T201
