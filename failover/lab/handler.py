"""The mail handler of a lab host: takes mail from Postfix and writes one line a message to its ledger.

Run inside the host by /etc/init.d/handler as `python -m failover.lab.handler`. The line is written before the 250, so
every mail that Postfix takes for delivered is in the ledger, a doubled one twice. TERM ends it between two messages, so
every line has its 250.
"""

from __future__ import annotations

import asyncio
import email.parser
import hashlib
import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

LEDGER = Path("/var/lib/handler/ledger.jsonl")
ADDRESS = ("127.0.0.1", 20381)
LMTP_ADDRESS = ("127.0.0.1", 20382)
SIZE_MAX = 64 * 1024 * 1024


def entry(content: bytes, recipients: list[str], at: float, sender: str = "") -> dict[str, Any]:
    """The ledger's line for a message; `at` is Unix time, `sha256` of the body alone."""
    head, _, body = re.sub(rb"\r\n", b"\n", content).partition(b"\n\n")
    headers = email.parser.BytesHeaderParser().parsebytes(head + b"\n\n")
    return {
        "at": at,
        "from": sender,
        "to": recipients,
        "message_id": headers["Message-ID"],
        "x_seq": headers["X-Failover-Seq"],
        "x_sent": headers["X-Failover-Sent"],
        "signatures": len(headers.get_all("DKIM-Signature", [])),
        "scanned": "X-Spam-Checker-Version" in headers or "X-Spam-Status" in headers,
        "sha256": hashlib.sha256(body).hexdigest(),
    }


class Ledger:
    """aiosmtpd's handler; one write(2) of a whole line on O_APPEND, so a reader never sees half of one."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        line = json.dumps(entry(envelope.content, envelope.rcpt_tos, time.time(), envelope.mail_from or ""))
        os.write(self._file, line.encode() + b"\n")
        return "250 Message accepted for delivery"


class ByLmtp(Ledger):
    """LMTP answers once for each recipient (RFC 2033)."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        return "\r\n".join([await super().handle_DATA(server, session, envelope)] * len(envelope.rcpt_tos))


async def serve() -> None:
    from aiosmtpd.lmtp import LMTP
    from aiosmtpd.smtp import SMTP

    ledger, by_lmtp = Ledger(LEDGER), ByLmtp(LEDGER)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(ledger, data_size_limit=SIZE_MAX, hostname="handler"), *ADDRESS)
    lmtp = await loop.create_server(lambda: LMTP(by_lmtp, data_size_limit=SIZE_MAX, hostname="handler"), *LMTP_ADDRESS)
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)  # process 1 of a container ignores it otherwise
    await ended.wait()
    server.close()
    lmtp.close()


if __name__ == "__main__":
    asyncio.run(serve())
