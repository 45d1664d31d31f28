"""The lines of a first hosts.yaml, from the answers of DNS and of the hosts. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from failover.config.write_hosts import Block, Draft, Line
from failover.core.fleet import Host, Role, Ssh
from failover.dns import USUAL, drafted
from failover.dns.entry import Found
from failover.doctor.found_dns import Exchange
from failover.doctor.found_host import HostFound
from failover.errors import FailoverError, Refused
from failover.fields import HOST_ID


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of `failover init`; paths as given. `known_hosts` None: a file of that name beside hosts.yaml. `dns`:
    keys of the domain's `dns:`."""

    domain: str
    out: Path
    user: str
    port: int
    identity: Path | None
    known_hosts: Path | None
    dns: Mapping[str, str]

    @property
    def keys_file(self) -> Path:
        return _absolute(self.known_hosts) if self.known_hosts else self.out.absolute().parent / "known_hosts"

    @property
    def ssh(self) -> Ssh:
        return Ssh(self.user, self.port, str(_absolute(self.identity)) if self.identity else None, str(self.keys_file))


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


@dataclass(frozen=True, slots=True)
class Server:
    """One MX for the file. `left_out`: why it is not written; `blind`: why it cannot be looked at."""

    exchange: Exchange
    host: Host
    left_out: str = ""
    blind: str = ""


def servers(exchanges: Sequence[Exchange], ssh: Ssh) -> tuple[Server, ...]:
    """Named by the first label of the MX's name. The first with an address of its own is the primary.
    Raises Refused: no MX has an address."""
    made: list[Server] = []
    for exchange in exchanges:
        address = exchange.addresses[0] if exchange.addresses else ""
        left_out = _left_out(exchange, address, made)
        role = Role.STANDBY if any(not s.left_out for s in made) else Role.PRIMARY
        name = _name(exchange.name, {s.host.name for s in made})
        made.append(Server(exchange, Host(name, role, address, exchange.name, ssh=ssh), left_out))
    if all(s.left_out for s in made):
        said = "; ".join(f"{s.exchange.name}: {s.left_out}" for s in made)
        raise Refused(f"no MX can be used: {said}; nothing was written", try_="see its DNS from here")
    return tuple(made)


def _left_out(exchange: Exchange, address: str, before: Sequence[Server]) -> str:
    """One name may stand twice in an MX set: while mail is shifted, the standby has two records."""
    if not address:
        return f"it has no address: {exchange.why}"
    for s in before:
        if s.exchange.name == exchange.name:
            return f"it stands there as {s.host.name} already, with preference {s.exchange.preference}"
        if s.host.address == address:
            return f"it has the address of {s.host.name}: the same machine by another name"
    return ""


def _name(exchange: str, taken: set[str]) -> str:
    label = exchange.partition(".")[0]
    first = label if re.fullmatch(HOST_ID, label) else "mx"
    return next(n for n in (first, *(f"{first}-{i}" for i in range(2, 1000))) if n not in taken)


# Lines -------------------------------------------------------------------------


def draft(
    wanted: Wanted,
    listed: tuple[Server, ...],
    found: Mapping[str, HostFound],
    zone: Found | FailoverError,
    tried: str,
    at: datetime,
) -> Draft:
    """`tried`: may the MX be changed? In words."""
    head = (
        f"Made by `failover init {wanted.domain}`, {at:%Y-%m-%d %H:%M} UTC; nothing on any server was changed.",
        "Each value has its evidence above it; an unknown one is commented out, with how to fill it.",
        "Relative paths are relative to this file's folder. Secrets never stand here, only where they are kept: "
        '"file:PATH", "env:NAME", "cred:NAME".',
    )
    hosts = tuple(_host(wanted, s, found[s.host.name]) for s in listed)
    return Draft(head, tuple(_ssh(wanted)), hosts, (_domain(wanted, zone, tried),))


def _ssh(wanted: Wanted) -> Iterator[Line]:
    helper = "an ordinary user is enough after `failover host install HOST`" if wanted.user == "root" else "as given"
    yield Line("user", wanted.user, helper)
    yield Line("port", wanted.port)
    identity = wanted.ssh.identity
    yield Line(
        "identity",
        identity,
        "" if identity else "Not given: the agent's keys and those of ~/.ssh are tried. For cron:",
        "/etc/failover/id_ed25519",
    )
    known = str(wanted.keys_file) if wanted.known_hosts else "known_hosts"
    yield Line("known_hosts", known, "host keys are always checked")


def _host(wanted: Wanted, s: Server, found: HostFound) -> Block:
    exchange = s.exchange
    why = f"MX {exchange.preference} of {wanted.domain}"
    if s.left_out:
        why += f"; left out: {s.left_out}"
    elif s.blind or found.why_not:
        why += f"; could not be looked at: {s.blind or found.why_not}"
    others = f"; others: {', '.join(exchange.addresses[1:])}" if len(exchange.addresses) > 1 else ""
    role = "the most preferred MX is the primary" if s.host.role.value == "primary" else "less preferred: standby"
    lines = (
        Line("role", s.host.role.value, role),
        Line(
            "address",
            s.host.address or "192.0.2.1",
            f"address of {exchange.name}, where SSH and SMTP are reached{others}",
        ),
        Line("mx", s.host.mx, "the name that MX records carry"),
        *found.lines,
    )
    return Block(s.host.name, why, lines, usable=not s.left_out)


def _domain(wanted: Wanted, zone: Found | FailoverError, tried: str) -> Block:
    if isinstance(zone, FailoverError):
        line = Line("dns", None, "", USUAL.text)
        return Block(wanted.domain, f"its zone was not found: {zone}", (line,), usable=False)
    _, dns = drafted(zone, wanted.dns)
    line = Line("dns", dns.value, tried or dns.why, dns.example)
    return Block(wanted.domain, dns.zone, (line,), usable=dns.usable)
