"""A drill on a real lab: its scenes are played, then every letter is counted at the handlers.

An error on the way becomes a failure of the report. In any case the incidents are healed, the traffic stopped and the
mail counted.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from failover.core.drill import DrillReport, report
from failover.errors import FailoverError
from failover.lab import august_11, mx_down, queues, relays, spam_filter_hung
from failover.lab.lab import Lab
from failover.lab.letters import tag
from failover.lab.playing import STEADY, Playing
from failover.lab.plot import plot
from failover.lab.story import Story


@dataclass(frozen=True, slots=True)
class Scenario:
    """`extras` of the lab; `incidents`: healed at the end in any case.

    `entries`: the servers that accept its mail; the plot shows the queue of the last one.
    """

    name: str
    play: Callable[[Playing], None]
    incidents: tuple[str, ...]
    extras: tuple[str, ...] = ()
    entries: tuple[str, ...] = ("mx1",)
    settles: Callable[[Playing], None] = Playing.settles


AUGUST_11 = Scenario("august-11", august_11.play, (august_11.AFTERNOON, august_11.MORNING), ("docker",))
SPAM_FILTER_HUNG = Scenario("spam-filter-hung", spam_filter_hung.play, (spam_filter_hung.INCIDENT,))
MX_DOWN = Scenario("mx-down", mx_down.play, (mx_down.CUT,), entries=tuple(relays.RELAYS), settles=mx_down.settles)
SCENARIOS = {s.name: s for s in (AUGUST_11, SPAM_FILTER_HUNG, MX_DOWN)}


def played(scenario: Scenario, lab: Lab, line: Callable[[str], None]) -> DrillReport:
    """Play it on a lab that is up; `line` gets the story. Failures are in the report, not raised."""
    folder = lab.folder / f"drill-{tag()}"
    folder.mkdir(mode=0o700)
    ledgers = tuple(
        (host, path, path.stat().st_size if path.exists() else 0) for host in STEADY for path in [lab.ledger(host)]
    )
    drill, watched = Playing(lab, Story(line), folder, ledgers, entries=scenario.entries), scenario.entries[-1]
    with queues.watched(lab, watched) as samples:
        _play(drill, scenario)
    began = drill.story.began
    drill.story.show(
        "\n".join(
            [
                "",
                *plot(
                    [(at - began, n) for at, n in samples], drill.story.marks, title=f"messages waiting on {watched}"
                ),
                "",
            ]
        )
    )
    return _account(drill, scenario.name)


def _play(drill: Playing, scenario: Scenario) -> None:
    try:
        _noting(drill, lambda: scenario.play(drill))
    finally:
        for incident in scenario.incidents:
            _noting(drill, partial(drill.lab.heal, incident))
        _noting(drill, drill.stop)
    _noting(drill, lambda: scenario.settles(drill))
    drill.late = sum(len(queues.names(drill.lab, host)) for host in STEADY)


def _noting(drill: Playing, scene: Callable[[], None]) -> None:
    try:
        scene()
    except FailoverError as e:
        drill.failures.append(str(e))
        drill.story.say(f"FAILED: {e}")


def waiting(messages: int) -> list[str]:
    """Missing mail may only be late: perhaps this machine is slow."""
    if not messages:
        return []
    busy = f"{os.getloadavg()[0]:.0f} processes want the {os.cpu_count()} cores of this machine"
    return [
        f"{messages} messages still wait in a queue, so not all that is missing is lost; {busy}: try when it is idle"
    ]


def _account(drill: Playing, scenario: str) -> DrillReport:
    books = drill.books()
    if altered := books.altered():
        drill.failures.append(f"{len(altered)} arrived otherwise than they were sent: {', '.join(altered[:5])}")
    detect, mitigate, drain = (None if s is None else round(s, 1) for s in drill.spans())
    tally = books.tally(apart=frozenset(drill.held.values()))
    return report(
        tally,
        scenario=scenario,
        mode="lab",
        run=drill.run,
        restored=drill.restored,
        detect_s=detect,
        mitigate_s=mitigate,
        drain_s=drain,
        failures=[*drill.failures, *(waiting(drill.late) if tally.lost else [])],
    )
