"""The decision table of tests/cases/diagnosis.yaml, played line by line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from failover.core.fleet import Host, Role
from failover.core.observe.diagnosis import RULES, TOLD_AS, Diagnosis, State, diagnose, diagnose_all, host_state
from failover.core.observe.signal import CONTROLLER, Outcome, Samples, Signal
from tests.fakes import AT
from tests.signals.fakes import fleet

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parents[1] / "cases" / "diagnosis.yaml").read_text())
FINE: dict[str, tuple[float | str, str]] = {
    "ssh.reach": (0.4, "looked in 400 ms"),
    "queue.pending": (3.0, "3 messages wait"),
    "queue.frozen": (0.0, "no mail waits for a filter"),
    "queue.oldest_age": (3.0, "the oldest waits 3 s"),
    "spam.ping": (0.005, "answers in 5 ms"),
    "spam.scan": (0.031, "scans in 31 ms"),
    "handler.banner": (0.012, "answers in 12 ms"),
    "container.state": ("running", "sl-email runs"),
    "smtp.banner": (0.009, "220 mx1"),
    "smtp.dialogue": (0.02, "250 ok"),
    "smtp.peer": (0.009, "answers in 9 ms"),
    "cpu.load": (0.1, "load 0.1 a core"),
    "cpu.top": (12.0, "spamd takes 12 % of a core"),
    "disk.free": (61.0, "61 % free"),
    "disk.inodes": (88.0, "88 % free"),
    "debt.force": ("", "nothing of ours is in force"),
    "postfix.daemons": ("", "master warns of nothing"),
    "postfix.processes": ("", "master warns of nothing"),
    "queue.removed_rate": (40.0, "40 messages a minute done with"),
}


@pytest.mark.parametrize("case", CASES, ids=lambda c: str(c["case"]))
def test_case(case: dict[str, Any]) -> None:
    samples = tuple(_samples(case))
    found = diagnose(fleet().hosts["mx1"], fleet(), samples)
    assert (found.state, found.incident, found.summary) == (State(case["state"]), case["incident"], case["says"])
    assert found.host == "mx1"
    _, reasons = host_state("mx1", samples, 2)
    assert list(reasons) == case.get("because", list(reasons))
    assert list(dict.fromkeys(s.name for s in found.evidence_for)) == case.get("for", _names(found.evidence_for))
    assert list(found.evidence_against) == case.get("against", list(found.evidence_against))
    assert [s.name for s in found.latent] == case.get("latent", [s.name for s in found.latent])


def _names(signals: Samples) -> list[str]:
    return list(dict.fromkeys(s.name for s in signals))


def test_every_incident_has_a_case() -> None:
    lasting = {"handler-stuck", "not-picked-up"}  # tested below: a case has two looks at most
    assert {c["incident"] for c in CASES} == {r.incident for r in RULES} - lasting | {None}


def test_nothing_looked_at_is_unknown() -> None:
    assert host_state("mx1", (), 2)[0] is State.UNKNOWN
    assert diagnose(Host("mx1", Role.PRIMARY, "192.0.2.11"), fleet(), ()).summary == "not looked at"


def test_a_look_is_judged_by_its_newest_samples() -> None:
    ill = next(c for c in CASES if c["case"] == "the handler is down")
    well: dict[str, Any] = {**ill, "then": {}}
    assert diagnose(fleet().hosts["mx1"], fleet(), tuple(_samples(well))).state is State.HEALTHY


def _samples(case: dict[str, Any]) -> Iterator[Signal]:
    for host in ("mx1", "mx2"):
        yield from _look(host, case.get(host) or {}, 0)
    if "then" in case:
        yield from _look("mx1", case["then"], 30)


def _look(host: str, told: dict[str, Any], after: int) -> Iterator[Signal]:
    peer = {"mx1": "mx2", "mx2": "mx1"}[host]
    for name, (value, reason) in FINE.items():
        vantage = peer if name == "smtp.peer" else CONTROLLER if name.startswith(("ssh", "smtp")) else host
        default = "ok" if name.startswith(("ssh", "smtp")) else told.get("everything behind it", "ok")
        seen = told.get(f"{name} from {peer}" if name == "smtp.peer" else name, told.get(name, default))
        seen = seen if isinstance(seen, dict) else {"is": seen}
        outcome = Outcome(seen["is"])
        found = seen.get("value", value if outcome is Outcome.OK else None)
        found = float(found) if isinstance(found, int) else found
        why = seen.get("why", reason if outcome is Outcome.OK else f"{name} is {outcome}")
        yield Signal(host, name, vantage, outcome, why, AT + timedelta(seconds=after), found, "", seen.get("age"))


def test_filter_that_hangs_on_a_busy_host_is_hung_whatever_went_through_it_before() -> None:
    def look(n: int, frozen: float, age: float, scan: str) -> Samples:
        at, told = AT + timedelta(seconds=5 * n), Outcome.FAIL if scan == "timeout" else Outcome.OK
        return (
            Signal("mx1", "queue.frozen", "mx1", Outcome.OK, "waiting", at, value=frozen, unit="messages", age=age),
            *(Signal("mx1", name, "mx1", told, scan, at, value=scan) for name in ("spam.ping", "spam.scan")),
        )

    busy = [look(n, frozen, 1.0, "ok") for n, frozen in enumerate((4.0, 2.0, 5.0, 3.0))]
    hung = [look(n, 20.0 * (n - 3), 5.0 * (n - 3), "timeout") for n in range(4, 11)]
    samples = tuple(s for each in (*busy, *hung) for s in each)
    assert diagnose(fleet().hosts["mx1"], fleet(), samples).incident == "spam-filter-hung"


def test_postfix_that_froze_is_frozen_once_its_backlog_is_full_too() -> None:
    def look(n: int, value: str) -> Samples:
        at, places = AT + timedelta(seconds=60 * n), (("smtp.banner", CONTROLLER), ("smtp.peer", "mx2"))
        reach = Signal("mx1", "ssh.reach", CONTROLLER, Outcome.OK, "looked in 400 ms", at)
        return reach, *(Signal("mx1", name, place, Outcome.FAIL, value, at, value=value) for name, place in places)

    silent, full = look(0, "timeout"), look(1, "unreachable")
    host = fleet().hosts["mx1"]
    assert diagnose(host, fleet(), (*silent, *full)).incident == "postfix-frozen"
    assert diagnose(host, fleet(), full).incident == "port-down"


def test_a_filter_that_works_is_slow_however_long_the_queue_behind_it() -> None:
    """Scans of 8 s, 20 at a time, more mail than it can take: as many wait in each look, and the oldest is another."""
    samples = tuple(
        s
        for n in range(20)
        for at in [AT + timedelta(seconds=10 * n)]
        for s in (
            Signal("mx1", "queue.frozen", "mx1", Outcome.FAIL, "waiting", at, 90.0, "messages", age=61 + 2.0 * n),
            *(
                Signal("mx1", x, "mx1", Outcome.FAIL, "no answer", at, value="timeout")
                for x in ("spam.ping", "spam.scan")
            ),
        )
    )
    for n in range(4, 21):
        assert diagnose(fleet().hosts["mx1"], fleet(), samples[: 3 * n]).incident == "spam-filter-slow"


@pytest.mark.parametrize(("step", "incident"), [(20, "handler-silent"), (25, "handler-stuck")])
def test_a_handler_is_stuck_once_it_is_silent_for_long(step: int, incident: str) -> None:
    at = [AT + timedelta(seconds=step * n) for n in range(4)]
    samples = tuple(Signal("mx1", "handler.banner", "mx1", Outcome.FAIL, "no answer", t, value="timeout") for t in at)
    assert diagnose(fleet().hosts["mx1"], fleet(), samples).incident == incident


@pytest.mark.parametrize(("last", "incident"), [(80.0, "not-picked-up"), (79.0, None)])
def test_a_maildrop_that_never_shrinks_is_not_picked_up(last: float, incident: str | None) -> None:
    counts = [(0, 70.0), (90, 80.0), (180, last)]
    samples = tuple(
        Signal("mx1", "queue.maildrop", "mx1", Outcome.WARN, "many", AT + timedelta(seconds=t), n) for t, n in counts
    )
    assert diagnose(fleet().hosts["mx1"], fleet(), samples).incident == incident


@pytest.mark.parametrize("step", [5, 20, 60])
def test_handlers_that_wait_for_the_same_are_shared_at_every_pace_of_looks(step: int) -> None:
    """mx2 answers in between for half a minute, as a slow database lets it: mx1 is not to be restarted meanwhile."""
    found = [_two_handlers(step, until)["mx1"].incident for until in range(120, 400, step)]
    assert set(found) == {"handlers-stuck"}


def _two_handlers(step: int, until: int) -> dict[str, Diagnosis]:
    """Both silent; mx2 answers from 150 to 180 s."""
    samples = tuple(
        Signal(
            host, "handler.banner", host, Outcome.OK if answers else Outcome.FAIL, "seen", AT + timedelta(seconds=t), v
        )
        for t in range(0, until + 1, step)
        for host in ("mx1", "mx2")
        for answers in [host == "mx2" and 150 <= t < 180]
        for v in [0.012 if answers else "timeout"]
    )
    return diagnose_all(fleet(), samples)


def test_what_is_silent_stuck_and_shared_in_turn_is_told_under_one_key() -> None:
    assert {TOLD_AS.get(name, name) for name in ("handler-silent", "handler-stuck", "handlers-stuck")} == {
        "handler-stuck"
    }
