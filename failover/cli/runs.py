"""`failover runs`: list and show runs, and decide what only a person can decide."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from failover.cli import wiring
from failover.cli.options import JSON, options
from failover.errors import ConfigError

if TYPE_CHECKING:
    from failover.core.runs.summary import Summary

app = typer.Typer(help="The runs: list, show, resume, resolve, accept, report.", rich_markup_mode=None)
RUN = typer.Argument(..., metavar="RUN", help="its id, or a beginning of it")
REASON = typer.Option(..., "--reason", metavar="TEXT", help="recorded with it")


PAGE = 50


@app.callback(invoke_without_command=True)
def _runs(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        list_(ctx, limit=PAGE, before=None, as_json=False)


@app.command("list")
def list_(
    ctx: typer.Context,
    limit: int = typer.Option(PAGE, "--limit", metavar="N", min=1, help="so many at most"),
    before: str | None = typer.Option(None, "--before", metavar="RUN", help="only those opened before that run"),
    as_json: JSON = False,
) -> None:
    """The newest runs with their states, page by page."""
    with wiring.controller(options(ctx)) as c:
        found = c.store.listed(limit + 1, c.find(before).id if before is not None else None)
    page, more = found[:limit], len(found) > limit
    older = page[-1].run if more else None
    if as_json:
        print(json.dumps({"version": 1, "runs": [_document(s) for s in page], "older_before": older}, indent=2))
        return
    print("\n".join(_line(s) for s in page) or ("no runs yet" if before is None else f"no runs before {before}"))
    if older:
        print(f"older ones: failover runs list --before {older}")


def _line(s: Summary) -> str:
    mark = "  needs a person" if s.progress.open else ""
    state = s.progress.state.value.replace("_", " ")
    return f"{s.run}  {','.join(s.outline.subjects):<10} {state}{mark}  by {s.by}"


def _document(s: Summary) -> dict[str, Any]:
    return {
        "run": s.run,
        "playbook": s.outline.playbook,
        "hosts": list(s.outline.hosts),
        "opened": s.opened.isoformat(),
        "by": s.by,
        "reason": s.reason,
        "state": s.progress.state.value,
        "open": s.progress.open,
    }


@app.command()
def show(ctx: typer.Context, run: str = RUN, as_json: JSON = False) -> None:
    """One run: its state, its timeline, and the commands that come next."""
    from failover.cli import run_text
    from failover.core.runs.report import run_document

    with wiring.controller(options(ctx)) as c:
        record = c.find(run)
        if as_json:
            print(json.dumps(run_document(record.id, record.plan, c.view(record), c.store.events(record.id)), indent=2))
            return
        reason = f", reason: {record.reason}" if record.reason else ""
        print(f"{record.plan.playbook} on {', '.join(record.plan.subjects)}, opened by {record.by}{reason}")
        print(
            "\n".join(
                [*run_text.timeline(c, record), *run_text.lines(record, c.view(record), c.at_work().get(record.id, ""))]
            )
        )


@app.command()
def resume(ctx: typer.Context, run: str = RUN, as_json: JSON = False) -> None:
    """Finish a run that was interrupted: settle the open attempt, then go on in the same direction."""
    from failover.cli import progress, run_text

    with wiring.controller(options(ctx)) as c:
        record = c.find(run)
        c.engine.tell = progress.tell_nobody if as_json else progress.tell_people
        with progress.stoppable() as stopper:
            c.engine.stop = stopper.why
            c.resume(record)
        run_text.end(c, record, as_json=as_json, events=False, interrupted=stopper.asked is not None)


@app.command()
def resolve(
    ctx: typer.Context,
    run: str = RUN,
    step: str = typer.Argument(..., metavar="STEP"),
    keep: bool = typer.Option(False, "--keep", help="what is there stays; no undo is owed any more"),
    restore: bool = typer.Option(False, "--restore", help="it is ours after all: undo it with the rest"),
    skip: bool = typer.Option(False, "--skip", help="go on as if this step were done"),
    reason: str = REASON,
) -> None:
    """Settle a conflict, a question or a failed undo; then resume the run or roll it back."""
    from failover.cli import run_text

    chosen = [name for name, on in (("keep", keep), ("restore", restore), ("skip", skip)) if on]
    if len(chosen) != 1:
        raise ConfigError("say exactly one of --keep, --restore, --skip", try_="see: failover runs resolve --help")
    with wiring.controller(options(ctx)) as c:
        record = c.find(run)
        view = c.resolve(record, step, chosen[0], reason)
        print(f"{step} of {record.id}: {chosen[0]}")
        print("\n".join(run_text.lines(record, view)))


@app.command()
def accept(ctx: typer.Context, run: str = RUN, reason: str = REASON) -> None:
    """Close a run as it stands, so that new ones may start on its hosts. Nothing is changed on any host."""
    with wiring.controller(options(ctx)) as c:
        record = c.find(run)
        c.accept(record, reason)
        print(f"{record.id} is closed as it stands; its hosts are free for new runs")


@app.command()
def report(ctx: typer.Context, run: str = RUN) -> None:
    """The run as Markdown, to paste into an incident's notes."""
    from failover.cli import run_text

    with wiring.controller(options(ctx)) as c:
        record = c.find(run)
        view = c.view(record)
        print(f"# {record.plan.playbook} on {', '.join(record.plan.subjects)}: {view.state.value.replace('_', ' ')}\n")
        print(
            f"{record.plan.summary}\n\nRun `{record.id}`, opened {record.opened:%Y-%m-%d %H:%M:%S} UTC by {record.by}"
        )
        print(f"{record.reason}\n" if record.reason else "")
        print("\n".join(f"- {line.strip()}" for line in run_text.timeline(c, record)))
        print("\n" + "\n".join(run_text.lines(record, view)))
