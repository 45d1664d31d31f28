"""`failover lab`: a real mail world on this machine."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from failover.cli import drill

app = typer.Typer(
    name="lab",
    help="A real mail world on this machine, which stays as it is.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
Name = Annotated[str, typer.Option("--name", envvar="FAILOVER_LAB", help="Labs of other names are separate.")]
Host = Annotated[str | None, typer.Option("--host", help="Instead of the incident's usual host.")]


@app.command()
def up(
    name: Name = "lab",
    install: Annotated[
        bool, typer.Option("--install", help="Fetch the lab's software first, if it is missing.")
    ] = False,
    extras: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            help="docker: the mail handlers run as containers, sl-email. journal: mail hosts log to the journal. "
            "filters: amavisd and a milter, for some wirings.",
        ),
    ] = None,
) -> None:
    """Bring the lab up."""
    from failover.lab import Lab

    lab = Lab(name)
    brought = lab.up(install=install, extras=extras or ())
    typer.echo(f"lab {name} is up: {lab.folder}" if brought else f"lab {name} is already up: {lab.folder}")
    by = "" if name == "lab" else f" --name {name}"
    typer.echo(
        f"  failover lab mail{by}                           sends mail to mx1, until ^C\n"
        f"  failover lab incident{by} spamd-hung            and `heal` ends it; --help names the others\n"
        f"  failover lab exec{by} controller failover run   any command, where hosts.yaml, keys and DNS are the lab's"
    )


@app.command()
def mail(
    name: Name = "lab",
    host: Annotated[str, typer.Option("--host", help="The server to send to.")] = "mx1",
    rate: Annotated[float, typer.Option("--rate", min=0.1, max=200.0, help="Messages a second.")] = 2.0,
) -> None:
    """Send mail to a server of the lab, until ^C."""
    import sys

    from failover.lab import Lab

    lab = Lab(name)
    argv = [sys.executable, "-m", "failover.lab.traffic", "--log", str(lab.folder / "mail.jsonl")]
    argv = lab.command("sender", [*argv, f"{host}={lab.address(host)},{rate:g}"])
    os.execvpe(argv[0], argv, lab.environment("sender"))  # noqa: S606 - there is no shell, on purpose


@app.command()
def down(name: Name = "lab") -> None:
    """Take the lab down; nothing of it stays."""
    from failover.lab import Lab

    typer.echo(f"lab {name} is down" if Lab(name).down() else f"lab {name} was not up")


@app.command()
def status(name: Name = "lab") -> None:
    """Show whether the lab is up, and the process of each place."""
    from failover.lab import Lab
    from failover.lab.places import PLACES

    lab = Lab(name)
    typer.echo(f"lab {name} is {'up' if lab.is_up() else 'not up'}: {lab.folder}")
    for place in PLACES.values():
        typer.echo(f"  {place.name:<11} {place.address:<12} process {lab.pid(place.name) or '-'}")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False},
)
def exec(  # noqa: A001 - the command's name is fixed
    context: typer.Context, place: Annotated[str, typer.Argument(metavar="PLACE")], name: Name = "lab"
) -> None:
    """Run CMD... in PLACE: arguments, streams and exit code pass through untouched.

    PLACE is one of controller, mx1, mx2, ns1, ns2, sender: `failover lab status` lists them.
    """
    from failover.errors import ConfigError
    from failover.lab import Lab

    command = context.args[1:] if context.args[:1] == ["--"] else context.args  # as after `docker exec`, by habit
    if not command:
        raise ConfigError("lab exec: no command given", try_="`failover lab exec PLACE CMD...`")
    lab = Lab(name)
    argv = lab.command(place, command)
    os.execvpe(argv[0], argv, lab.environment(place))  # noqa: S606 - there is no shell, on purpose


@app.command()
def incident(
    incident: Annotated[str, typer.Argument(metavar="NAME")],
    name: Name = "lab",
    host: Host = None,
) -> None:
    """Cause an incident.

    NAME is one of spamd-hung, spamd-slow, mx-unreachable, mx-frozen, ssh-hung, handler-down, handler-stuck, disk-full.
    """
    from failover.lab import Lab

    Lab(name).incident(incident, host)


@app.command()
def heal(
    incident: Annotated[str, typer.Argument(metavar="NAME")],
    name: Name = "lab",
    host: Host = None,
) -> None:
    """End an incident: put back exactly what it changed."""
    from failover.lab import Lab

    Lab(name).heal(incident, host)


app.command("drill")(drill.drill)
