"""The journal of a real systemd-journald as a look's log: what does not go for a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import pytest

from failover.lab import Lab
from failover.ports import Reply
from tests.labs import lab_or_skip, until
from tests.scenarios.host import MailHost

pytestmark = pytest.mark.lab

SAY = """import socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
    log.connect("/dev/log")
    for _ in range(int(sys.argv[1])):
        for line in sys.argv[2:]:
            log.send(f"<22>Nov 24 03:12:00 {line}".encode())
"""
REMOVED = "postfix/qmgr[77]: 4XyZ1: removed"
OTHER = "other[77]: 4XyZ1: removed"
SUPPRESSED = "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e\nMESSAGE=Suppressed 12 messages from postfix@-.service\n"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    ours = lab_or_skip("journal", ("journal",))
    yield ours
    ours.down()


@pytest.fixture
def host(lab: Lab) -> MailHost:
    found = MailHost(lab)
    said(found, 1)
    return found


def said(host: MailHost, n: int, *lines: str) -> None:
    """`n` times these lines; in the journal when this returns."""
    mark = f"mark-{time.monotonic_ns()}"
    host.lab.run(host.name, [sys.executable, "-c", SAY, str(n), *(lines or (REMOVED,))], timeout=20)
    host.lab.run(host.name, [sys.executable, "-c", SAY, "1", f"{mark}: end"], timeout=20)
    until(lambda: "end" in host.sh(f"journalctl -q -o cat -t {mark}"), within=10, what="the journal has it")


def look(host: MailHost, log_from: str = "", **args: str) -> Reply:
    earlier = {"log_from": log_from} if log_from else {}
    return host.call("look", {"patience": "5", "log": "auto", **earlier, **args})


def position(reply: Reply, source: str = "journal") -> str:
    *there, where = reply.one("log") or ("",)
    assert where == source, reply.rows
    return ":".join(there)


def why_not(reply: Reply) -> str:
    return next((row[1] for row in reply.all("error") if row[0] == "log"), "")


def counted(reply: Reply) -> tuple[int, ...] | None:
    """ACCEPTED REMOVED FROM TO; None where a new start was made."""
    assert not why_not(reply), reply.rows
    row = reply.one("traffic")
    return tuple(int(field) for field in row) if row else None


def removed(host: MailHost, log_from: str, **args: str) -> int | None:
    found = counted(look(host, log_from, **args))
    return found[1] if found else None


def test_each_line_is_counted_once_and_none_of_another_program_or_instance(host: MailHost) -> None:
    there = position(look(host))
    assert removed(host, there) == 0
    for n in (1, 2, 7):
        said(host, n, OTHER, REMOVED, "postfix-out/qmgr[77]: 4XyZ1: removed", OTHER)
        reply = look(host, there)
        assert counted(reply) is not None
        assert (counted(reply) or ())[1] == n
        there = position(reply)
    said(host, 3, OTHER)
    assert removed(host, there) == 0


def test_an_instance_by_another_name_has_a_count_of_its_own(host: MailHost) -> None:
    host.sh("cp -a /etc/postfix /etc/postfix-out && postconf -c /etc/postfix-out syslog_name=postfix-out")
    out = {"config_dir": "/etc/postfix-out"}
    said(host, 1, "postfix-out/qmgr[77]: 4XyZ1: removed")
    there = position(look(host, **out))
    said(host, 3, REMOVED, "postfix-out/qmgr[77]: 4XyZ1: removed", REMOVED)
    assert removed(host, there, **out) == 3


def test_a_rotation_loses_no_line_and_what_is_vacuumed_is_a_new_start(host: MailHost) -> None:
    there = position(look(host))
    said(host, 5)
    host.sh("journalctl --rotate")
    said(host, 6)
    assert removed(host, there) == 11
    host.sh("journalctl --rotate && journalctl --vacuum-files=1")
    said(host, 2)
    reply = look(host, there)
    assert counted(reply) is None
    said(host, 4)
    assert removed(host, position(reply)) == 4


def test_after_a_journald_that_was_killed_the_count_goes_on(host: MailHost) -> None:
    there = position(look(host))
    said(host, 4)
    host.sh("kill -9 $(pidof systemd-journald) && lab-journal")
    said(host, 2)
    assert removed(host, there) == 6


def test_another_stream_is_a_new_start_and_of_the_one_before_nothing_is_counted_again(host: MailHost) -> None:
    said(host, 30)
    there = position(look(host))
    host.sh("""kill -9 $(pidof systemd-journald)
cd /var/log/journal/* && mv system.journal system@0.journal~ && lab-journal""")
    said(host, 2)
    reply = look(host, there)
    assert position(reply).partition(":")[0] != there.partition(":")[0]
    assert counted(reply) is None
    said(host, 3)
    assert removed(host, position(reply)) == 3


def test_of_much_only_the_newest_is_read_and_the_numbers_say_so(host: MailHost) -> None:
    there = position(look(host))
    said(host, 30_000)
    _, done, start, to = counted(look(host, there)) or (0, 0, 0, 0)
    assert int(there.partition(":")[2]) < start
    assert to - start == pytest.approx(20_000, abs=5)
    assert done == pytest.approx(20_000, abs=5)


def test_what_journald_left_out_makes_the_count_unknown(host: MailHost) -> None:
    there = position(look(host))
    said(host, 3)
    host.lab.run(
        host.name, ["logger", "--journald"], input=f"{SUPPRESSED}SYSLOG_IDENTIFIER=systemd-journald\n", timeout=5
    )
    said(host, 3)
    reply = look(host, there)
    assert "rate limit" in why_not(reply)
    assert reply.one("traffic") is None
    said(host, 2)
    assert removed(host, position(reply)) == 2


@pytest.mark.parametrize("which", ["every call", "the call that counts"])
def test_a_journalctl_that_hangs_is_bounded_and_the_rest_of_the_look_is_whole(host: MailHost, which: str) -> None:
    there = position(look(host))
    said(host, 2)
    case = "*" if which == "every call" else "*--after-cursor*"
    hangs = f"""#!/bin/sh
case "$*" in {case}) echo half a line; exec sleep 60 ;; esac
exec /run/journalctl "$@"
"""
    host.lab.run(host.name, ["sh", "-c", "cat >/run/hangs && chmod 755 /run/hangs"], input=hangs, timeout=5)
    host.sh("cp /usr/bin/journalctl /run/journalctl && mount --bind /run/hangs /usr/bin/journalctl")
    try:
        reply = look(host, there, patience="2")
    finally:
        host.sh("umount /usr/bin/journalctl")
    assert "in 2 s" in why_not(reply)
    assert reply.one("traffic") is None
    rest = {row[0] for row in look(host).rows}
    assert {row[0] for row in reply.rows} | {"log"} == rest | {"error"}
    assert removed(host, there) == 2


def test_a_file_that_nothing_writes_to_any_more_gives_way_to_the_journal(host: MailHost) -> None:
    host.sh("echo 'Nov 24 03:12:00 mx1 postfix/qmgr[77]: 4XyZ1: removed' >/var/log/mail.log")
    try:
        position(look(host), "/var/log/mail.log")
        host.sh("touch -d '11 minutes ago' /var/log/mail.log")
        position(look(host))
        position(look(host, log="/var/log/mail.log"), "/var/log/mail.log")
        host.sh("postconf maillog_file=/var/log/mail.log")
        position(look(host), "/var/log/mail.log")
    finally:
        host.sh("rm /var/log/mail.log; postconf -X maillog_file")


def test_a_log_without_a_line_of_postfix_is_none(host: MailHost) -> None:
    host.sh("cp -a /etc/postfix /etc/postfix-none && postconf -c /etc/postfix-none syslog_name=none")
    reply = look(host, config_dir="/etc/postfix-none")
    assert why_not(reply).startswith("no log file: maillog_file is not set")
    assert why_not(reply).endswith("the journal has no line of none/master, none/qmgr or none/smtpd")
    assert reply.one("log") is None
