"""An SSH server in threads whose every step can be made to hang; a well-behaved one really runs its commands."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import paramiko
from paramiko import common


@dataclass(frozen=True, slots=True)
class Request:
    channel: paramiko.Channel
    command: str
    stdin: bytes


Behave = Callable[["Sshd", Request], None]


@dataclass(frozen=True, slots=True)
class Keys:
    """`other` is a host key that nobody has."""

    host: paramiko.PKey
    other: paramiko.PKey
    identity: Path
    stranger: Path


def make_keys(folder: Path) -> Keys:
    for name in ("identity", "stranger"):
        paramiko.ECDSAKey.generate().write_private_key_file(str(folder / name))
    return Keys(paramiko.ECDSAKey.generate(), paramiko.ECDSAKey.generate(), folder / "identity", folder / "stranger")


@dataclass(eq=False)
class Sshd(paramiko.ServerInterface):
    """Use as a context manager. `hold` says at which steps it hangs: auth, session, exec."""

    keys: Keys
    behave: Behave
    hold: set[str] = field(default_factory=set)
    more_host_keys: tuple[paramiko.PKey, ...] = ()
    connections: int = 0
    logins: int = 0
    commands: list[str] = field(default_factory=list)
    running: int = 0
    most_running: int = 0

    def __post_init__(self) -> None:
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._transports: list[paramiko.Transport] = []
        self._threads: list[threading.Thread] = []

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self.cut()
        self._listener.close()
        for thread in [*self._threads, *self._transports]:
            thread.join(5)

    def cut(self) -> None:
        """As when the host goes down: every connection ends."""
        for transport in self._transports:
            transport.close()

    def wait(self, seconds: float = 30.0) -> bool:
        """A hang that ends with the test."""
        return self._closing.wait(seconds)

    def _start(self, work: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            transport = paramiko.Transport(sock)
            for key in (self.keys.host, *self.more_host_keys):
                transport.add_server_key(key)
            self._transports.append(transport)
            transport.start_server(event=threading.Event(), server=self)

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.logins += 1
        if "auth" in self.hold:
            self.wait()
        mine = paramiko.PKey.from_path(self.keys.identity)
        return common.AUTH_SUCCESSFUL if key == mine else common.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        if "session" in self.hold:
            self.wait()
        if "refuse" in self.hold:
            return common.OPEN_FAILED_RESOURCE_SHORTAGE
        return common.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.commands.append(command.decode())
        if "exec" in self.hold:
            self.wait()
        if "cut" in self.hold:
            channel.get_transport().sock.shutdown(socket.SHUT_RDWR)
        self._start(self._run, channel, command.decode())
        return True

    def _run(self, channel: paramiko.Channel, command: str) -> None:
        with self._lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        try:
            with channel.makefile("rb") as stdin:  # whole: only then has our yes to the request left before its answer
                request = Request(channel, command, stdin.read())
            self.behave(self, request)
        except (OSError, EOFError, paramiko.SSHException):
            pass  # the client went away, as it may
        finally:
            with self._lock:
                self.running -= 1


def really_run(sshd: Sshd, asked: Request) -> None:
    """What a real sshd does: the user's shell runs the line, with the channel as stdin and stdout."""
    with asked.channel as channel:
        done = subprocess.run(["/bin/sh", "-c", asked.command], input=asked.stdin, capture_output=True, timeout=20)
        channel.sendall(done.stdout)
        channel.sendall_stderr(done.stderr)
        channel.send_exit_status(done.returncode)


def answer(data: bytes, exit_status: int | None, *, close: bool = True) -> Behave:
    """Says `data`, whatever it is asked; without `close` the channel stays half open until the server ends."""

    def behave(sshd: Sshd, asked: Request) -> None:
        asked.channel.sendall(data)
        if exit_status is not None:
            asked.channel.send_exit_status(exit_status)
        if close:
            asked.channel.close()
        else:
            asked.channel.shutdown_write()
            sshd.wait()

    return behave
