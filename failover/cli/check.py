"""`failover check`: look once, say what is seen. It acts never and remembers nothing: no state store is opened."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from failover.cli import check_formats as formats
from failover.cli import diagnosis_text, wiring
from failover.cli.options import Options, options
from failover.cli.output import print_json, progress
from failover.core.diagnosis import diagnose_all
from failover.core.verdict import decide
from failover.errors import ConfigError, FailoverError
from failover.probes.look import look

if TYPE_CHECKING:
    from failover.core.fleet import Fleet

WORKERS = 32


def check(
    ctx: typer.Context,
    host: list[str] = typer.Option([], "--host", metavar="H", help="only this host; may be repeated"),
    as_json: bool = typer.Option(False, "--json", help="print one JSON document and nothing else"),
    nagios: bool = typer.Option(False, "--nagios", help="a Nagios plugin's output, with performance data"),
    textfile: Path | None = typer.Option(None, metavar="PATH", help="write Prometheus text for node_exporter"),
) -> None:
    """Look once; acts never, remembers nothing. Exit 0 healthy, 1 degraded, 2 failed, 3 unknown or wrong usage."""
    if as_json + nagios + (textfile is not None) > 1:
        raise ConfigError("--json, --nagios and --textfile exclude each other", try_="give one of them")
    try:
        seen = _look(options(ctx), tuple(host))
    except FailoverError as e:
        if nagios:  # a plugin speaks on stdout
            print(f"UNKNOWN: {_one_line(str(e))}")
        raise
    if as_json:
        from failover.cli.output import print_json

        print_json(document(seen))
    elif nagios:
        print("\n".join(nagios_lines(seen)))
    elif textfile is not None:
        write_whole(textfile, prometheus(seen))
    else:
        from failover.cli import diagnosis_text

        verbose = options(ctx).verbose > 0
        print(
            "\n".join(diagnosis_text.lines(seen.fleet, seen.samples, seen.verdict, hosts=seen.hosts, verbose=verbose))
        )
    raise typer.Exit(EXIT[seen.worst])


def _look(opts: Options, named: tuple[str, ...]) -> formats.Seen:
    fleet = wiring.fleet(opts)
    books, hosts = wiring.playbooks(opts), _chosen(fleet, named)
    remote, clock = wiring.remote(fleet), wiring.clock()
    try:
        with progress(f"looking at {', '.join(hosts)} …"):
            samples = look(fleet, hosts=hosts, remote=remote, smtp=wiring.smtp(), clock=clock, workers=WORKERS)
    finally:
        getattr(remote, "close", lambda: None)()
    now = clock.now()
    verdict = decide(fleet, books, samples, now=now, spacing=fleet.policy.spacing_s)
    return formats.Seen(fleet, hosts, samples[0].at if samples else now, samples, diagnose_all(fleet, samples), verdict)


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
