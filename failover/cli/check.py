"""`failover check`: look once, say what is seen. It acts never and remembers nothing: no state store is opened."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from failover.cli import wiring
from failover.cli.options import Options, options
from failover.errors import ConfigError, FailoverError

if TYPE_CHECKING:
    from failover.cli.check_formats import Seen
    from failover.core.fleet import Fleet

WORKERS = 32
"""Hosts looked at at a time: more gains nothing, since paramiko's own work is then what takes the time."""


def check(
    ctx: typer.Context,
    host: list[str] = typer.Option([], "--host", metavar="H", help="only this host; may be repeated"),
    as_json: bool = typer.Option(False, "--json", help="print one JSON document and nothing else"),
    nagios: bool = typer.Option(False, "--nagios", help="a Nagios plugin's output, with performance data"),
    textfile: Path | None = typer.Option(None, metavar="PATH", help="write Prometheus text for node_exporter"),
) -> None:
    """Look once; acts never, remembers nothing. Exit 0 healthy, 1 degraded, 2 failed, 3 unknown or wrong usage."""
    from failover.cli import check_formats

    if as_json + nagios + (textfile is not None) > 1:
        raise ConfigError("--json, --nagios and --textfile exclude each other", try_="give one of them")
    opts = options(ctx)
    try:
        seen = _look(opts, tuple(host))
    except FailoverError as e:
        if nagios:  # a plugin speaks on stdout
            print(f"UNKNOWN: {check_formats.one_line(str(e))}")
        raise
    if textfile is not None:
        write_whole(textfile, check_formats.prometheus(seen))
    else:
        print(check_formats.as_json(seen) if as_json else "\n".join(_lines(seen, opts, nagios=nagios)))
    raise typer.Exit(check_formats.EXIT[seen.worst])


def _lines(seen: Seen, opts: Options, *, nagios: bool) -> list[str]:
    from failover.cli import check_formats, diagnosis_text

    if nagios:
        return check_formats.nagios_lines(seen)
    told = opts.verbose > 0
    return diagnosis_text.lines(seen.fleet, seen.samples, seen.verdict, hosts=seen.hosts, verbose=told)


def _look(opts: Options, named: tuple[str, ...]) -> Seen:
    from failover.cli.check_formats import Seen
    from failover.cli.output import progress
    from failover.core.diagnosis import diagnose_all
    from failover.core.candidates import Situation
    from failover.core.verdict import recommend
    from failover.probes.look import look

    fleet = wiring.fleet(opts)
    books, hosts = wiring.playbooks(opts), _chosen(fleet, named)
    remote, clock = wiring.remote(fleet), wiring.clock()
    try:
        with progress(f"looking at {', '.join(hosts)} …"):
            samples = look(fleet, hosts=hosts, remote=remote, smtp=wiring.smtp(), clock=clock, workers=WORKERS)
    finally:
        getattr(remote, "close", lambda: None)()
    now = clock.now()
    verdict = recommend(Situation(fleet, books, samples, now))
    return Seen(fleet, hosts, samples[0].at if samples else now, samples, diagnose_all(fleet, samples), verdict)


def _chosen(fleet: Fleet, named: tuple[str, ...]) -> tuple[str, ...]:
    """In the order of hosts.yaml."""
    for name in named:
        if name not in fleet.hosts:
            raise ConfigError(f"no host {name!r} in hosts.yaml", try_=f"one of: {', '.join(fleet.hosts)}")
    return tuple(h for h in fleet.hosts if not named or h in named)


def write_whole(path: Path, text: str) -> None:
    """Readers see the old file or the new one, never half. Readable by all, since node_exporter is another user."""
    try:
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as f:
            f.write(text)
            os.fchmod(f.fileno(), 0o644)
        Path(f.name).replace(path)
    except OSError as e:
        raise ConfigError(f"cannot write {path}: {e.strerror}", try_="give a path in a folder that we may write") from e
