"""`failover playbooks`: which there are, their text, whether they are right, and the schema for editors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from failover.cli.options import options
from failover.errors import ConfigError

if TYPE_CHECKING:
    from failover.core.runs.playbook import Playbook

app = typer.Typer(help="The incident catalogue: list, show, lint, and the schema for editors.", no_args_is_help=False)


@app.callback(invoke_without_command=True)
def _default(ctx: typer.Context) -> None:
    """Without a command: list."""
    if ctx.invoked_subcommand is None:
        list_(ctx, json=False)


@app.command("list")
def list_(ctx: typer.Context, json: bool = typer.Option(False, "--json", help="one JSON document")) -> None:
    """List the playbooks, by priority."""
    found, wrong = _load(_listed(options(ctx).playbook_folder))
    found = sorted(found, key=lambda f: (f[1].priority, f[1].name))
    typer.echo(_as_json(found) if json else _as_table(found))
    if wrong:
        raise ConfigError("\n".join(str(e) for e in wrong), try_=wrong[0].try_)


@app.command()
def show(ctx: typer.Context, name: str = typer.Argument(help="name or path")) -> None:
    """Print the file of a playbook; its path goes to stderr."""
    from failover.config.catalogue import find
    from failover.config.source import text_of

    path = find(name, options(ctx).playbook_folder)
    content = text_of(path, missing="`failover playbooks list` shows those that there are")
    typer.echo(f"# {path}", err=True)
    typer.echo(content, nl=not content.endswith("\n"))


@app.command()
def lint(
    ctx: typer.Context, paths: list[Path] | None = typer.Argument(None, help="files; without: all that are found")
) -> None:
    """Check playbooks as a whole. Contacts nothing and reads no hosts.yaml. Exit code 2 when one is wrong."""
    found, wrong = _load([(p, None) for p in paths] if paths else _listed(options(ctx).playbook_folder))
    for e in wrong:
        typer.echo(str(e))
    if wrong:
        typer.echo(f"try:   {wrong[0].try_}", err=True)
        raise typer.Exit(ConfigError.exit_code)
    typer.echo(f"{len(found)} {'playbook is' if len(found) == 1 else 'playbooks are'} right")


@app.command()
def schema() -> None:
    """Print the JSON Schema of a playbook: save it as playbook.json beside yours, and editors complete and check."""
    import json

    from failover.config.playbooks import playbook_schema

    typer.echo(json.dumps(playbook_schema(), indent=2))


_Loaded = list[tuple["Path", "Playbook"]]


def _listed(extra: Path | None) -> list[tuple[Path, str | None]]:
    from failover.config.catalogue import list_all

    return [(path, name) for name, path in list_all(extra).items()]


def _load(files: list[tuple[Path, str | None]]) -> tuple[_Loaded, list[ConfigError]]:
    """The playbooks that load, and the errors of the others."""
    from failover.config.playbooks import load_playbook

    found: _Loaded = []
    wrong = []
    for path, named in files:
        try:
            found.append((path, load_playbook(path, named=named)))
        except ConfigError as e:
            wrong.append(e)
    return found, wrong


def _as_json(found: _Loaded) -> str:
    import json

    rows = [
        {
            "name": p.name,
            "summary": p.summary,
            "priority": p.priority,
            "steps": [s.id for s in p.steps],
            "path": str(path),
        }
        for path, p in found
    ]
    return json.dumps({"version": 1, "playbooks": rows}, indent=2)


def _as_table(found: _Loaded) -> str:
    """Columns as wide as they need; the summary last, since it may be long."""
    rows = [("NAME", "PRIORITY", "STEPS", "SUMMARY")]
    rows += [(p.name, str(p.priority), " → ".join(s.id for s in p.steps), p.summary) for _, p in found]
    wide = [max(len(r[i]) for r in rows) for i in range(3)]
    return "\n".join("  ".join([*(c.ljust(w) for c, w in zip(r, wide, strict=False)), r[3]]) for r in rows)
