"""`failover queue`: which mail waits on a host, since when, and why. It changes nothing."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import typer

from failover.cli import wiring
from failover.cli.options import options
from failover.errors import ConfigError, FailoverError

if TYPE_CHECKING:
    from failover.core.fleet import Fleet
    from failover.core.waiting import Listing
    from failover.ports import Remote

    Answers = dict[str, Listing | FailoverError]

MOST_OLDEST = 50
"""The helper tells so many."""
WORKERS = 8
UNKNOWN = 3


def queue(
    ctx: typer.Context,
    host: str | None = typer.Argument(None, metavar="[HOST]", help="a name of hosts.yaml; without it, every host"),
    hosts: list[str] = typer.Option([], "--host", metavar="H", help="the same as HOST; may be repeated"),
    by: str | None = typer.Option(
        None,
        metavar="FIELD",
        help="only one table, a longer one: reason, nexthop, sender, sender-domain, recipient, recipient-domain, age",
    ),
    oldest: int = typer.Option(10, min=0, max=MOST_OLDEST, metavar="N", help="so many of the oldest messages"),
    sender: str | None = typer.Option(None, metavar="ADDRESS", help="only mail of this sender"),
    recipient: str | None = typer.Option(None, metavar="ADDRESS", help="only mail to this recipient"),
    as_json: bool = typer.Option(False, "--json", help="print one JSON document and nothing else"),
) -> None:
    """Show which mail waits, since when, and why. Changes nothing. Exit 3 when a host does not tell."""
    from failover.cli import output, queue_text
    from failover.core.waiting import BY

    if by is not None and by not in BY:
        raise ConfigError(f"--by knows no {by!r}", try_=f"one of: {', '.join(BY)}")
    what, fleet = _what(sender, recipient), wiring.fleet(options(ctx))
    named = _chosen(fleet, (*([host] if host else []), *hosts))
    with output.progress(f"reading the queue of {', '.join(named)} …"):
        found = _ask(fleet, named, what)
    if as_json:
        output.print_json(queue_text.document(found, by, oldest, what))
    else:
        print("\n".join(queue_text.lines(found, by, oldest, what)))
    told = all(not isinstance(f, FailoverError) and f.matched is not None and f.counted for f in found.values())
    raise typer.Exit(0 if told else UNKNOWN)


_ADDRESS = re.compile(r"[A-Za-z0-9._+=,-]+@[A-Za-z0-9.-]+")


def _what(sender: str | None, recipient: str | None) -> str:
    """The filter as the helper takes it: a plain address. Raises ConfigError."""
    given = [(kind, value) for kind, value in (("sender", sender), ("recipient", recipient)) if value is not None]
    if len(given) > 1:
        raise ConfigError("--sender and --recipient exclude each other", try_="give one of them")
    for kind, value in given:
        if not _ADDRESS.fullmatch(value) or "," in value or "=-" in f"={value}":
            raise ConfigError(
                f"--{kind}: {value!r} is no plain address", try_=f"--{kind} ann@example.net, or --by {kind}"
            )
        return f"{kind}={value}"
    return ""


def _chosen(fleet: Fleet, named: tuple[str, ...]) -> tuple[str, ...]:
    if odd := [name for name in named if name not in fleet.hosts]:
        raise ConfigError(f"no host {odd[0]!r}", try_=f"one of: {', '.join(fleet.hosts)}")
    return tuple(dict.fromkeys(named)) or tuple(fleet.hosts)


def _ask(fleet: Fleet, named: tuple[str, ...], what: str) -> Answers:
    """All hosts at the same time; one that does not answer hides no other."""
    remote = wiring.remote(fleet)
    try:
        with ThreadPoolExecutor(WORKERS) as pool:
            return dict(zip(named, pool.map(lambda name: _of(remote, fleet, name, what), named), strict=True))
    finally:
        close = getattr(remote, "close", None)
        if close is not None:
            close()


def _of(remote: Remote, fleet: Fleet, name: str, what: str) -> Listing | FailoverError:
    from failover.adapters import listing

    try:
        return listing.ask(remote, fleet.hosts[name], what)
    except FailoverError as e:
        return e
