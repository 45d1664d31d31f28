"""`failover check`: one look, shown. It acts never and remembers nothing: it writes no state.

A domain counts like a host: it has failed (2) if its servers disagree, and is unknown (3) if they cannot be asked.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from failover.cli import wiring
from failover.cli.options import JSON, Options, options
from failover.errors import ConfigError, FailoverError

if TYPE_CHECKING:
    from failover.cli.check_formats import Seen
    from failover.cli.prometheus import Standing
    from failover.core.fleet import Fleet
    from failover.core.observe.signal import Samples
    from failover.ports import Clock, Reply
    from failover.signals.debts import Debt

    Debts = tuple[Debt, ...]

WORKERS = 32
"""Hosts looked at in parallel. More gains nothing: paramiko's own work then takes the time."""

DOMAINS_S = 6.0
"""Seconds for the name servers: as long as for a host that hangs."""


def check(
    ctx: typer.Context,
    host: list[str] = typer.Option([], "--host", metavar="H", help="only this host; may be repeated"),
    as_json: JSON = False,
    nagios: bool = typer.Option(False, "--nagios", help="a Nagios plugin's output, with performance data"),
    textfile: Path | None = typer.Option(None, metavar="PATH", help="write Prometheus text for node_exporter"),
) -> None:
    """Look once; acts never, remembers nothing. Exit 0 healthy, 1 degraded, 2 failed, 3 unknown or wrong usage."""
    from failover.cli import check_formats
    from failover.cli.prometheus import prometheus

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
        found = {h: seen.found[h] for h in seen.hosts}
        standing = _standing(opts, seen.fleet, seen.at)
        write_whole(textfile, prometheus(seen.fleet, seen.samples, found, standing=standing))
    else:
        print(check_formats.as_json(seen) if as_json else "\n".join(_lines(seen, opts, nagios=nagios)))
    raise typer.Exit(check_formats.EXIT[seen.worst])


def _lines(seen: Seen, opts: Options, *, nagios: bool) -> list[str]:
    from failover.cli import check_formats, diagnosis_text

    if nagios:
        return check_formats.nagios_lines(seen)
    told = opts.verbose > 0
    hosts = diagnosis_text.lines(seen.fleet, seen.samples, seen.verdict, hosts=seen.hosts, verbose=told)
    would = diagnosis_text.decision(seen.verdict)
    return [*hosts[: -len(would)], *check_formats.domain_lines(seen.domains, verbose=told), *would]


def _look(opts: Options, named: tuple[str, ...]) -> Seen:
    """Domains are left out when hosts are named."""
    from failover.cli.check_formats import Seen, domain_states
    from failover.cli.output import progress
    from failover.core.decide.candidates import Situation
    from failover.core.decide.verdict import recommend
    from failover.core.observe.diagnosis import diagnose_all

    fleet = wiring.fleet(opts)
    books, hosts = wiring.playbooks(opts), _chosen(fleet, named)
    clock = wiring.clock()
    with progress(f"looking at {', '.join(hosts)} …"):
        owed: dict[str, Debts] = {}
        samples = _known(opts, fleet, _samples(fleet, hosts, clock, owed, domains=not named))
    now = clock.now()
    verdict = recommend(Situation(fleet, books, samples, now))
    at = next((s.at for s in samples if s.host in fleet.hosts), now)
    found = diagnose_all(fleet, samples)
    return Seen(fleet, hosts, at, samples, found, verdict, domain_states(fleet, samples), owed)


def _known(opts: Options, fleet: Fleet, samples: Samples) -> Samples:
    """The changes in force on each host, compared with the controller's records if we may read them."""
    from functools import partial

    from failover.adapters.store_guest import guest
    from failover.core.alerting import debts
    from failover.runs import history

    if not any(map(debts.is_weighed, samples)):
        return samples
    with suppress(FailoverError), guest(opts.state_url or fleet.state) as store:  # a state we cannot read hides no host
        if store is not None:
            return debts.weighed(samples, partial(history.amiss, store), epoch=store.epoch())
    return debts.weighed(samples, lambda run, step: "unknown", sure=False)


def _samples(fleet: Fleet, hosts: tuple[str, ...], clock: Clock, owed: dict[str, Debts], *, domains: bool) -> Samples:
    """Hosts and domains at once. Rates are not asked for: they need an earlier look, and there is none."""
    from failover.signals import COUNTED, SIGNALS, debts, weighs
    from failover.signals.look import look

    def heard(host: str, facts: Reply) -> None:
        with suppress(ValueError):  # then the signal says so
            owed[host] = debts.of(host, facts.all("debt"))

    remote, wanted = wiring.remote(fleet), frozenset(SIGNALS) - COUNTED
    with ThreadPoolExecutor(1) as beside:
        shown = beside.submit(_domains, fleet, clock) if domains and fleet.domains else None
        try:
            found = look(
                fleet,
                hosts=hosts,
                wanted=wanted,
                remote=remote,
                smtp=wiring.smtp(),
                clock=clock,
                workers=WORKERS,
                heard=heard,
            )
        finally:
            getattr(remote, "close", lambda: None)()
        told = (s for s in found if weighs(s))
        return (*told, *(shown.result() if shown else ()))


def _domains(fleet: Fleet, clock: Clock) -> Samples:
    from failover.dns import zone_of
    from failover.signals.dns import look_at

    return look_at(fleet.domains.values(), lambda domain: zone_of(domain, clock), clock, within_s=DOMAINS_S)


def _chosen(fleet: Fleet, named: tuple[str, ...]) -> tuple[str, ...]:
    """In the order of hosts.yaml."""
    for name in named:
        if name not in fleet.hosts:
            raise ConfigError(f"no host {name!r} in hosts.yaml", try_=f"one of: {', '.join(fleet.hosts)}")
    return tuple(h for h in fleet.hosts if not named or h in named)


def _standing(opts: Options, fleet: Fleet, now: datetime) -> Standing | None:
    """The controller's state, if we may read it; nothing is written there."""
    from failover.adapters.store_guest import guest
    from failover.cli.prometheus import standing_of

    try:
        with guest(opts.state_url or fleet.state) as store:
            return standing_of(fleet, store, now) if store is not None else None
    except FailoverError as e:
        print(f"left out what the state store would say: {e}", file=sys.stderr)
        return None


def write_whole(path: Path, text: str) -> None:
    """Readers see the old file or the new one, never half of it. node_exporter is another user, so all may read."""
    from failover.adapters import files

    try:
        files.put(path, text, 0o644)
    except OSError as e:
        raise ConfigError(f"cannot write {path}: {e.strerror}", try_="give a path in a folder that we may write") from e
