"""`failover lab drill`: a whole incident played through, on the real lab or in the simulated world, and counted."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from failover.errors import ConfigError, FailoverError, NeedsPerson

if TYPE_CHECKING:
    from failover.core.drill import DrillReport

SIMULATED = ("august-11", "spam-filter-hung")
SCENARIOS = (*SIMULATED, "mx-down")
Line = Callable[[str], None]


def drill(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help=f"one of: {', '.join(SCENARIOS)}")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document; the story goes to stderr.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the lab up afterwards.")] = False,
    name: Annotated[
        str, typer.Option("--name", envvar="FAILOVER_LAB", help="Labs of other names are separate.")
    ] = "drill",
) -> None:
    """Play an incident through and count every message: exit 0 when it passed, 6 when not."""
    if scenario not in SCENARIOS:
        raise ConfigError(f"there is no drill {scenario!r}", try_=f"one of: {', '.join(SCENARIOS)}")

    def line(text: str) -> None:
        print(text, file=sys.stderr if as_json else sys.stdout, flush=True)

    from failover.core.drill import to_json
    from failover.lab.available import why_not

    reason = why_not()
    report = _on_a_lab(scenario, name, line, keep=keep) if reason is None else _simulated(scenario, reason, line)
    if as_json:
        print(json.dumps(to_json(report), indent=2))
    else:
        print("\n".join(lines(report)))
    raise typer.Exit(0 if report.passed else NeedsPerson.exit_code)


def _on_a_lab(scenario: str, name: str, line: Line, *, keep: bool) -> DrillReport:
    from failover.lab import drill
    from failover.lab.ground import ground

    signal.signal(signal.SIGTERM, _interrupted)
    chosen = drill.SCENARIOS[scenario]
    with ground(name, line, keep=keep, extras=chosen.extras) as lab:
        return drill.played(chosen, lab, line)


def _interrupted(number: int, frame: FrameType | None) -> None:
    """As ^C: the traffic is stopped and the lab taken down on the way out."""
    raise KeyboardInterrupt


def _simulated(scenario: str, reason: str, line: Line) -> DrillReport:
    if scenario not in SIMULATED:
        simulated = ", ".join(SIMULATED)
        raise FailoverError(f"{scenario} needs a real lab. {reason}", try_=f"one that can be simulated: {simulated}")
    from failover.world.drill import AUGUST_11, august_11, spam_filter_hung

    line(f"{reason}.")
    line("So this drill is SIMULATED: the same engine and playbooks, on a mail world in memory.")
    return (august_11 if scenario == AUGUST_11 else spam_filter_hung)(line)


def lines(report: DrillReport) -> list[str]:
    """The count, the spans, and whether it passed."""
    count = f"accepted {report.accepted}, delivered {report.delivered}, lost {report.lost}, "
    count += f"duplicated {report.duplicated}, unscanned {report.unscanned}"
    delay = report.delay_s
    out = [count, f"delay of mail: p50 {delay.p50:.1f} s, p99 {delay.p99:.1f} s, max {delay.max:.1f} s"]
    spans = (
        ("the incident was named after", report.detect_s),
        ("from the run on, new mail flowed after", report.mitigate_s),
        ("the backlog was gone after", report.drain_s),
    )
    if said := [f"{what} {s:.1f} s" for what, s in spans if s is not None]:
        out.append(", ".join(said))
    where = "on a real lab" if report.mode == "lab" else "in a simulated world"
    return [
        *out,
        *(f"FAILED: {f}" for f in report.failures),
        f"drill {report.scenario}, {where}: " + ("passed" if report.passed else "failed"),
    ]
