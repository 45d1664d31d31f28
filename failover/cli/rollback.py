"""`failover rollback`: undo a run, newest change first, traffic last, each undo under its guard."""

from __future__ import annotations

import json

import typer

from failover.cli import wiring
from failover.cli.options import JSON, YES, options


def rollback(
    ctx: typer.Context,
    run: str | None = typer.Argument(None, metavar="[RUN]", help="without it: the newest run that can be undone"),
    dry_run: bool = typer.Option(False, "--dry-run", help="show what would be undone, change nothing"),
    yes: YES = False,
    although: str = typer.Option("", metavar="REASON", help="undo even what its guards would keep, and record why"),
    as_json: JSON = False,
) -> None:
    """Undo a run. A step whose guard does not hold stays in force (exit 6), unless --although."""
    from failover.cli import progress, run_text
    from failover.cli.run import _ask
    from failover.core.runs.next import undo_order

    opts = options(ctx)
    with wiring.controller(opts) as c:
        record = c.newest_undoable() if run is None else c.find(run)
        view = c.view(record)
        owed = undo_order(record.plan, view)
        if dry_run and as_json:
            steps = [{"id": s.id, "action": s.action, "host": s.host, "undo": s.undo} for s in owed]
            print(json.dumps({"version": 1, "run": record.id, "undo": steps}, indent=2))
        elif not as_json:
            print(f"Roll back {record.id} ({record.plan.playbook} on {', '.join(record.plan.subjects)})")
            print("\n".join(f"  {s.id:<10} {s.undo}" for s in owed) or "  nothing is left to undo")
            if although:
                print(f"  although: {although} (no guard is asked)")
        if dry_run:
            raise typer.Exit(10 if owed else 0)
        if owed:
            _ask(yes)
        c.engine.tell = progress.tell_nobody if as_json else progress.tell_people
        with progress.stoppable() as stopper:
            c.engine.stop = stopper.why
            c.rollback(record, although=although)
        run_text.end(c, record, as_json=as_json, events=False, interrupted=stopper.asked is not None)
