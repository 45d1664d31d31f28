"""The command line: parse, call, print, exit code. Heavy imports wait inside the commands that need them."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from failover.cli import check as check_command
from failover.cli import doctor as doctor_command
from failover.cli import host, lab, playbooks, rollback, runs, status, tick, why
from failover.cli import init as init_command
from failover.cli import queue as queue_command
from failover.cli import run as run_command
from failover.cli.options import Options, hoist
from failover.errors import ConfigError, FailoverError, NeedsPerson

app = typer.Typer(
    name="failover",
    help="Automatic failover for mail (MX) servers: sees which incident it is, runs its playbook, can undo it.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback(invoke_without_command=True)
def _globals(
    ctx: typer.Context,
    hosts: Path | None = typer.Option(None, help="hosts.yaml (FAILOVER_HOSTS)", metavar="FILE"),
    playbook_folder: Path | None = typer.Option(
        None, "--playbooks", help="your playbooks, before the built-in ones (FAILOVER_PLAYBOOKS)", metavar="DIR"
    ),
    state: str | None = typer.Option(None, help="where runs are recorded (FAILOVER_STATE)", metavar="URL"),
    verbose: int = typer.Option(0, "-v", "--verbose", count=True, show_default=False, help="say more"),
    version: bool = typer.Option(False, "--version", help="print the version and stop"),
) -> None:
    """These options stand before or after the command. Without a command: status, and what it would do now."""
    if version:
        from failover import __version__

        typer.echo(__version__)
        raise typer.Exit
    ctx.obj = Options(hosts, playbook_folder, state, verbose)
    if ctx.invoked_subcommand is None:
        status.overview(ctx)


app.command("init")(init_command.init)
app.command("check")(check_command.check)
app.command("queue")(queue_command.queue)
app.command("run")(run_command.run)
app.command("plan")(run_command.plan)
app.command("rollback")(rollback.rollback)
app.command("status")(status.status)
app.command("doctor")(doctor_command.doctor)
app.command("tick")(tick.tick)
app.command("watch")(tick.watch)
app.command("why")(why.why)
app.command("pause")(status.pause)
app.command("unpause")(status.unpause)
app.add_typer(runs.app, name="runs")
app.add_typer(playbooks.app, name="playbooks")
app.add_typer(host.app, name="host")
app.add_typer(lab.app, name="lab")


def main(argv: list[str] | None = None) -> None:
    """Run the command line and exit; every error on purpose becomes `error:` and `try:` lines, never a traceback."""
    words = hoist(sys.argv[1:] if argv is None else argv)
    command = typer.main.get_command(app)
    try:
        code = command.main(words, prog_name="failover", standalone_mode=False)
    except FailoverError as e:
        raise SystemExit(_for_nagios(words, _say(e))) from None
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None
    except BrokenPipeError:  # `failover runs | head`: the reader has gone, nobody is there to be told
        sys.stderr.close()
        raise SystemExit(141) from None
    except Exception as e:
        shown = _usage_error(e)
        raise SystemExit(_unexpected(e, words) if shown is None else _for_nagios(words, shown)) from None
    raise SystemExit(code if isinstance(code, int) else 0)


def _say(e: FailoverError) -> int:
    print(f"error: {e}", file=sys.stderr)
    print(f"try:   {e.try_}", file=sys.stderr)
    return e.exit_code


def _usage_error(e: Exception) -> int | None:
    """Wrong options and arguments, as the option parser says them; None when it is something else."""
    show, code = getattr(e, "show", None), getattr(e, "exit_code", None)
    if show is None or code is None:
        return None
    show()
    return int(code)


def _unexpected(e: Exception, words: list[str]) -> int:
    """A bug of ours: said in one line; the traceback goes to a file that a report can carry."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="failover-bug-", suffix=".txt", delete=False) as f:
        f.write(f"failover {' '.join(words)}\n\n")
        traceback.print_exc(file=f)
    return _say(
        NeedsPerson(
            f"this is a bug in failover: {type(e).__name__}: {e}",
            try_=f"report it with {f.name}; if a run was open, `failover runs list` shows where it stands",
        )
    )


def _for_nagios(words: list[str], code: int) -> int:
    """`check` speaks Nagios, where 2 means critical: a wrong option or file is 3, unknown."""
    return 3 if "check" in words and code == ConfigError.exit_code else code
