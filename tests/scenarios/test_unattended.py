"""Nobody is there: the controller alone cures what it may, and puts it back. Real servers, real mail, counted.

For figures: FAILOVER_SOAK_REPEATS=5 pytest -s tests/scenarios/test_unattended.py -k under_load
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from threading import Event, Thread

import pytest

from failover.core.runs.journal import Did
from failover.lab import Lab
from tests.labs import arrived, lab_or_skip, send
from tests.scenarios.watching import Desk, Mail, Started, cron, records, until

pytestmark = [pytest.mark.lab, pytest.mark.soak]

MOMENTS = [n * 0.7 for n in range(10)]
REPEATS = range(int(os.environ.get("FAILOVER_SOAK_REPEATS", "1")))


@pytest.fixture
def lab() -> Iterator[Lab]:
    ours = lab_or_skip("alone", ("docker",))
    yield ours
    ours.down()


def goes_back(desk: Desk, mail: Mail, incident: str) -> float:
    """Heal; the controller takes its change back by itself. Returns the seconds it took."""
    desk.lab.heal(incident)
    took = until(lambda: desk.events(Did.UNDONE) > 0 and mail.as_before(), "what was changed is put back", within=120)
    until(lambda: desk.state(desk.runs()[0].id) == "rolled_back", "the run is closed", within=30)
    assert len(desk.runs()) == 1
    return took


def ends_well(watch: Started) -> None:
    assert watch.end() == 0, watch.said
    assert "Traceback" not in watch.said


def hung_under_load(mail: Mail) -> float:
    mail.send({"mx1": 20, "mx2": 1})
    mail.arrives(20)
    mail.lab.incident("spamd-hung")
    return time.time()


@pytest.mark.parametrize("attempt", REPEATS)
def test_hung_filter_under_load(desk: Desk, mail: Mail, attempt: int) -> None:
    watch = desk.watch()
    hung = hung_under_load(mail)
    flows = mail.flows(hung, within=90)
    back = goes_back(desk, mail, "spamd-hung")
    ends_well(watch)
    print(f"flows {flows:.1f} s after the hang; put back {back:.1f} s after the heal; {mail.adds_up()}")  # noqa: T201


def test_hung_filter_under_load_by_cron(desk: Desk, mail: Mail) -> None:
    """It hangs when a tick has just ended."""
    with cron(desk) as ticks:
        until(lambda: ticks and not ticks[0].runs, "the first tick ends", within=60)
        hung = hung_under_load(mail)
        flows = mail.flows(hung, within=150)
        mail.stop()
        back = goes_back_by_cron(desk, mail)
    assert {t.process.returncode for t in ticks} == {0}, [t.said for t in ticks]
    print(f"flows {flows:.1f} s after the hang; put back {back:.1f} s after the heal; {mail.adds_up()}")  # noqa: T201


def goes_back_by_cron(desk: Desk, mail: Mail) -> float:
    desk.lab.heal("spamd-hung")
    return until(lambda: desk.events(Did.UNDONE) > 0 and mail.as_before(), "what was changed is put back", within=200)


def test_hung_filter_when_a_message_comes_once_a_minute(lab: Lab, desk: Desk, mail: Mail) -> None:
    """Measured from the first message that is stuck: before it, a hung filter harms nobody."""
    watch = desk.watch()
    lab.incident("spamd-hung")
    over, seqs, stuck = Event(), list[str](), time.time()

    def minutes() -> None:
        while not over.is_set():
            seqs.append(f"rare-{len(seqs)}")
            send(lab, seqs[-1])
            over.wait(60)

    thread = Thread(target=minutes, daemon=True)
    thread.start()
    until(lambda: arrived(lab, "rare-0"), "the first message arrives", within=90)
    flows = time.time() - stuck
    until(lambda: arrived(lab, "rare-1"), "the next message arrives", within=70)
    goes_back(desk, mail, "spamd-hung")
    over.set()
    thread.join(70)
    until(lambda: all(arrived(lab, s) for s in seqs), "every message arrives", within=60)
    ends_well(watch)
    assert {len(arrived(lab, s)) for s in seqs} == {1}
    print(f"flows {flows:.1f} s after the first message was stuck")  # noqa: T201


@pytest.mark.parametrize("incident", ["handler-down", "handler-stuck"])
def test_handler_is_started_again(lab: Lab, desk: Desk, mail: Mail, incident: str) -> None:
    """A real container that was stopped by hand: its restart policy leaves it down."""
    watch = desk.watch()
    mail.send({"mx1": 2})
    mail.arrives(5)
    lab.incident(incident)
    down = time.time()
    flows = mail.flows(down, within=150)
    until(lambda: desk.state(desk.runs()[0].id) == "succeeded", "what had waited is gone", within=240)
    ends_well(watch)
    assert [r.plan.playbook for r in desk.runs()] == ["handler-down"]
    lab.heal(incident)
    print(f"{incident}: flows {flows:.1f} s after; {mail.adds_up()}")  # noqa: T201
    assert mail.as_before()


@pytest.mark.parametrize("incident", ["mx-unreachable", "mx-frozen"])
def test_mail_is_moved_off_an_mx_that_does_not_greet_and_back(lab: Lab, desk: Desk, mail: Mail, incident: str) -> None:
    """By both name servers' own answers, and only after the three minutes that a reboot may take. By then the backlog
    of a frozen Postfix may be full, and there is no connection any more."""
    watch, shown = desk.watch(), records(lab)
    mail.send({"mx1": 2, "mx2": 2})
    mail.arrives()
    lab.incident(incident)
    cut = time.time()
    until(lambda: all("9 mx2.lab.test." in r for r in records(lab)), "ns1 and ns2 show mx2 first", within=300)
    moved = time.time() - cut
    until(lambda: desk.events(Did.VERIFIED, "prefer") == 1, "the run has seen so too", within=60)
    assert 180 <= moved <= 240, f"{moved:.0f} s"
    lab.heal(incident)
    back = until(lambda: records(lab) == shown, "ns1 and ns2 show the records of before", within=150)
    until(lambda: desk.state(desk.runs()[0].id) == "rolled_back", "the run is closed", within=60)
    ends_well(watch)
    print(f"{incident}: moved {moved:.1f} s after the cut; back {back:.1f} s after the heal; {mail.adds_up()}")  # noqa: T201
    assert mail.as_before()
    assert len(desk.runs()) == 1


@pytest.mark.parametrize("after_s", MOMENTS)
def test_killed_at_any_moment_of_a_cure_the_next_tick_finishes_it(
    lab: Lab, desk: Desk, mail: Mail, after_s: float
) -> None:
    watch = desk.watch()
    mail.send({"mx1": 4})
    mail.arrives(4)
    lab.incident("spamd-hung")
    until(desk.runs, "a run begins", within=90)
    Event().wait(after_s)  # the moment is the point: no condition names it
    watch.process.kill()
    watch.process.wait(10)
    run = desk.runs()[0].id
    was = desk.state(run)

    tick = desk.failover("tick")
    now = desk.shown(run)
    told = f"{was} → {now['state']}, exit {tick.returncode}"
    assert tick.returncode in {0, 6}, told + tick.stdout + tick.stderr
    assert now["state"] == "succeeded" or now["because"], told
    assert "Traceback" not in tick.stderr

    lab.heal("spamd-hung")
    mail.stop()
    until(lambda: put_back(desk, run), "it is put back", within=90)
    print(f"killed after {after_s:.1f} s: {told}; {mail.adds_up()}")  # noqa: T201
    assert mail.as_before()
    assert len(desk.runs()) == 1


def put_back(desk: Desk, run: str) -> bool:
    desk.failover("tick")
    return desk.state(run) == "rolled_back"
