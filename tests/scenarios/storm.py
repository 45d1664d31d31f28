"""A mail storm for the `sender` place: long-lived SMTP sessions, several recipients a message, a line per answer.

usage: python storm.py HOST TAG RATE SESSIONS SEED STOPFILE     (RATE in messages a second, all sessions together)
Runs until STOPFILE exists. Writes `SEQ RCPT,RCPT` once the 250 to DATA was read, `SEQ ?` when no answer came to
a whole letter. A session that is closed between two letters is opened anew, as by any sender.
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

PATIENCE_S = 180.0
BIG = 5000
"""Lines of every 16th body: more than a pipe holds, so that its hand-over takes time."""


def body(seq: str) -> str:
    """Known from the number alone, so that a message cut short is seen."""
    return f"Hello {seq}\n" * (BIG if int(seq.rpartition("-")[2]) % 16 == 15 else 1)


class Session:
    def __init__(self, host: str) -> None:
        self._host = host
        self.unanswered = False
        """Was a whole letter sent, and no answer came yet?"""

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(self._host, 25)
        await self._answer()
        await self.say("EHLO storm.example.org")

    async def say(self, line: str) -> str:
        self._writer.write(line.encode() + b"\r\n")
        return await self._answer()

    async def _answer(self) -> str:
        while True:
            line = (await asyncio.wait_for(self._reader.readline(), PATIENCE_S)).decode()
            if not line:
                raise ConnectionError("closed")
            if line[3:4] != "-":
                return line


async def one(session: Session, seq: str, to: list[str]) -> bool:
    """True when it was accepted; raises OSError when the session ends."""
    await session.say("MAIL FROM:<storm@example.org>")
    for address in to:
        if not (await session.say(f"RCPT TO:<{address}>")).startswith("2"):
            await session.say("RSET")
            return False
    await session.say("DATA")
    head = (
        f"From: storm@example.org\r\nTo: all@lab.test\r\nMessage-ID: <{seq}@example.org>\r\nX-Failover-Seq: {seq}\r\n"
    )
    text = body(seq).replace("\n", "\r\n")
    session.unanswered = True
    taken = (await session.say(f"{head}Subject: {seq}\r\n\r\n{text}.")).startswith("250")
    session.unanswered = False
    return taken


async def sender(name: str, host: str, every: float, chance: random.Random, stop: Path) -> None:
    session, n = None, 0
    while not stop.exists():
        due = asyncio.get_running_loop().time() + every
        seq, n = f"{name}-{n}", n + 1
        to = [f"{chance.choice('abcdefgh')}{k}@lab.test" for k in range(chance.randint(1, 4))]
        try:
            if session is None:
                session = Session(host)
                await session.open()
            if await one(session, seq, to):
                print(seq, ",".join(to), flush=True)  # noqa: T201 - the answer to our caller
        except OSError:
            if session and session.unanswered:
                print(seq, "?", flush=True)  # noqa: T201
            session = None
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))


async def storm(host: str, tag: str, rate: float, sessions: int, seed: int, stop: Path) -> None:
    each = sessions / rate
    await asyncio.gather(
        *(sender(f"{tag}.{k}", host, each, random.Random(f"{seed}.{k}"), stop) for k in range(sessions))
    )


if __name__ == "__main__":
    host, tag, rate, sessions, seed, stop = sys.argv[1:]
    asyncio.run(storm(host, tag, float(rate), int(sessions), int(seed), Path(stop)))
