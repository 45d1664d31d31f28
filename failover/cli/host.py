"""`failover host`: the helper on a mail host, so that the controller needs no root log-in there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from failover.cli import wiring
from failover.cli.options import JSON, YES, options
from failover.errors import ConfigError, Refused

if TYPE_CHECKING:
    from failover.adapters.install import Change, Wanted
    from failover.core.fleet import Host
    from failover.ports import Remote

app = typer.Typer(
    name="host",
    help="The helper on a mail host: with it the controller logs in as an ordinary user.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
HOST = Annotated[str, typer.Argument(metavar="HOST", help="a name of hosts.yaml")]
AS = Annotated[
    str | None, typer.Option("--as", metavar="USER", help="log in as this user instead of the one of hosts.yaml")
]
IDENTITY = Annotated[
    Path | None, typer.Option("--identity", metavar="FILE", help="with this private key instead of hosts.yaml's")
]
KEY = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help="the public key; by default that of hosts.yaml")
]


@app.command()
def install(
    ctx: typer.Context,
    host: HOST,
    user: Annotated[str, typer.Option(help="the ordinary user who may call it; must exist there")] = "failover",
    forced_command: Annotated[
        bool, typer.Option("--forced-command", help="let the user's key run the helper and nothing else")
    ] = False,
    key: KEY = None,
    as_: AS = None,
    identity: IDENTITY = None,
    yes: YES = False,
) -> None:
    """Install failover-host there, owned by root, and let one ordinary user call it. Needs root once."""
    from failover.adapters import install as there

    with _reached(ctx, host, as_, identity, root=True) as (remote, root, listed):
        public = there.public_key(listed, key) if forced_command else None
        wanted = _wanted(user, public, _permits(ctx, listed))
        todo = there.changes(root, there.look(remote, root, wanted), wanted)
        if not todo:
            print(f"{host}: already so: {user} may call failover-host {wanted.text}" + (_only if public else ""))
            return
        _show(root, todo, user, forced=public is not None)
        _ask(yes)
        for did in there.install(remote, root, wanted):
            print(f"  {did}")
        print(f"{host}: {user} may call failover-host {wanted.text}" + (_only if public else ""))
        if listed.ssh.user != user:
            print(f"Now let hosts.yaml say so: ssh: {{user: {user}, …}}; then try: failover host status {host}")
            print(f"The same key still opens {listed.ssh.user}'s account: then take it out of there.")


_only = ", and its key may run nothing else"


@app.command()
def status(
    ctx: typer.Context,
    host: HOST,
    user: Annotated[str | None, typer.Option(help="the user to look at; by default that of hosts.yaml")] = None,
    key: KEY = None,
    as_: AS = None,
    identity: IDENTITY = None,
    reset_epoch: Annotated[
        int | None,
        typer.Option(metavar="FROM", help="break-glass: replace FROM, an epoch in the future, by the present time"),
    ] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="with --reset-epoch; kept on the host")] = "",
    yes: YES = False,
    as_json: JSON = False,
) -> None:
    """Show the helper there, whether it is ours, who may call it, and its memory."""
    from failover.adapters import install as there
    from failover.cli import host_text, output

    with _reached(ctx, host, as_, identity) as (remote, at, listed):
        if reset_epoch is not None:
            _reset(remote, at, reset_epoch, reason, yes)
        who = user or (at.ssh.user if at.ssh.user != "root" else "failover")
        wanted = _wanted(who, _key_if_any(listed, key), _permits(ctx, listed))
        found = there.look(remote, at, wanted)
        if as_json:
            output.print_json(host_text.document(listed, found, wanted))
        else:
            print("\n".join(host_text.lines(listed, found, wanted)))


@app.command()
def remove(
    ctx: typer.Context,
    host: HOST,
    purge: Annotated[
        bool, typer.Option("--purge", help="also its memory: epoch, results, saved files; this cannot be undone")
    ] = False,
    as_: AS = None,
    identity: IDENTITY = None,
    yes: YES = False,
) -> None:
    """Undo the install. Refused while a change of ours is in force there, or mail is held: undo that first."""
    from failover.adapters import install as there
    from failover.adapters.reply import INSTALLED

    with _reached(ctx, host, as_, identity, root=True) as (remote, root, _):
        found = there.look(remote, root, _wanted("failover", None))
        if found.force:
            standing = "; ".join(f"run {run}, step {step}" for run, step in found.force)
            back = "; ".join(f"failover host restore {host} {run} {step}" for run, step in found.force)
            runs = "; ".join(f"failover rollback {run}" for run in dict.fromkeys(run for run, _ in found.force))
            raise Refused(
                f"{host}: still in force: {standing}; nothing was changed",
                try_=f"{runs}; or, without any records: {back}; "
                f"where it is to stay for good, by hand: rm {INSTALLED} {there.SUDOERS} {there.PERMITS}",
            )
        print(f"remove from {host}, as root: {INSTALLED}, {there.SUDOERS}, {there.PERMITS}, forced commands of ours")
        print(f"  {there.STATE} {'too, for good' if purge else 'stays'}")
        _ask(yes)
        for did in there.remove(remote, root, purge=purge):
            print(f"  {did}")


@app.command()
def restore(
    ctx: typer.Context,
    host: HOST,
    run: Annotated[str | None, typer.Argument(metavar="[RUN", help="without it: show what can be undone")] = None,
    step: Annotated[str | None, typer.Argument(metavar="STEP]", help="of that run")] = None,
    although: Annotated[
        str, typer.Option("--although", metavar="REASON", help="also while the filter does not answer; recorded")
    ] = "",
    as_: AS = None,
    identity: IDENTITY = None,
    yes: YES = False,
    as_json: JSON = False,
) -> None:
    """Undo our changes with the host's own memory, and let go mail that we hold; needs no records."""
    from failover.cli import check_formats, host_restore, output

    opts = options(ctx)
    with _reached(ctx, host, as_, identity) as (remote, at, listed):
        if run is None:
            found = host_restore.listing(remote, at)
            if as_json:
                output.print_json({"host": host, "debts": check_formats.debts_json(found)})
            else:
                print("\n".join(f"{d.says}; {d.discharge}" for d in found) or f"{host}: nothing of ours stands there")
            return
        if step is None:
            raise ConfigError("RUN needs its STEP", try_=f"failover host restore {host} shows both")
        back, fleet = host_restore.plan(remote, at, run, step), wiring.fleet(opts)
        if back.of_filter and not although and (why := host_restore.guard(fleet, remote, listed)):
            raise Refused(
                f"{host}: the filter does not answer, and mail would wait behind it again ({why}); nothing was changed",
                try_="heal it first; or the same command with --although REASON",
            )
        if not as_json:
            print("\n".join(host_restore.lines(back, although)))
        _ask(yes)
        done = host_restore.act(remote, back)
        done["recorded"] = host_restore.recorded(opts, fleet, back, although)
        if as_json:
            output.print_json(done)
        else:
            print("\n".join(f"{host}: {note}" for note in done["notes"]), end="\n" if done["notes"] else "")
            print(f"{host}: done; {'recorded' if done['recorded'] else 'no records here know this run'}")


@app.command()
def text() -> None:
    """Print failover-host whole, as it is sent or installed: read it before you trust it."""
    from failover.host import script_text

    sys.stdout.write(script_text())


@contextmanager
def _reached(
    ctx: typer.Context, name: str, as_: str | None, identity: Path | None, *, root: bool = False
) -> Iterator[tuple[Remote, Host, Host]]:
    """The remote, the host with the user given here, and the host as hosts.yaml lists it."""
    from failover.adapters.install import as_user

    fleet = wiring.fleet(options(ctx))
    if name not in fleet.hosts:
        raise ConfigError(f"no host {name!r}", try_=f"one of: {', '.join(fleet.hosts)}")
    listed = fleet.hosts[name]
    entered = as_user(listed, as_ or listed.ssh.user, str(identity) if identity else None)
    if root and entered.ssh.user != "root":
        raise ConfigError(
            f"{name}: this needs root, and hosts.yaml logs in as {entered.ssh.user}; nothing was contacted",
            try_="--as root, with --identity FILE when root has another key",
        )
    remote = wiring.remote(fleet)
    try:
        yield remote, entered, listed
    finally:
        close = getattr(remote, "close", None)
        if close is not None:
            close()


def _permits(ctx: typer.Context, host: Host) -> frozenset[str]:
    from failover.actions.permits import permits

    return permits(wiring.fleet(options(ctx)), host)


def _wanted(user: str, public: str | None, permits: frozenset[str] = frozenset()) -> Wanted:
    from failover.adapters.helper import of_text
    from failover.adapters.install import Wanted
    from failover.host import script_text

    return Wanted(user, of_text(script_text()), public, permits)


def _key_if_any(listed: Host, key: Path | None) -> str | None:
    from failover.adapters.install import public_key

    return public_key(listed, key) if key is not None or listed.ssh.identity is not None else None


def _show(root: Host, todo: tuple[Change, ...], user: str, *, forced: bool) -> None:
    print(f"install on {root.name}, as root at {root.address}:")
    for change in todo:
        print(f"  {change.what}\n    now:  {change.now}\n    then: {change.then}")
    print(
        f"Then {user} may run every verb of failover-host as root, on what is listed"
        + (", and that key nothing else." if forced else ".")
    )
    print(f"Undo: failover host remove {root.name} --as root")


def _ask(yes: bool) -> None:
    from failover.cli.run import _ask as ask

    ask(yes)


def _reset(remote: Remote, host: Host, seen: int, reason: str, yes: bool) -> None:
    """Only an epoch in the future locks everybody out: the next run overtakes any other."""
    from urllib.parse import quote

    from failover.adapters.install import reset_epoch
    from failover.runs.service import whoami

    if not reason:
        raise ConfigError("--reset-epoch needs --reason", try_="--reason TEXT; it is kept on the host")
    now = int(wiring.clock().now().timestamp())
    if seen <= now:
        raise Refused(
            f"epoch {seen} is not in the future: the next run goes above it by itself; nothing was changed",
            try_="`failover runs list`: an older controller may still have a run open",
        )
    print(
        f"{host.name}: the highest epoch seen becomes {now}, was {seen}; a controller with one between is let in again"
    )
    _ask(yes)
    reset_epoch(remote, host, seen=seen, to=now, reason=quote(f"{whoami()}: {reason}"[:300], safe=""))
