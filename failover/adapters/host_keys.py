"""The SSH host keys that a server offers, and the file of those that we trust."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from failover.adapters import files, known_hosts
from failover.adapters.known_hosts import HostKey
from failover.adapters.sock import connect
from failover.adapters.watchdog import Errand, Overdue
from failover.core.words import duration
from failover.errors import ConfigError, Refused, Unreachable

KINDS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512")
"""One connection for each: a server shows one key at a time."""
WITHIN_S = 8.0


def fetch(address: str, port: int, *, within_s: float = WITHIN_S) -> tuple[HostKey, ...]:
    """One key of each kind, without a log-in. Raises Unreachable, within `within_s` seconds in any case."""
    errand: Errand[tuple[HostKey, ...]] = Errand()
    until = time.monotonic() + within_s
    where = f"{address}:{port}"
    try:
        keys = errand.run(lambda: tuple(_each(address, port, errand, until)), lambda _: until)
    except (OSError, EOFError, Overdue) as e:
        said = f"nothing came for {duration(within_s)}" if isinstance(e, Overdue | TimeoutError) else _words(e)
        raise Unreachable(f"no host key from {where}: {said}", try_=f"ssh-keyscan -p {port} {address}") from e
    if not keys:
        raise Unreachable(f"{where} has no host key of a kind that we know", try_=f"ssh-keyscan -p {port} {address}")
    return keys


def _words(e: Exception) -> str:
    return (e.strerror if isinstance(e, OSError) and e.strerror else str(e)) or "the connection was closed"


def _each(address: str, port: int, errand: Errand[tuple[HostKey, ...]], until: float) -> Iterable[HostKey]:
    import paramiko
    from paramiko.ssh_exception import IncompatiblePeer

    logging.getLogger("paramiko").addHandler(logging.NullHandler())  # else its tracebacks reach the terminal
    for kind in KINDS:
        sock = connect(address, port, timeout_s=until - time.monotonic())
        errand.holds(sock)
        transport = paramiko.Transport(sock)
        try:
            transport.get_security_options().key_types = [kind]
            with suppress(IncompatiblePeer):  # it has none of this kind
                transport.start_client(timeout=max(0.1, until - time.monotonic()))
                key = transport.get_remote_server_key()
                yield HostKey(key.get_name(), key.get_base64())
        except paramiko.SSHException as e:
            raise OSError(str(e)) from e
        finally:
            transport.close()


@dataclass(frozen=True, slots=True)
class Trust:
    """`known`: the offered keys that a file has already, and that file."""

    known: tuple[HostKey, ...]
    by: Path | None


def trust(address: str, port: int, offered: tuple[HostKey, ...], by: Iterable[Path]) -> Trust:
    """Trust by the first file that knows the address; a key that any file revokes is revoked. Raises Refused for a
    revoked key, or if the server offers none of the known keys."""
    read = list(_read(by))
    for path, kept in read:
        if revoked := [k for k in offered if k in kept.revoked]:
            raise _changed(f"{address}:{port} offers {revoked[0].fingerprint}, which {path} revokes", path)
    for path, kept in read:
        if before := kept.trusted(address, port):
            if same := tuple(k for k in offered if k in before):
                return Trust(same, path)
            said = f"{address}:{port} offers {offered[0].fingerprint}, {path} knows {before[0].fingerprint}"
            raise _changed(said, path)
    return Trust((), None)


def _read(paths: Iterable[Path]) -> Iterable[tuple[Path, known_hosts.KnownHosts]]:
    for path in paths:
        with suppress(OSError):
            yield path, known_hosts.load(path)


def _changed(said: str, path: Path) -> Refused:
    return Refused(
        f"the host key has changed: {said}; nothing was written, nobody was logged in",
        try_="find out on the server's own console why (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub); only then "
        f"take the old line out of {path}: ssh-keygen -R",
    )


def lines(address: str, port: int, keys: Iterable[HostKey]) -> str:
    """Lines of known_hosts (sshd(8))."""
    name = address if port == 22 else f"[{address}]:{port}"
    return "".join(f"{name} {k.kind} {k.base64}\n" for k in keys)


def add(path: Path, text: str) -> None:
    """Append to the file, all or nothing. Raises ConfigError."""
    try:
        before = path.read_text(encoding="utf-8", errors="surrogateescape") if path.exists() else ""
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        broken = "" if not before or before.endswith("\n") else "\n"
        files.put(path, before + broken + text, mode)
    except OSError as e:
        raise ConfigError(f"cannot write {path}: {e.strerror}", try_="give another file: --known-hosts FILE") from e
