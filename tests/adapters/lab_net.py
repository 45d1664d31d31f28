"""Code of ours on the network of a lab's place, and a line there that loses what it is told to lose."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from failover.lab import Lab

_T = TypeVar("_T")
CLONE_NEWNET = 0x4000_0000


def inside(lab: Lab, place: str, do: Callable[[], _T]) -> _T:
    """`do` in a thread that is in the network namespace of that place, as are the threads that it starts: setns(2)."""

    def enter() -> _T:
        handle = os.open(f"/proc/{lab.held(place)}/ns/net", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(handle, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(handle)
        return do()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(enter).result()


class Line:
    """A TCP port that passes DNS messages on to a server. `lose` says what becomes of the next UPDATEs:

    `answer`: carried out, and the line is cut before the answer; `request`: cut before it arrives;
    `silence`: it arrives, and nothing comes back until the asker gives up; `late`: cut, to arrive when `late` is set.
    """

    def __init__(self, to: str) -> None:
        self.to = to
        self.lose: list[str] = []
        self.late = threading.Event()
        self.arrived = threading.Event()
        self._port = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._port.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.late.set()
        self._port.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                asker, _ = self._port.accept()
                threading.Thread(target=self._serve, args=(asker,), daemon=True).start()

    def _serve(self, asker: socket.socket) -> None:
        with asker, suppress(OSError):
            message = _message(asker)
            is_update = message[4] >> 3 & 0xF == 5  # the opcode, RFC 1035 4.1.1 and RFC 2136 1.3 (after two of length)
            how = self.lose.pop(0) if is_update and self.lose else ""
            if how == "late":
                threading.Thread(target=self._later, args=(message,), daemon=True).start()
            if how in {"request", "late"}:
                return
            answer = self._ask(message)
            if how == "silence":
                asker.settimeout(30)
                asker.recv(1)  # returns when the asker hangs up
            elif how != "answer":
                asker.sendall(answer)

    def _later(self, message: bytes) -> None:
        self.late.wait(30)
        self._ask(message)
        self.arrived.set()

    def _ask(self, message: bytes) -> bytes:
        with socket.create_connection((self.to, 53), timeout=5) as server:
            server.sendall(message)
            return _message(server)


def _message(at: socket.socket) -> bytes:
    """One DNS message with its length in front (RFC 1035, 4.2.2)."""
    head = _exactly(at, 2)
    return head + _exactly(at, struct.unpack("!H", head)[0])


def _exactly(at: socket.socket, n: int) -> bytes:
    found = b""
    while len(found) < n:
        part = at.recv(n - len(found))
        if not part:
            raise ConnectionError("cut")
        found += part
    return found
