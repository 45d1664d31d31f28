"""One SSH session to one host, over Fabric: opened with strict host keys, then asked one command at a time.

Runs inside an `Errand` and reports its stages. Its own time-outs end first and
give the better sentence.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import fabric
import paramiko
from paramiko.pkey import UnknownKeyType

from failover.adapters import known_hosts, reply, ssh_words
from failover.adapters.sock import PromptSocket, connect
from failover.adapters.watchdog import Errand, Stage
from failover.core.fleet import Host
from failover.errors import Blind

logging.getLogger("paramiko").addHandler(logging.NullHandler())  # else its tracebacks reach the operator's terminal
_others = threading.excepthook


def _not_paramikos(args: threading.ExceptHookArgs) -> None:
    """Paramiko's thread may raise when its connection dies; our call gets its own error of that."""
    if not isinstance(args.thread, paramiko.Transport):
        _others(args)


threading.excepthook = _not_paramikos

WINDOW = 64 * 1024
DEFAULT_KNOWN_HOSTS = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")


@dataclass(frozen=True, slots=True)
class Output:
    """`exit_code` None: no exit status came."""

    stdout: bytes
    stderr: bytes
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class Session:
    connection: Any
    sock: PromptSocket

    def close(self) -> None:
        with suppress(Exception):
            self.connection.close()
        with suppress(Exception):  # Fabric closes nothing once the transport has died
            self.connection.client.close()
        self.sock.close()


def open_session(host: Host, errand: Errand[Any], *, by: float) -> Session:
    """`by` is monotonic. Raises Unreachable, or errors of the libraries, which mean the same at this stage."""
    trusted = _trusted(host)
    own = identity(host)
    sock = connect(host.address, host.ssh.port, timeout_s=by - time.monotonic())
    errand.holds(sock)
    errand.at(Stage.GREET)
    session = Session(_connection(host, errand, trusted, own, sock, by=by), sock)
    try:
        session.connection.open()
    except paramiko.SSHException as e:
        died = _died(session.connection.client.get_transport(), e)
        session.close()
        raise died from e
    except BaseException:
        session.close()
        raise
    return session


_VAGUE = ("No existing session", "transport shut down", "Negotiation failed")


def _died(transport: paramiko.Transport | None, said: paramiko.SSHException) -> Exception:
    """The error that ended the connection, where Paramiko only says that there is none."""
    if transport is None or transport.is_active() or not any(words in str(said) for words in _VAGUE):
        return said
    ended: Exception | None = transport.get_exception()
    return ended or EOFError()


def open_channel(session: Session, errand: Errand[Any], *, within_s: float) -> paramiko.Channel:
    errand.holds(session.sock)
    errand.at(Stage.CHANNEL)
    channel = session.connection.transport.open_session(timeout=within_s)
    assert isinstance(channel, paramiko.Channel)
    return channel


def ask(channel: paramiko.Channel, errand: Errand[Any], command: str, stdin: bytes, *, by: float) -> Output:
    """Run `command`. Not by Fabric's `run()`, which writes a byte of stdin every 10 ms."""
    with channel:
        channel.settimeout(max(0.01, by - time.monotonic()))
        errand.at(Stage.SENT)
        channel.exec_command(command)
        with suppress(OSError):  # it may answer without reading all of it
            channel.sendall(stdin)
            channel.shutdown_write()
        return _read(channel, by=by)


def _read(channel: paramiko.Channel, *, by: float) -> Output:
    stdout, stderr = bytearray(), b""
    with suppress(TimeoutError):
        while len(stdout) <= reply.LONGEST and not reply.ended(bytes(stdout[-WINDOW:])):
            channel.settimeout(max(0.01, by - time.monotonic()))
            data = channel.recv(WINDOW)
            if not data or time.monotonic() > by:
                break
            stdout += data
    if len(stdout) <= reply.LONGEST:
        channel.status_event.wait(max(0.0, by - time.monotonic()))
    if channel.recv_stderr_ready():
        stderr = channel.recv_stderr(WINDOW)
    known = channel.exit_status_ready() and channel.exit_status != -1  # -1: closed without one
    return Output(bytes(stdout), stderr, channel.exit_status if known else None)


def _connection(
    host: Host,
    errand: Errand[Any],
    trusted: tuple[known_hosts.HostKey, ...],
    identity: paramiko.PKey | None,
    sock: PromptSocket,
    *,
    by: float,
) -> Any:
    left = max(0.01, by - time.monotonic())
    options = {
        "sock": sock,
        "timeout": left,
        "banner_timeout": left,
        "auth_timeout": left,
        "channel_timeout": left,
        "pkey": identity,
        "allow_agent": identity is None,
        "look_for_keys": identity is None,
        "transport_factory": _Prefer(trusted),
    }
    connection = fabric.Connection(
        host.address, user=host.ssh.user, port=host.ssh.port, config=_config(), connect_kwargs=options
    )
    connection.client.set_missing_host_key_policy(_Strict(host, trusted, errand))
    return connection


def _config() -> Any:
    """Without the operator's fabric and ssh configuration. One per connection: it fills itself when it is first read,
    without a lock, and meanwhile another thread finds it empty (measured)."""
    return fabric.Config(lazy=True, overrides={"load_ssh_configs": False})


@dataclass(frozen=True, slots=True)
class _Prefer:
    """Asks the server for a host key of a kind that we know, as ssh does; another kind would count as unknown."""

    trusted: tuple[known_hosts.HostKey, ...]

    def __call__(self, sock: Any, **options: Any) -> paramiko.Transport:
        transport = paramiko.Transport(sock, **options)
        security = transport.get_security_options()
        kinds = {k.kind for k in self.trusted} | {
            sha2 for k in self.trusted if k.kind == "ssh-rsa" for sha2 in ("rsa-sha2-512", "rsa-sha2-256")
        }
        security.key_types = sorted(security.key_types, key=lambda kind: kind not in kinds)
        return transport


@dataclass(frozen=True, slots=True)
class _Strict(paramiko.MissingHostKeyPolicy):
    """Paramiko's own list stays empty, so it asks us about every host key: a trusted one, or no log-in."""

    host: Host
    trusted: tuple[known_hosts.HostKey, ...]
    errand: Errand[Any]

    def missing_host_key(self, _client: Any, _hostname: str, key: paramiko.PKey) -> None:
        offered = known_hosts.HostKey(key.get_name(), key.get_base64())
        if offered not in self.trusted:
            file = str(_files(self.host)[0])
            if self.trusted:
                raise ssh_words.wrong_key(self.host, offered, self.trusted, file)
            raise ssh_words.unknown_key(self.host, offered, file)
        self.errand.at(Stage.LOGIN)


def _files(host: Host) -> tuple[Path, ...]:
    given = (host.ssh.known_hosts,) if host.ssh.known_hosts else DEFAULT_KNOWN_HOSTS
    return tuple(Path(f).expanduser() for f in given)


def _trusted(host: Host) -> tuple[known_hosts.HostKey, ...]:
    """The keys of every readable file, without those that one of them revokes."""
    keys: list[known_hosts.HostKey] = []
    revoked: set[known_hosts.HostKey] = set()
    problems: list[OSError] = []
    for file in _files(host):
        try:
            kept = known_hosts.load(file)
            keys += kept.trusted(host.address, host.ssh.port)
            revoked |= kept.revoked
        except OSError as e:
            problems.append(e)
    if len(problems) == len(_files(host)):
        raise Blind(
            f"{host.name}: cannot read known_hosts {problems[0].filename}: {problems[0].strerror}; nothing was sent",
            try_=f"host keys are always checked: ssh-keyscan -p {host.ssh.port} {host.address} > {_files(host)[0]}, "
            "after comparing the fingerprints with the host's own",
        )
    return tuple(k for k in keys if k not in revoked)


def identity(host: Host) -> paramiko.PKey | None:
    if host.ssh.identity is None:
        return None
    path = Path(host.ssh.identity).expanduser()
    try:
        with _reading:
            return _key(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, TypeError, paramiko.SSHException, UnknownKeyType) as e:
        what = e.strerror if isinstance(e, OSError) and e.strerror else str(e)
        raise Blind(
            f"{host.name}: cannot use the identity {path}: {what}; nothing was sent",
            try_="give a private key without passphrase, readable by this user, or none to use the agent",
        ) from e


_reading = threading.Lock()


@lru_cache(maxsize=64)
def _key(path: Path, _mtime: int) -> paramiko.PKey:
    key = paramiko.PKey.from_path(path)
    assert isinstance(key, paramiko.PKey)
    return key
