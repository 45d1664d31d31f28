"""Every playbook loads, and can be bound to every host of the fleet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from failover.core.fleet import Fleet
from failover.core.runs.bind import Unbound, bind
from failover.core.runs.playbook import Playbook
from failover.core.words import count
from failover.doctor.findings import Finding, fail, ok, warn
from failover.errors import ConfigError

NAME = "playbooks"


def findings(files: Mapping[str, Path], fleet: Fleet) -> Iterator[Finding]:
    from failover.config.playbooks import load_playbook

    bound = []
    for name, path in files.items():
        try:
            playbook = load_playbook(path, named=name)
        except ConfigError as e:
            yield fail(NAME, name, str(e), try_=f"failover playbooks lint {path}")
            continue
        found = tuple(against(playbook, fleet))
        yield from found
        bound += [] if found else [name]
    if not files:
        yield fail(NAME, "fleet", "there are none", try_="failover playbooks list")
    elif bound:
        yield ok(NAME, "fleet", f"{count(len(bound), 'playbook')} can be bound here: {', '.join(bound)}")


def against(playbook: Playbook, fleet: Fleet) -> Iterator[Finding]:
    """Yields nothing where all is well."""
    if any(p.type == "domain" and p.default is None for p in playbook.params.values()) and not fleet.domains:
        said = "it moves the mail of a domain, and hosts.yaml has none"
        yield warn(NAME, playbook.name, said, try_="domains: {example.net: {dns: …}}, see `failover init`")
        return
    problems = dict.fromkeys(p for host in fleet.hosts for p in _problems(playbook, fleet, host))
    for problem in problems:
        yield fail(NAME, playbook.name, problem, try_=f"failover playbooks show {playbook.name}")


def _problems(playbook: Playbook, fleet: Fleet, host: str) -> tuple[str, ...]:
    """With this host for each host parameter, and the first domain; other parameters are a person's to give."""
    wanted = {name: p for name, p in playbook.params.items() if p.default is None}
    given = {name: host for name, p in wanted.items() if p.type == "host"}
    given |= {name: next(iter(fleet.domains)) for name, p in wanted.items() if p.type == "domain"}
    if wanted.keys() - given.keys():
        return ()
    try:
        bind(playbook, given, fleet)
    except Unbound as e:
        return e.problems
    return ()
