"""The lab's software, installed once into an overlay layer over / and kept as a tar file in the cache.

The tar file is unpacked into memory when a lab comes up: the kernel refuses an overlay layer inside another one
("overlapping lowerdir path", seen on 6.18), and a cache folder is inside /.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from failover.errors import ConfigError, FailoverError, NeedsPerson
from failover.lab.apart import outside

PACKAGES = (
    "postfix", "spamassassin", "spamc", "spamd", "openssh-server", "bind9", "bind9-utils", "bind9-dnsutils",
    "procps", "iptables", "util-linux", "sudo", "busybox",
)  # fmt: skip
EXTRAS = {
    "docker": ("docker.io",),
    "filters": ("amavisd-new", "opendkim", "openssl", "acl"),
    "journal": ("systemd",),
    "powerdns": ("pdns-server", "pdns-backend-sqlite3"),
}
"""Extra software; each set is a layer of its own, so nobody waits for software that they do not use."""
DPKG_STATUS = Path("/var/lib/dpkg/status")
INSTALL = Path(__file__).with_name("install.sh")
INSTALL_S = 600.0


def packages(extras: Iterable[str] = ()) -> tuple[str, ...]:
    """Raises ConfigError for an extra that no lab has."""
    if unknown := sorted(set(extras) - EXTRAS.keys()):
        raise ConfigError(f"no lab comes with {', '.join(unknown)}", try_=f"one of {', '.join(EXTRAS)}")
    return (*PACKAGES, *(p for name in sorted(set(extras)) for p in EXTRAS[name]))


def cached(extras: Iterable[str] = ()) -> Path:
    """The file of the layer for these packages on this machine as it is now; it need not exist."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "failover" / "lab" / _key(packages(extras)) / "layer.tar"


def _key(wanted: tuple[str, ...]) -> str:
    """The layer has copies of the machine's dpkg database and users, so any change of packages makes a new one."""
    if not DPKG_STATUS.exists():
        raise FailoverError(f"the lab installs Debian packages and {DPKG_STATUS} is missing", try_="use a Debian host")
    digest = hashlib.sha256()
    for part in (" ".join(wanted).encode(), INSTALL.read_bytes(), DPKG_STATUS.read_bytes()):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:16]


def ensure(*, install: bool, extras: Iterable[str] = ()) -> Path:
    """The layer; installed first if `install`. Raises NeedsPerson if it is not there (nothing was fetched)."""
    wanted, layer = packages(extras), cached(extras)
    if layer.exists():
        return layer
    if not install:
        named = ", ".join(sorted(wanted, key=PACKAGES.__contains__)[:6])  # extras first
        options = "".join(f" --with {extra}" for extra in extras)
        raise NeedsPerson(
            f"the lab's software is not there yet: it would fetch {_size(wanted)} of Debian packages ({named}…)"
            f" into {layer.parent} and leave the machine's own packages alone",
            try_=f"`failover lab up --install{options}`",
        )
    _install(layer, wanted, extras)
    return layer


def _size(wanted: tuple[str, ...]) -> str:
    """Megabytes to fetch, by apt, without those in the machine's package cache."""
    asked = ["apt-get", "-qq", "-o", "Debug::NoLocking=1", "--print-uris", "--no-install-recommends", "install"]
    try:
        uris = subprocess.run([*asked, *wanted], capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return "about 20 MB"
    sizes = re.findall(r"^\S+ \S+ (\d+) ", uris, re.MULTILINE)
    return f"{sum(map(int, sizes)) / 1e6:.0f} MB"


def _install(layer: Path, wanted: tuple[str, ...], extras: Iterable[str]) -> None:
    layer.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=layer.parent) as scratch:
        made, log = Path(scratch) / "layer.tar", layer.with_name("install.log")
        root = Path(scratch) / "root"
        root.mkdir()
        apart = ["unshare", "-m", "-p", "-f", "--kill-child=KILL", "--propagation", "private"]
        with log.open("w") as out:
            try:
                subprocess.run(
                    [*apart, "bash", str(INSTALL), str(root), str(made), *wanted],
                    env=dict(os.environ) | outside(),
                    stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=INSTALL_S, check=True,
                )  # fmt: skip
            except subprocess.SubprocessError as e:
                said = "; ".join(log.read_text(errors="replace").strip().splitlines()[-3:])
                raise FailoverError(
                    f"the lab's software{_named(extras)} could not be installed: {said or e}",
                    try_=f"read {log}" + ("; the drill spam-filter-hung does without" if extras else ""),
                ) from e
        made.replace(layer)  # atomic: two labs may install at once


def _named(extras: Iterable[str]) -> str:
    """The name of an extra, for the message: a lab without it may be possible."""
    return "".join(f", with {extra} ({', '.join(EXTRAS[extra])})," for extra in extras)
