"""Code of ours on the network of a lab's place, and a line there that loses what it is told to lose."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Speech:
    """A protocol, as far as a line must know it: one request, one answer, and which requests are for a change."""

    request: Callable[[socket.socket], bytes]
    answer: Callable[[socket.socket], bytes]
    changes: Callable[[bytes], bool]


class Line:
    """A loopback TCP port that passes requests on, as a tunnel does. `lose` says what becomes of the next changes:

    `answer`: carried out, and the line is cut before the answer; `request`: cut before it arrives; `silence`: it
    arrives, and nothing comes back until the asker gives up; `late`: cut, to arrive when `late` is set; `drip`: the
    answer comes byte by byte; `500`: carried out, answered 500; `503`: not carried out, answered 503. `then` is called
    once a change was carried out, before its answer.
    """

    def __init__(self, to: str, port: int = 53, speech: Speech | None = None) -> None:
        self.to, self.speech = (to, port), speech or DNS
        self.lose: list[str] = []
        self.changes = 0
        self.then: Callable[[], object] = lambda: None
        self.late, self.arrived = threading.Event(), threading.Event()
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
            asked = self.speech.request(asker)
            if not self.speech.changes(asked):
                asker.sendall(self._ask(asked))
                return
            self.changes += 1
            self._changed(asker, asked, self.lose.pop(0) if self.lose else "")

    def _changed(self, asker: socket.socket, asked: bytes, how: str) -> None:
        if how == "late":
            threading.Thread(target=self._later, args=(asked,), daemon=True).start()
        answer = b"" if how in {"request", "late", "503"} else self._ask(asked)
        self.then()
        if how == "silence":
            asker.settimeout(30)
            asker.recv(1)  # returns when the asker hangs up
        elif how in {"500", "503"}:
            asker.sendall(f"HTTP/1.1 {how} Busy\r\nContent-Length: 0\r\n\r\n".encode())
        elif how == "drip":
            for at in range(len(answer)):
                asker.sendall(answer[at : at + 1])
                time.sleep(0.2)
        elif how != "answer":
            asker.sendall(answer)

    def _later(self, asked: bytes) -> None:
        self.late.wait(30)
        self._ask(asked)
        self.arrived.set()

    def _ask(self, asked: bytes) -> bytes:
        with socket.create_connection(self.to, timeout=10) as server:
            server.sendall(asked)
            return self.speech.answer(server)


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


def _is_update(message: bytes) -> bool:
    return message[4] >> 3 & 0xF == 5  # the opcode, RFC 1035 4.1.1 and RFC 2136 1.3 (after two of length)


DNS = Speech(_message, _message, _is_update)
