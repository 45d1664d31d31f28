"""Sessions that go on by the configuration of before: ended between two letters, never in one."""

from __future__ import annotations

import select
import subprocess
import time
from collections.abc import Iterator

import pytest

from failover.lab import Lab
from failover.lab.wiring import DEFAULT, rewire
from failover.ports import Rc
from tests.labs import SLACK, lab, ledger, until
from tests.scenarios.host import MailHost

__all__ = ["lab"]

pytestmark = pytest.mark.lab


class Sender:
    """One SMTP session, by hand."""

    def __init__(self, lab: Lab) -> None:
        talk = f"exec 3<>/dev/tcp/{lab.address('mx1')}/25; cat <&3 & exec cat >&3"
        pipe = subprocess.PIPE
        self._process = lab.popen("sender", ["bash", "-c", talk], stdin=pipe, stdout=pipe, bufsize=0)
        assert self.answer().startswith("220")
        self.tag = f"session.{time.time_ns():x}"
        self.say("HELO sender.lab.test")

    def answer(self) -> str:
        """Nothing where the session has ended."""
        out = self._process.stdout
        assert out is not None
        assert select.select([out], [], [], 60 * SLACK)[0], "an answer, or the end"
        return str(out.readline(), "ascii")

    def say(self, line: str, code: str = "250") -> None:
        self.send(line)
        answer = self.answer()
        assert answer.startswith(code), answer

    def send(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\r\n".encode())

    def begin(self) -> None:
        """A letter, up to its last line."""
        self.say("MAIL FROM:<sender@example.org>")
        self.say("RCPT TO:<user1@lab.test>")
        self.say("DATA", "354")
        self.send(f"Subject: session\r\nX-Failover-Seq: {self.tag}\r\n\r\nHello")

    def close(self) -> None:
        with self._process:
            self._process.kill()


@pytest.fixture
def senders(lab: Lab) -> Iterator[tuple[Sender, Sender]]:
    rewire(lab, "mx1", DEFAULT)
    both = Sender(lab), Sender(lab)
    yield both
    for sender in both:
        sender.close()
    rewire(lab, "mx1", DEFAULT)


def test_a_session_is_ended_between_two_letters_and_never_in_one(lab: Lab, senders: tuple[Sender, Sender]) -> None:
    idle, amid = senders
    host = MailHost(lab)
    for sender in senders:
        sender.begin()
    idle.say(".")
    assert host.bypass("clear").rc == Rc.OK
    first = host.act("requeue", "requeue", {"filter": "spamassassin"}, limit=40)
    assert (first.rc, first.one("sessions")) == (Rc.OK, ("1",)), first.rows
    assert idle.answer() == "", "a sender that says nothing would be stamped for the filter whenever it goes on"
    amid.say(".")
    again = host.act("requeue", "requeue", {"filter": "spamassassin"}, limit=60)
    assert (again.rc, again.one("requeued"), again.one("sessions")) == (Rc.OK, ("1",), ("0",)), again.rows
    assert amid.answer() == ""
    until(lambda: host.queued() == 0, within=20 * SLACK, what="the queue is empty")
    came = [line["x_seq"] for line in ledger(lab)]
    assert [came.count(sender.tag) for sender in senders] == [1, 1]
