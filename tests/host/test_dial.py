"""How `look` asks an SMTP server whether it greets: as a client that no server has a reason to complain of."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from failover.adapters import reply
from failover.host import script_text
from tests.host.test_script import LAST, SHELLS

PEER = """
patience=$2 deadline=$(($(uptime_s) + 30))
dial "peer $1" '220*' '' "$1"
"""
LOOK = "patience=5 deadline=$(($(uptime_s) + 30))\ndial spam.ping 'SPAMD/* 0 *' 'PING SPAMC/1.5\\r\\n\\r\\n' \"$1\"\n"
Serve = Callable[[socket.socket], None]


class Server:
    """One connection; `heard` is all that the client said until it hung up, and `early` what it said unasked."""

    def __init__(self, serve: Serve) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._serve = serve
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.heard = b""

    @property
    def at(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def _run(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            self._serve(connection)
            while data := connection.recv(4096):
                self.heard += data

    def ended(self) -> bytes:
        self._thread.join(30)
        assert not self._thread.is_alive(), "the client is still there"
        return self.heard

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Serve], Server]]:
    with ExitStack() as stack:

        def start(what: Serve) -> Server:
            server = Server(what)
            stack.callback(server.close)
            return server

        yield start


def dialled(
    at: str, *, shell: str = "sh", what: str = PEER, patience: str = "5", env: dict[str, str] | None = None
) -> list[str]:
    argv = [shell, "-c", 'eval "$(cat)"', "failover-host", at, patience]
    text = script_text().removesuffix(LAST) + what
    with_env = {"PATH": os.environ["PATH"], **(env or {})}
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=60, check=False, env=with_env)
    assert done.stderr == ""
    return done.stdout.rstrip("\n").split("\t")


def forbids_pipelining(connection: socket.socket) -> None:
    """As smtpd_forbid_unauth_pipelining=yes does: what came before the greeting is seen when the greeting is sent."""
    connection.settimeout(0.3)
    try:
        early = connection.recv(4096, socket.MSG_PEEK)
    except TimeoutError:
        early = b""
    connection.settimeout(30)
    connection.sendall(b"554 5.5.0 Error: SMTP protocol synchronization\r\n" if early else b"220 mx1 ESMTP\r\n")


@pytest.mark.parametrize("shell", SHELLS)
def test_it_says_quit_after_the_greeting_and_not_before(serve: Callable[[Serve], Server], shell: str) -> None:
    """case: smtpd_forbid_unauth_pipelining=yes: healthy hosts read as degraded, by a false vantage."""
    server = serve(forbids_pipelining)
    row = dialled(server.at, shell=shell)
    assert (row[:3], row[4].strip()) == ([f"peer {server.at}".split()[0], server.at, "ok"], "220 mx1 ESMTP")
    assert server.ended() == b"QUIT\r\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_whoever_makes_us_wait_is_neither_spoken_to_nor_hung_up_on(
    serve: Callable[[Serve], Server], shell: str
) -> None:
    """case: postscreen with a greet banner logged PREGREET from the other MX at each look."""
    seen = threading.Event()

    def postscreen(connection: socket.socket) -> None:
        connection.sendall(b"220-mx1 ESMTP\r\n")
        assert seen.wait(60)
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)  # neither a word nor an end
        connection.settimeout(30)
        connection.sendall(b"220-mx1 still\r\n220 mx1 ESMTP\r\n")

    server = serve(postscreen)
    assert dialled(server.at, shell=shell)[2] == "ok"  # at once, while the wait goes on
    seen.set()
    assert server.ended() == b"QUIT\r\n"


def test_a_server_that_greets_nobody_is_left_in_time(serve: Callable[[Serve], Server]) -> None:
    server = serve(lambda connection: None)
    row = dialled(server.at, patience="1")
    assert row[2] == "timeout"
    assert server.ended() == b""


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("row", [PEER, LOOK])
def test_no_start_up_file_speaks_for_the_server(
    serve: Callable[[Serve], Server], shell: str, row: str, tmp_path: Path
) -> None:
    """safety 12: bash reads ~/.bashrc when sshd started it; one that printed made every probe of that host unknown."""
    for name in (".bashrc", ".bash_profile", ".profile"):
        (tmp_path / name).write_text("echo welcome to mx1; printf 'no line end'\n")
    server = serve(lambda connection: connection.sendall(b"220 mx1\r\n" if row == PEER else b"SPAMD/1.5 0 PONG\r\n"))
    env = {"HOME": str(tmp_path), "SSH_CLIENT": "192.0.2.1 50000 22", "SSH2_CLIENT": "192.0.2.1 50000 22"}
    assert "ok" in dialled(server.at, shell=shell, what=row, env=env)


NOISE = [
    "",
    "welcome\n",
    "welcome",
    "queue\tincoming\t9\n",
    "\x1b[2J\n",
    "begin\t1\nqueue\tincoming\t9\nend\thello\t0\n",
]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("noise", NOISE)
def test_what_a_start_up_file_printed_is_no_part_of_the_answer(shell: str, noise: str) -> None:
    """case: root's .bashrc prints."""
    argv = [shell, "-c", 'printf %s "$0"; eval "$(cat)"', noise, "hello"]
    done = subprocess.run(argv, input=script_text(), capture_output=True, text=True, timeout=20, check=False)
    found = reply.parse("hello", done.stdout.encode(), done.returncode)
    assert found is not None
    assert found.rows[0][0] == "version"
    assert found.one("queue") is None


def test_an_answer_of_an_older_helper_is_read_as_ever() -> None:
    found = reply.parse("hello", b"version\t1\nend\thello\t0\n", 0)
    assert found is not None
    assert found.rows == (("version", "1"),)
