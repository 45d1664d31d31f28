"""`failover doctor`: could we fail over right now? Reads and permission checks only; it changes nothing anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import typer

from failover.cli import wiring
from failover.cli.options import JSON, Options, options

if TYPE_CHECKING:
    from failover.core.fleet import Domain, Fleet, Host
    from failover.doctor.examine import Look
    from failover.doctor.findings import Finding
    from failover.ports import Remote, Store
    from failover.runs.service import Runs
    from failover.signals.debts import Debt

    Standing = dict[str, tuple[Debt, ...]]  # our debts, by each host's own word

WITHIN_S = 30.0
"""For all looks outside together. Each has a deadline of its own, mostly 10 s; this one is for a large fleet or a slow
machine. The records come after."""
RECORDS_S = 15.0
_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "unknown": "magenta"}


def doctor(ctx: typer.Context, as_json: JSON = False) -> None:
    """Could we fail over right now? Changes nothing. Exit 0 ready, 6 not ready, 3 could not look everywhere."""
    from failover.cli import output
    from failover.doctor.findings import exit_code, ready

    opts = options(ctx)
    found = examined(opts, wiring.fleet(opts))
    if as_json:
        checks = [
            {"name": f.name, "subject": f.subject, "outcome": f.outcome.value, "says": f.says, "try": f.try_ or None}
            for f in found
        ]
        output.print_json({"ready": ready(found), "checks": checks})
    else:
        print("\n".join(lines(found)))
    raise typer.Exit(exit_code(found))


def examined(opts: Options, fleet: Fleet) -> tuple[Finding, ...]:
    from failover.cli.output import progress
    from failover.doctor.examine import Look, examine

    standing: Standing = {}
    remotes = [wiring.remote(fleet), wiring.remote(fleet)]  # one host's calls take turns: a hang must not hide another
    try:
        with progress(f"looking at {', '.join((*fleet.hosts, *fleet.domains))} …"):
            found = examine(_looks(opts, fleet, remotes, standing), within_s=WITHIN_S)
            records = [Look("state", "fleet", lambda: _records(opts, fleet, standing))]
            return (*found, *examine(records, within_s=RECORDS_S))
    finally:
        for remote in remotes:
            getattr(remote, "close", lambda: None)()


def _looks(opts: Options, fleet: Fleet, remotes: list[Remote], standing: Standing) -> list[Look]:
    from failover.doctor.examine import Look

    return [
        Look("playbooks", "fleet", lambda: _playbooks(opts, fleet)),
        Look("notify", "fleet", lambda: _channels(fleet)),
        *(Look("ssh", h.name, partial(_host, fleet, h, remotes[0], standing)) for h in fleet.hosts.values()),
        Look("mail", "fleet", lambda: _mail(fleet, remotes[1])),
        *(Look("cloud", h.name, partial(_cloud, h)) for h in fleet.hosts.values() if h.cloud),
        *(Look("mx", d.name, partial(_domain, fleet, d)) for d in fleet.domains.values()),
        *([] if fleet.domains else [Look("mx", "fleet", _no_domain)]),
    ]


def _playbooks(opts: Options, fleet: Fleet) -> Iterable[Finding]:
    from failover.config.catalogue import list_all
    from failover.doctor import playbooks

    return playbooks.findings(list_all(opts.playbook_folder), fleet)


def _channels(fleet: Fleet) -> Iterable[Finding]:
    from failover.adapters import resolver, secrets
    from failover.doctor import channels

    return channels.findings(fleet, secrets.resolve, partial(resolver.addresses, patience_s=2.0))


def _host(fleet: Fleet, host: Host, remote: Remote, standing: Standing) -> Iterable[Finding]:
    from failover.actions.permits import permits
    from failover.adapters import helper
    from failover.doctor.host import HostLook
    from failover.host import script_text

    ours = helper.of_text(script_text())
    return HostLook(host, remote, wiring.clock(), ours, standing, permits(fleet, host)).findings()


def _mail(fleet: Fleet, remote: Remote) -> Iterable[Finding]:
    from failover.doctor import mail

    return mail.findings(fleet, remote, wiring.smtp(), wiring.clock())


def _cloud(host: Host) -> Iterable[Finding]:
    from failover.doctor import aws_right

    return [aws_right.machine(host, host.cloud)] if host.cloud else []


def _domain(fleet: Fleet, domain: Domain) -> Iterable[Finding]:
    from failover.dns import zone_of
    from failover.doctor import domain as one

    clock = wiring.clock()
    return one.findings(fleet, domain, partial(zone_of, clock=clock), clock)


def _no_domain() -> Iterable[Finding]:
    from failover.dns import USUAL
    from failover.doctor.findings import warn

    said = "hosts.yaml has no domains: mail cannot be moved by DNS"
    yield warn("mx", "fleet", said, try_=f"domains: {{example.net: {{dns: {USUAL.text}}}}}; see failover init")


def _records(opts: Options, fleet: Fleet, standing: Standing) -> Iterator[Finding]:
    """As a guest: nothing is made, upgraded or locked there."""
    from failover.adapters.store_guest import guest
    from failover.core.observe.signal import Outcome
    from failover.doctor import state
    from failover.doctor.findings import ok

    url = opts.state_url or fleet.state
    path = state.sqlite_file(url)
    here = [*state.folder(path), *([state.database(path)] if path.is_file() else [])] if path else []
    yield from here
    if any(f.outcome is Outcome.FAIL for f in here):
        yield from state.forgotten(standing, _nothing)
        return
    with guest(url) as store:
        if path is None:
            yield ok("state", "PostgreSQL", "it lets us in" + ("" if store else ", nothing was recorded yet"))
        if store is None:
            yield from state.forgotten(standing, _nothing)
        else:
            yield from state.records(_controller(fleet, store), standing)


def _nothing(run: str, step: str) -> str:
    return "nothing of it is recorded here"


def _controller(fleet: Fleet, store: Store) -> Runs:
    """The service without ports: it only reads the records."""
    from failover.actions.base import Ports
    from failover.channels.notifier import Notify
    from failover.runs.service import Runs

    return Runs(Ports(fleet, wiring.remote(fleet), Notify(), wiring.clock(), lambda *_: ()), store)


def lines(found: tuple[Finding, ...]) -> list[str]:
    """Findings by subject; what is well is one short line."""
    subjects = dict.fromkeys(f.subject for f in found)
    out = []
    for subject in subjects:
        out.append(_printable(subject))
        for f in (f for f in found if f.subject == subject):
            out += _said(f)
    return [*out, _last(found)]


def _said(f: Finding) -> list[str]:
    from failover.cli.output import paint

    word = f.outcome.value
    first = f"  {paint(word.ljust(8), _COLOURS[word])}{f.name.ljust(12)}{_printable(f.says)}"
    return [first, *([f"{'':10}try: {_printable(f.try_)}"] if f.try_ else [])]


def _last(found: tuple[Finding, ...]) -> str:
    from failover.core.words import count
    from failover.doctor.findings import ready

    n = {word: sum(f.outcome.value == word for f in found) for word in _COLOURS}
    warned = f", {count(n['warn'], 'warning')}" if n["warn"] else ""
    if ready(found):
        return f"Ready{warned}."
    missing = f", {n['unknown']} not looked at" if n["unknown"] else ""
    return f"Not ready: {n['fail']} to fix{missing}{warned}."


def _printable(text: str) -> str:
    """A server's words may carry control codes for the terminal."""
    return "".join(c if c.isprintable() else " " for c in text)
