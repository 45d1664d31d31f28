"""The numbered mail of a drill, made from a seed: all kinds that have broken a filter or a failover before.

Sizes differ, some letters have several recipients, and some end without a line break: those can only be sent by
BDAT (RFC 3030), and a filter that waits for the line end hangs on them.
"""

from __future__ import annotations

import hashlib
import random
import time
from dataclasses import dataclass
from email.utils import formatdate

DOMAIN = "lab.test"
TEXT = "The quarterly figures for our branch office are ready and will be discussed on monday at ten"
SIZES = (300, 300, 900, 900, 2_500, 8_000, 30_000)  # bytes; most mail is small
SEVERAL = 0.2  # share with more than one recipient
UNENDED = 0.15  # share whose body has no last line break


@dataclass(frozen=True, slots=True)
class Letter:
    """`body` ends with CRLF, except in a few letters."""

    seq: str
    to: tuple[str, ...]
    body: bytes

    @property
    def ended(self) -> bool:
        return self.body.endswith(b"\r\n")

    @property
    def message_id(self) -> str:
        return f"<{self.seq}@example.org>"

    def content(self, at: float) -> bytes:
        """Head and body as sent at `at` (Unix time)."""
        head = (
            f"From: Sender <sender@example.org>\r\nTo: {', '.join(self.to)}\r\nSubject: figures {self.seq}\r\n"
            f"Date: {formatdate(at)}\r\nMessage-ID: {self.message_id}\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: text/plain; charset=us-ascii\r\nX-Failover-Seq: {self.seq}\r\nX-Failover-Sent: {at:.3f}\r\n"
        )
        return head.encode() + b"\r\n" + self.body

    @property
    def digest(self) -> str:
        """The digest of the body as it has to arrive: with LF, also at the end."""
        arrives = self.body.replace(b"\r\n", b"\n")
        return hashlib.sha256(arrives if self.ended else arrives + b"\n").hexdigest()


def letter(seq: str, chance: random.Random) -> Letter:
    people = chance.randint(2, 4) if chance.random() < SEVERAL else 1
    to = tuple(f"user{n}@{DOMAIN}" for n in chance.sample(range(100), people))
    lines, left = [f"This is letter {seq}."], chance.choice(SIZES)
    while left > 0:
        lines.append(" ".join(chance.choices(TEXT.split(), k=10)))
        left -= len(lines[-1])
    body = "\r\n".join(lines).encode()
    return Letter(seq, to, body if chance.random() < UNENDED else body + b"\r\n")


def tag() -> str:
    """A prefix for sequence numbers that no other drill of this machine uses."""
    return f"{time.time_ns() // 1_000_000:x}"
