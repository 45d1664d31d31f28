"""`failover tick` and `failover watch`: the controller's cycle, from cron or resident."""

from __future__ import annotations

import typer

from failover.cli import wiring
from failover.cli.cycle_text import beat, code, lines
from failover.cli.options import options
from failover.core.words import seconds
from failover.errors import ConfigError, Standby

BUDGET_S = 45.0
"""A tick ends before cron starts the next one, unless it acts."""


def tick(
    ctx: typer.Context,
    calm: str | None = typer.Option(
        None, "--for", metavar="DURATION", help="go on looking so long, also while nothing is the matter: 50s with cron"
    ),
) -> None:
    """One cycle: look, decide, act as policy allows, tell. For cron, each minute; prints nothing when it holds."""
    from failover.controller.cycle import cycle

    opts = options(ctx)
    calm_s = _span("--for", calm) if calm is not None else 0.0
    books = wiring.playbooks(opts)
    with wiring.controller(opts, remembers=True) as c:
        try:
            result = cycle(c, books, budget_s=max(BUDGET_S, calm_s), calm_s=calm_s, alive=lambda: beat(c))
        except Standby as e:  # any other refusal is an error: said on standard error, with its exit code
            if opts.verbose:
                print(e)
            raise typer.Exit(0) from None
        beat(c)
        print("".join(f"{line}\n" for line in lines(result)), end="")
        raise typer.Exit(code(result))


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
