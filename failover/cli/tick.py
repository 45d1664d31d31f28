"""`failover tick` and `failover watch`: the controller's cycle, from cron or resident."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from failover.cli import wiring
from failover.cli.options import options
from failover.core.words import seconds
from failover.errors import ConfigError, Standby

if TYPE_CHECKING:
    from failover.controller import Controller
    from failover.turn import Turn

BUDGET_S = 45.0
"""A tick ends before cron starts the next one, unless it acts."""


def tick(
    ctx: typer.Context,
    calm: str | None = typer.Option(
        None, "--for", metavar="DURATION", help="go on looking so long, also while nothing is the matter: 50s with cron"
    ),
) -> None:
    """One cycle: look, decide, act as policy allows, tell. For cron, each minute; prints nothing when it holds."""
    from failover.cycle import cycle

    opts = options(ctx)
    calm_s = _span("--for", calm) if calm is not None else 0.0
    books = wiring.playbooks(opts)
    with wiring.controller(opts, remembers=True) as c:
        try:
            turn = cycle(c, books, budget_s=max(BUDGET_S, calm_s), calm_s=calm_s, alive=lambda: beat(c))
        except Standby as e:  # any other refusal is an error: said on standard error, with its exit code
            if opts.verbose:
                print(e)
            raise typer.Exit(0) from None
        beat(c)
        print("".join(f"{line}\n" for line in lines(turn)), end="")
        raise typer.Exit(code(turn))


def beat(c: Controller) -> None:
    """It has looked and told, and what it decided is done with or at work: only now may the dead-man's switch be
    told so."""
    url = c.hands.fleet.policy.heartbeat
    if url is not None:
        from failover.adapters import heartbeat

        if why := heartbeat.beat(url):
            print(f"the heartbeat was not taken: {why}", file=sys.stderr, flush=True)


def lines(turn: Turn) -> Iterable[str]:
    """What it did; what it only thinks is told through the channels and by `failover why`."""
    for record, view in turn.runs:
        why = f": {view.because}" if view.because else ""
        yield f"run {record.id} {view.state.value}{why}; see: failover runs show {record.id}"
    if turn.missed:
        yield f"not looked while a run waited: {turn.missed}"
    yield from (f"not told: {why}" for why in turn.flushed.why)


def code(turn: Turn) -> int:
    """Of the worst of its runs; that a person was told of something is no failure of the tick."""
    from failover.core.run import exit_code

    return max((exit_code(view) for _, view in turn.runs), default=0)


def watch(
    ctx: typer.Context,
    interval: str = typer.Option("10s", metavar="DURATION", help="from the beginning of one look to that of the next"),
) -> None:
    """The same cycle, resident: for systemd. Told to stop, it ends its cycle first."""
    from failover.cli.watch import Watcher

    Watcher(options(ctx), _span("--interval", interval)).run()


def _span(option: str, given: str) -> float:
    span = seconds(given)
    if not span or span < 1:
        raise ConfigError(f"{option} takes a duration of 1s or more, found {given!r}", try_="for example 10s")
    return span
