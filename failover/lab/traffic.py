"""A stream of numbered mail, and a log of the accepted letters: `python -m failover.lab.traffic`, until SIGTERM.

Half of it comes in sessions that stay open for the whole drill, as those of mailing lists: they outlive reloads, and
smtpd keeps its first settings. The other half comes in short sessions. Each lane has its own time: if a server is slow,
letters are sent later, never skipped.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import re
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from failover.lab.letters import Letter, letter, tag

REPLY_S = 30.0
LONG_LANES, SHORT_LANES = 2, 2
QUEUED_AS = re.compile(r"queued as ([0-9A-Za-z]+)")


class Refused(Exception):
    """The server refused the letter."""


class NoAnswer(Exception):
    """The letter was sent and no final reply came: it may have been accepted (RFC 5321, 4.5.3.2.6)."""


@dataclass(frozen=True, slots=True)
class Session:
    """One SMTP dialogue, a command at a time, without pipelining."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, line: str, wanted: str) -> str:
        self.writer.write(line.encode() + b"\r\n")
        return await self.hear(wanted)

    async def hear(self, wanted: str) -> str:
        async with asyncio.timeout(REPLY_S):
            await self.writer.drain()
            while (line := (await self.reader.readline()).decode(errors="replace"))[3:4] == "-":
                pass
        if not line.endswith("\n"):
            raise ConnectionError("the server hung up")
        if not line.startswith(wanted):
            raise Refused(line.strip())
        return line.strip()

    async def send(self, mail: Letter) -> str:
        """The final reply. Raises Refused, NoAnswer, or OSError if it cannot have been accepted."""
        await self.say("MAIL FROM:<sender@example.org>", "250")
        for recipient in mail.to:
            await self.say(f"RCPT TO:<{recipient}>", "250")
        content = mail.content(time.time())
        if mail.ended:
            await self.say("DATA", "354")
            self.writer.write(re.sub(rb"(?m)^\.", b"..", content) + b".\r\n")
        else:
            middle = len(content) // 2
            self.writer.write(b"BDAT %d\r\n" % middle + content[:middle])
            await self.hear("250")
            self.writer.write(b"BDAT %d LAST\r\n" % (len(content) - middle) + content[middle:])
        try:
            return await self.hear("250")
        except OSError as e:  # TimeoutError and ConnectionError are
            raise NoAnswer(str(e)) from e


@asynccontextmanager
async def session(address: str, port: int) -> AsyncIterator[Session]:
    async with asyncio.timeout(REPLY_S):
        reader, writer = await asyncio.open_connection(address, port)
    try:
        ours = Session(reader, writer)
        await ours.hear("220")
        await ours.say("EHLO sender.lab.test", "250")
        yield ours
        await ours.say("QUIT", "221")
    finally:
        writer.close()


@dataclass(frozen=True, slots=True)
class Target:
    """A server, and its messages a second."""

    host: str
    address: str
    rate: float
    port: int = 25


@dataclass(frozen=True, slots=True)
class Traffic:
    """`log`: an open file descriptor; a line is written after the final reply, before the next letter."""

    log: int
    mails: Iterator[Letter]
    stop: asyncio.Event
    chance: random.Random

    async def lane(self, target: Target, *, rate: float, long: bool) -> None:
        while not self.stop.is_set():
            letters = itertools.count() if long else range(self.chance.randint(1, 3))
            try:
                async with session(target.address, target.port) as ours:
                    for _ in letters:
                        began = asyncio.get_running_loop().time()
                        await self._one(ours, target, long)
                        await self._pause(began + 1 / rate - asyncio.get_running_loop().time())
                        if self.stop.is_set():
                            break
            except (OSError, Refused, NoAnswer):  # logged if a letter was sent; the lane begins a new session
                await self._pause(0.2)

    async def _one(self, ours: Session, target: Target, long: bool) -> None:
        mail = next(self.mails)
        said: dict[str, Any] = {"seq": mail.seq, "host": target.host, "to": mail.to, "sha256": mail.digest}
        said |= {"long": long, "ended": mail.ended, "size": len(mail.body)}
        try:
            reply = await ours.send(mail)
        except NoAnswer as e:
            self._write("unknown", said | {"reply": str(e)})
            raise
        except (OSError, Refused) as e:
            self._write("refused", said | {"reply": str(e)})
            raise
        found = QUEUED_AS.search(reply)
        self._write("accepted", said | {"queue_id": found and found[1]})

    def _write(self, outcome: str, said: dict[str, Any]) -> None:
        os.write(self.log, json.dumps({"outcome": outcome, "at": time.time(), **said}).encode() + b"\n")

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self.stop.wait()
        except TimeoutError:
            pass


async def run(targets: list[Target], log: Path, seed: int) -> None:
    """Send until SIGTERM or SIGINT; open letters are finished first."""
    stop, chance, beginning = asyncio.Event(), random.Random(seed), tag()  # noqa: S311 - repeatable, not secret
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    mails = (letter(f"{beginning}-{n:05d}", chance) for n in itertools.count(1))
    traffic = Traffic(file, mails, stop, chance)
    async with asyncio.TaskGroup() as lanes:
        for target in targets:
            kinds = [True] * LONG_LANES + [False] * SHORT_LANES
            for long in kinds:
                lanes.create_task(traffic.lane(target, rate=target.rate / len(kinds), long=long))


def main() -> None:
    parser = argparse.ArgumentParser(prog="failover.lab.traffic", description=__doc__)
    parser.add_argument("--log", type=Path, required=True, help="one JSON object a line: accepted, unknown, refused")
    parser.add_argument("--seed", type=int, default=811)
    parser.add_argument("target", nargs="+", metavar="HOST=ADDRESS,RATE", help="RATE in messages a second")
    given = parser.parse_args()
    parts = [re.fullmatch(r"([^=]+)=([^,]+),([0-9.]+)", target) for target in given.target]
    if not all(parts):
        parser.error("a target reads HOST=ADDRESS,RATE, for example mx1=10.77.0.11,20")
    asyncio.run(run([Target(p[1], p[2], float(p[3])) for p in parts if p], given.log, given.seed))


if __name__ == "__main__":
    main()
