"""Fill a lab's run folder before the start: the files of each place, the secrets, hosts.yaml.

The files of a host are the trees `files/all`, `files/KIND` and `files/NAME`, one over the other, with `@WORD@` filled
in; and files made from the list of places.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path

from failover.lab import cgroups
from failover.lab.keys import ALGORITHM, KEY_NAME, ssh_key_pair, tsig_secret, write_secret
from failover.lab.places import DOMAIN, HOSTS, PLACES, SEATS, Place

TREES = Path(__file__).with_name("files")
CONTAINER = "sl-email"
SOA = "IN SOA ns1.lab.test. hostmaster.lab.test. 1 60 10 86400 5"


def hosts_file() -> str:
    """With ::1: without it spamd cannot name its peer and resets every client (measured, spamd 4.0.1)."""
    own = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"
    return own + "".join(f"{p.address} {p.fqdn} {p.name}\n" for p in PLACES.values())


def zones() -> dict[str, str]:
    """Zone files by name: the domain, its reverse, and a root zone with nothing else."""
    servers = "".join(f"@ IN NS {p.fqdn}.\n" for p in HOSTS if p.kind == "ns")
    glue = "".join(f"{p.fqdn}. IN A {p.address}\n" for p in PLACES.values())
    exchanges = "".join(f"@ IN MX {10 * n} {p.fqdn}.\n" for n, p in enumerate((p for p in HOSTS if p.kind == "mx"), 1))
    delegation = "".join(f"{DOMAIN}. IN NS {p.fqdn}.\n{p.fqdn}. IN A {p.address}\n" for p in HOSTS if p.kind == "ns")
    pointers = "".join(f"{p.address.rpartition('.')[2]} IN PTR {p.fqdn}.\n" for p in PLACES.values())
    head = f"$TTL 60\n@ {SOA}\n{servers}"
    return {DOMAIN: head + exchanges + glue, "reverse": head + pointers, "root": head + delegation}


def trees() -> tuple[str, ...]:
    """Folders of this machine that a lab host needs, read-only: this interpreter and this project."""
    return tuple(dict.fromkeys((sys.base_prefix, sys.prefix, str(Path(__file__).parents[2]))))


def write(folder: Path, extras: Collection[str] = ()) -> None:
    """Fill `folder`, which exists and is empty; secrets are readable by their owner alone."""
    (folder / "extras").write_text(" ".join(sorted(extras)))
    identity, tsig = ssh_key_pair(), tsig_secret()
    write_secret(folder / "id_ed25519", identity.private)
    write_secret(folder / "tsig", tsig)
    known = [_write_host(folder / host.name, host, identity.public, tsig) for host in HOSTS]
    (folder / "known_hosts").write_text("".join(known))
    (folder / "hosts.yaml").write_text(hosts_yaml(folder, extras))
    if "docker" in extras:
        for host in HOSTS:
            (folder / host.name / "shared" / "docker").write_text(f"{cgroups.name(folder)}/{host.name}\n")
    if "journal" in extras:
        for host in HOSTS:
            (folder / host.name / "shared" / "journal").touch()
    for name in ("layer", "lan"):
        (folder / name).mkdir()
    for seat in SEATS:
        for name, text in (("hosts", hosts_file()), ("resolv.conf", (TREES / "all/etc/resolv.conf").read_text())):
            _write(folder / seat.name / "files" / "etc" / name, text)


def _write_host(folder: Path, host: Place, authorized: str, tsig: str) -> str:
    """Returns the host's line of known_hosts."""
    for name in ("root", "shared", "handler"):
        (folder / name).mkdir(parents=True)
    files, key = folder / "files", ssh_key_pair()
    for tree in ("all", host.kind, host.name):
        _lay(
            TREES / tree,
            files,
            {"@NAME@": host.name, "@FQDN@": host.fqdn, "@PYTHON@": sys.executable, "@TREES@": " ".join(trees())},
        )
    _write(files / "etc/hosts", hosts_file())
    _write(files / "etc/hostname", f"{host.name}\n")
    _write(files / "etc/mailname", f"{host.fqdn}\n")
    _write(files / "root/.ssh/authorized_keys", authorized)
    _write(files / "etc/ssh/ssh_host_ed25519_key.pub", key.public)
    write_secret(files / "etc/ssh/ssh_host_ed25519_key", key.private)
    if host.name == "ns1":
        for name, text in zones().items():
            _write(files / "var/lib/bind" / name, text)
        _write(files / "etc/bind/failover.key", f'key {KEY_NAME} {{ algorithm {ALGORITHM}; secret "{tsig}"; }};\n')
    return f"{host.address},{host.name},{host.fqdn} {key.public}"


def _lay(tree: Path, onto: Path, words: dict[str, str]) -> None:
    for source in sorted(p for p in tree.rglob("*") if p.is_file()) if tree.exists() else ():
        text = source.read_text()
        for word, value in words.items():
            text = text.replace(word, value)
        target = onto / source.relative_to(tree)
        _write(target, text)
        # A wheel may have lost the mode; executables are known by their folder.
        target.chmod(0o755 if target.parent.name in {"init.d", "sbin"} else 0o644)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def hosts_yaml(folder: Path, extras: Collection[str] = ()) -> str:
    container = f", container: {CONTAINER}" if "docker" in extras else ""
    roles = {"mx1": "primary", "mx2": "standby"}
    hosts = "".join(
        f"""\
  {p.name}:
    role: {roles[p.name]}
    address: {p.address}
    mx: {p.fqdn}
    postfix: {{service: smtp/inet}}
    spam: {{engine: spamassassin, address: "127.0.0.1:783", unit: spamd}}
    handler: {{address: "127.0.0.1:20381", banner: "Python SMTP"{container}}}
"""
        for p in HOSTS
        if p.kind == "mx"
    )
    primary, secondary = PLACES["ns1"].address, PLACES["ns2"].address
    return f"""\
version: 1
state: sqlite:///{folder}/failover.db
defaults:
  ssh: {{user: root, port: 22, identity: {folder}/id_ed25519, known_hosts: {folder}/known_hosts}}
hosts:
{hosts}domains:
  {DOMAIN}:
    dns: {{kind: rfc2136, server: {primary}, key_name: {KEY_NAME}, key: "env:FAILOVER_TSIG", algorithm: {ALGORITHM}}}
    servers: [{secondary}]
"""
