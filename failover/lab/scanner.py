"""A content filter as FILTER_README's advanced one: in by SMTP on 10025 or LMTP on 10027, through spamd, out to 10026.

Run inside a lab host by /etc/init.d/scanner, if its wiring needs it. If spamd does not answer it waits, as such filters
do, and then says 451: mail is late, but never lost or unscanned.
"""

from __future__ import annotations

import asyncio
import smtplib
from typing import Any

ADDRESS = ("127.0.0.1", 10025)
LMTP_ADDRESS = ("127.0.0.1", 10027)
ONWARD = ("127.0.0.1", 10026)
SPAMD = ("127.0.0.1", 783)
SIZE_MAX = 64 * 1024 * 1024
SCAN_S = 300.0  # spamd's own --timeout-child
ONWARD_S = 60.0


async def scan(content: bytes) -> bytes:
    """The message as spamd marks it. Raises OSError or ValueError if spamd gives no whole answer."""
    reader, writer = await asyncio.open_connection(*SPAMD)
    try:
        writer.write(b"PROCESS SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(content) + content)
        writer.write_eof()  # without it a body that lacks its last line end is never answered
        status, _, rest = (await reader.read()).partition(b"\r\n")
    finally:
        writer.close()
    _, _, marked = rest.partition(b"\r\n\r\n")
    if b" 0 EX_OK" not in status or not marked:
        raise ValueError(f"spamd answered {status!r}")
    return marked


class Scanner:
    """aiosmtpd's handler: passes each message on, and returns the answer."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        try:
            marked = await asyncio.wait_for(scan(envelope.content), SCAN_S)
            await asyncio.to_thread(self._onward, envelope.mail_from, envelope.rcpt_tos, marked)
        except smtplib.SMTPResponseException as e:
            return f"{e.smtp_code} {e.smtp_error!r}"
        except (OSError, ValueError, smtplib.SMTPException) as e:  # TimeoutError is an OSError
            return f"451 4.3.0 not scanned: {type(e).__name__}"
        return "250 scanned and sent on"

    def _onward(self, sender: str, recipients: list[str], content: bytes) -> None:
        with smtplib.SMTP(*ONWARD, timeout=ONWARD_S) as smtp:
            smtp.sendmail(sender, recipients, content)


class ByLmtp(Scanner):
    """LMTP answers once for each recipient (RFC 2033)."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        return "\r\n".join([await super().handle_DATA(server, session, envelope)] * len(envelope.rcpt_tos))


async def serve() -> None:
    from aiosmtpd.lmtp import LMTP
    from aiosmtpd.smtp import SMTP

    loop = asyncio.get_running_loop()
    by_smtp = await loop.create_server(lambda: SMTP(Scanner(), data_size_limit=SIZE_MAX), *ADDRESS)
    by_lmtp = await loop.create_server(lambda: LMTP(ByLmtp(), data_size_limit=SIZE_MAX), *LMTP_ADDRESS)
    async with by_smtp, by_lmtp:
        await asyncio.gather(by_smtp.serve_forever(), by_lmtp.serve_forever())


if __name__ == "__main__":
    asyncio.run(serve())
