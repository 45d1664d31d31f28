"""`failover init`: a first hosts.yaml from DNS and one look at each host. Nothing on any server is changed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from failover.cli import wiring
from failover.cli.options import options
from failover.cli.output import progress, table
from failover.errors import ConfigError, FailoverError, Refused

if TYPE_CHECKING:
    from failover.adapters.known_hosts import HostKey
    from failover.dns.entry import Found
    from failover.doctor.draft import Server, Wanted
    from failover.doctor.found_host import HostFound

USERS_OWN = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")
TSIG = "FAILOVER_TSIG"
_R = TypeVar("_R")


def init(
    ctx: typer.Context,
    domain: str = typer.Argument(metavar="DOMAIN", help="the domain whose mail they take"),
    out: Path | None = typer.Option(None, "--out", metavar="FILE", help="the file to write; by default hosts.yaml"),
    user: str = typer.Option("root", "--user", help="the user to log in as; root needs nothing installed"),
    port: int = typer.Option(22, "--port", min=1, max=65535, help="SSH port"),
    identity: Path | None = typer.Option(None, "--identity", metavar="FILE", help="private key; else the agent's"),
    known_hosts: Path | None = typer.Option(
        None, "--known-hosts", metavar="FILE", help="host keys; by default a file beside hosts.yaml"
    ),
    tsig: str | None = typer.Option(
        None, "--tsig", metavar="NAME:REF", help="TSIG key and where it is kept, as failover:file:/etc/failover/tsig"
    ),
    tsig_name: str = typer.Option("failover", "--tsig-name", metavar="NAME", help="the key's name for $FAILOVER_TSIG"),
    zone_id: str | None = typer.Option(None, "--zone-id", metavar="Z…", help="hosted zone, for Route 53"),
    dns: list[str] = typer.Option((), "--dns", metavar="KEY=VALUE", help="a key of the domain's dns, as kind=…"),
    yes: bool = typer.Option(False, "--yes", "-y", help="trust host keys that are not known yet, and do not ask"),
    force: bool = typer.Option(False, "--force", help="replace the file; the old one is kept as FILE.bak"),
) -> None:
    """Write hosts.yaml: MX from DNS, the rest from one look at each host. Changes nothing on any server."""
    from failover.config.write_hosts import text
    from failover.doctor import draft, found_dns

    to = out or options(ctx).hosts or Path("hosts.yaml")
    wanted = draft.Wanted(_domain(domain), to, user, port, identity, known_hosts, _given(tsig, tsig_name, zone_id, dns))
    _free(to, force=force)
    _valid(wanted)
    with progress(f"asking DNS for {wanted.domain} …"):
        listed = draft.servers(found_dns.exchanges(wanted.domain), wanted.ssh)
        zone = _zone(wanted.domain)
    listed = _trusted(wanted, listed, yes=yes)
    found = _looked(listed)
    _put(to, text(draft.draft(wanted, listed, found, zone, _tried(wanted, zone), datetime.now(UTC))))
    print("\n".join(_summary(wanted, listed, found)))
    print(f"next: failover{'' if options(ctx).hosts_file.absolute() == to.absolute() else f' --hosts {to}'} doctor")


def _free(out: Path, *, force: bool) -> None:
    """Raises Refused, ConfigError before anything was contacted."""
    if not out.absolute().parent.is_dir():
        raise ConfigError(f"{out}: there is no such folder; nothing was contacted", try_="make it, or another --out")
    if out.exists() and not force:
        raise Refused(f"{out} is there already; nothing was written", try_="--force keeps it as .bak; or --out FILE")


def _domain(text: str) -> str:
    from failover.fields import is_hostname

    name = text.lower().rstrip(".")
    if not is_hostname(name) or "." not in name:
        raise ConfigError(f"{text!r} is no domain", try_="write one such as example.net (other scripts: its xn-- form)")
    return name


def _given(tsig: str | None, tsig_name: str, zone_id: str | None, dns: list[str]) -> dict[str, str]:
    """Of the domain's `dns:`, by its keys. Raises ConfigError."""
    from failover.dns import PROVIDERS

    named = dict(word.partition("=")[::2] for word in dns)
    if "kind" in named and named["kind"] not in PROVIDERS:
        raise ConfigError(f"no DNS provider is called {named['kind']!r}", try_=f"one of {', '.join(PROVIDERS)}")
    key = dict(zip(("key_name", "key"), _key(tsig, tsig_name) or (), strict=False))
    return {**key, **({"zone_id": zone_id} if zone_id is not None else {}), **named}


def _key(given: str | None, name: str) -> tuple[str, str] | None:
    """The key's name and where its secret is kept; the secret itself is refused, and not shown."""
    from failover.fields import is_reference

    if given is None:
        return (name, f"env:{TSIG}") if os.environ.get(TSIG) else None
    name, _, reference = given.partition(":")
    if not name or not is_reference(reference):
        raise ConfigError("--tsig takes NAME:REF (not shown)", try_=f"--tsig failover:env:{TSIG}, or NAME:file:PATH")
    return name, reference


def _valid(wanted: Wanted) -> None:
    """The options, checked as hosts.yaml takes them. Raises ConfigError."""
    from failover.config.hosts import Ssh
    from failover.config.write_hosts import fits
    from failover.dns import PROVIDERS

    ssh = {"user": wanted.user, "identity": wanted.ssh.identity, "known_hosts": wanted.ssh.known_hosts}
    checks = [(fits(Ssh, ssh), "--user, --identity or --known-hosts is odd", "--user failover --identity FILE")]
    for kind, entry in PROVIDERS.items():
        chosen = {k: v for k, v in entry.chosen(wanted.dns).items() if k != "kind"}
        odd = f"what was given of dns is odd for {kind}: {', '.join(chosen)}"
        checks.append((not chosen or fits(entry.model, {**entry.example, **chosen}), odd, f"dns: {entry.text}"))
    for fine, what, try_ in checks:
        if not fine:
            raise ConfigError(f"{what}; nothing was contacted", try_=try_)


def _zone(domain: str) -> Found | FailoverError:
    from failover.doctor import found_dns

    try:
        return found_dns.zone(domain)
    except FailoverError as e:
        return e


def _tried(wanted: Wanted, zone: Found | FailoverError) -> str:
    """May the MX be changed? In words; empty when that was not tried."""
    from failover.config.write_hosts import fits
    from failover.core.fleet import Domain
    from failover.dns import drafted
    from failover.doctor.domain import right

    if isinstance(zone, FailoverError):
        return ""
    entry, dns = drafted(zone, wanted.dns)
    if not dns.tries or not fits(entry.model, dns.value):
        return ""
    at = entry.provider(entry.model.model_validate(dns.value), wanted.out.absolute().parent)
    return f"{dns.tries}: {right(Domain(wanted.domain, at), wiring.clock()).says}"


# Host keys ---------------------------------------------------------------------


def _trusted(wanted: Wanted, listed: tuple[Server, ...], *, yes: bool) -> tuple[Server, ...]:
    """Servers with their host keys in the file, or blind. Raises Refused (a key has changed, or a no), ConfigError."""
    from failover.adapters import host_keys

    usable = [s for s in listed if not s.left_out]
    offered = dict(zip([s.host.name for s in usable], _at_once(_offered, usable), strict=True))
    keys = {s: o for s in usable if not isinstance(o := offered[s.host.name], FailoverError)}
    own = () if wanted.known_hosts else tuple(Path(f).expanduser() for f in USERS_OWN)
    files = (wanted.keys_file, *own)
    trust = {s: host_keys.trust(s.host.address, wanted.port, k, files) for s, k in keys.items()}  # all, before any yes
    for s, found in trust.items():
        _show(s, keys[s], found.by)
    _ask([s.host.name for s, found in trust.items() if found.by is None], yes=yes)
    new = [(s, found.known or keys[s]) for s, found in trust.items() if found.by != wanted.keys_file]
    if text := "".join(host_keys.lines(s.host.address, wanted.port, k) for s, k in new):
        host_keys.add(wanted.keys_file, text)
    return tuple(_blind(s, offered.get(s.host.name)) for s in listed)


def _offered(s: Server) -> tuple[HostKey, ...] | FailoverError:
    from failover.adapters import host_keys

    try:
        return host_keys.fetch(s.host.address, s.host.ssh.port)
    except FailoverError as e:
        return e


def _blind(s: Server, offered: object) -> Server:
    return replace(s, blind=str(offered)) if isinstance(offered, FailoverError) else s


def _show(s: Server, keys: tuple[HostKey, ...], by: Path | None) -> None:
    if by is not None:
        print(f"{s.host.name}: host key known in {by}")
        return
    print(f"{s.host.name}: the host key of {s.host.address} is not known yet:")
    print("\n".join(table([k.fingerprint.split() for k in keys])))


def _ask(unknown: list[str], *, yes: bool) -> None:
    """Raises Refused: nobody is here to ask, or the answer is no."""
    if not unknown:
        return
    print("Compare on each server itself: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub", flush=True)
    if yes:
        print(f"Taken for their own without comparing, as --yes says: {', '.join(unknown)}")
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Refused(
            "nobody is here to compare host keys, and --yes was not given; nothing was written",
            try_="compare them, then add --yes; or give --known-hosts FILE that has them",
        )
    if not typer.confirm("Are they the servers' own?", default=False):
        raise Refused("declined; nothing was written", try_="ask whoever runs that server for its fingerprint")


# Looking -----------------------------------------------------------------------


def _looked(listed: tuple[Server, ...]) -> dict[str, HostFound]:
    from failover.core.fleet import Fleet
    from failover.doctor import found_host

    seen = [s for s in listed if not (s.left_out or s.blind)]
    remote = wiring.remote(Fleet({s.host.name: s.host for s in seen}))
    try:
        with progress(f"looking at {', '.join(s.host.name for s in seen)} …"):
            found = _at_once(lambda s: found_host.look_at(remote, s.host), seen)
    finally:
        getattr(remote, "close", lambda: None)()
    rest = {s.host.name: found_host.HostFound(found_host.unseen(s.blind or s.left_out)) for s in listed}
    return rest | dict(zip([s.host.name for s in seen], found, strict=True))


def _at_once(do: Callable[[Server], _R], of: Sequence[Server]) -> list[_R]:
    """Each look has its own deadline."""
    if not of:
        return []
    with ThreadPoolExecutor(min(16, len(of)), thread_name_prefix="init") as pool:
        return list(pool.map(do, of))


# Writing -----------------------------------------------------------------------


def _put(out: Path, text: str) -> None:
    """The text is loaded once before it is put in place; the old file is kept as .bak. Raises ConfigError."""
    from failover.adapters.files import put, real
    from failover.config.hosts import load_fleet

    try:
        out = real(out)
        trial = out.with_name(f".{out.name}.new")
        put(trial, text, 0o644)
        try:
            load_fleet(trial)
        except ConfigError as e:
            raise AssertionError(f"{trial} was written and would not load: {e}") from e
        if out.exists():
            out.replace(out.with_name(f"{out.name}.bak"))
        trial.replace(out)
    except OSError as e:
        raise ConfigError(f"cannot write {out}: {e.strerror}", try_="--out FILE, in a folder that we may write") from e


def _summary(wanted: Wanted, listed: tuple[Server, ...], found: dict[str, HostFound]) -> Iterator[str]:
    yield f"wrote {wanted.out}"
    rows = []
    for s in (s for s in listed if not s.left_out):
        seen = [line.key for line in found[s.host.name].lines if line.value is not None]
        open_ = [line.key for line in found[s.host.name].lines if line.value is None and line.key != "cloud"]
        said = f"seen: {', '.join(seen)}" if seen else f"not looked at: {s.blind or found[s.host.name].why_not}"
        rows.append(
            (s.host.name, s.host.role.value, s.host.address, said + (f"; open: {', '.join(open_)}" if open_ else ""))
        )
    yield from table(rows)
    yield from (f"  {s.exchange.name} was left out: {s.left_out}" for s in listed if s.left_out)
