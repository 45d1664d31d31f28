"""Letters of every kind that a hand-over has spoiled before, posted one by one from the `sender` place.

usage: python posting.py HOST     Reads `SEQ KIND PORT long|new` a line, answers `SEQ accepted|refused|unknown REPLY`.
Kinds differ in envelope and body; of one kind all are alike but for their number, so that they can be compared.
A `long` letter goes by a session that stays open until we end: smtpd goes on with the settings it began with.
"""

from __future__ import annotations

import smtplib
import socket
import sys
from dataclasses import dataclass

SENDER = "sender@example.org"
FINAL_S = 400.0
"""Longer than a filter before the queue (smtpd_proxy_timeout 100 s) keeps a sender waiting."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`body` without a last line end goes by BDAT; `mail` are parameters of MAIL FROM."""

    sender: str
    to: tuple[str, ...]
    body: bytes = b"Hello\r\n"
    mail: tuple[str, ...] = ()


LOCAL = Kind(SENDER, ("user16@lab.test",), b"From the host itself\r\n")
"""Of what the host sends itself, by sendmail and pickup."""
KINDS = {
    "plain": Kind(SENDER, ("user1@lab.test",)),
    "several": Kind(SENDER, tuple(f"user{n}@lab.test" for n in range(2, 8))),
    "alias": Kind(SENDER, ("info@lab.test",)),
    "tag": Kind(SENDER, ("user+tag@lab.test", "user-ext@lab.test", "o'brien@lab.test", "USER.Upper@lab.test")),
    "quoted": Kind(
        SENDER, ('"a,b"@lab.test', '"first last"@lab.test', '"$(id);`id`"@lab.test', '"semi;colon"@lab.test')
    ),
    "odd-sender": Kind('"odd, sender"@example.org', ("user8@lab.test",)),
    "null-sender": Kind("", ("user9@lab.test", "user10@lab.test")),
    "eight-bit": Kind(SENDER, ("user11@lab.test",), "Grüße\r\n".encode() + b"Gr\xfc\xdfe\r\n", ("BODY=8BITMIME",)),
    "long-lines": Kind(SENDER, ("user12@lab.test",), b"x" * 990 + b"\r\n" + b"word " * 1000 + b"\r\n"),
    "dots": Kind(SENDER, ("user13@lab.test",), b".\r\n..two\r\nFrom here\r\n\r\n  indented  \r\n.\r\n\r\n"),
    "unended": Kind(SENDER, ("user14@lab.test",), b"the last line has no end"),
    "big": Kind(SENDER, ("user15@lab.test",), b"A line of a letter that fills more than a pipe.\r\n" * 4000),
}


def content(seq: str, kind: Kind) -> bytes:
    head = (
        f"From: Sender <{SENDER}>\r\nTo: all@lab.test\r\nSubject: {seq}\r\nDate: Tue, 11 Aug 2020 08:00:00 +0000\r\n"
        f"Message-ID: <{seq}@example.org>\r\nX-Failover-Seq: {seq}\r\n"
    )
    return head.encode() + b"\r\n" + kind.body


def post(smtp: smtplib.SMTP, seq: str, kind: Kind) -> tuple[str, str]:
    """Raises OSError or SMTPServerDisconnected before the content left whole; then nothing can have been taken on."""
    for line in (" ".join([f"MAIL FROM:<{kind.sender}>", *kind.mail]), *(f"RCPT TO:<{to}>" for to in kind.to)):
        code, said = smtp.docmd(line)
        if code != 250:
            smtp.docmd("RSET")
            return "refused", f"{code} {said!r}"
    raw = content(seq, kind)
    if kind.body.endswith(b"\r\n"):
        if smtp.docmd("DATA")[0] != 354:
            return "refused", "DATA"
        smtp.send(b"".join(b"." + line if line.startswith(b".") else line for line in raw.splitlines(True)) + b".\r\n")
    else:
        smtp.send(b"BDAT %d LAST\r\n" % len(raw) + raw)
    try:
        code, said = smtp.getreply()
    except (OSError, smtplib.SMTPException) as e:
        return "unknown", str(e)
    return ("accepted" if code == 250 else "refused"), f"{code} {said!r}"


def connect(host: str, port: int) -> smtplib.SMTP:
    smtp = smtplib.SMTP(host, port, local_hostname="sender.lab.test", timeout=FINAL_S)
    smtp.ehlo()
    return smtp


def serve(host: str) -> None:
    """One letter at a time. A long session that the server has closed is opened again."""
    open_: dict[int, smtplib.SMTP] = {}
    for line in sys.stdin:
        seq, kind, port, how = line.split()
        smtp = open_.pop(int(port), None) if how == "long" else None
        try:
            if smtp is None or smtp.noop()[0] != 250:
                smtp = connect(host, int(port))
            outcome, said = post(smtp, seq, KINDS[kind])
        except (OSError, socket.gaierror, smtplib.SMTPException) as e:
            outcome, said = "refused", str(e)
        else:
            if how == "long":
                open_[int(port)] = smtp
            else:
                smtp.close()
        print(seq, outcome, said, flush=True)  # noqa: T201  the answer to our caller


if __name__ == "__main__":
    serve(sys.argv[1])
