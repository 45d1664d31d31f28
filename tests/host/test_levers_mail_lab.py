"""The levers on real mail: a filter hangs, a lever takes it out, and each letter arrives once, as it was sent."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from failover.lab import Lab
from failover.lab.wiring import DEFAULT
from failover.ports import Rc
from tests.labs import lab, ledger, until
from tests.scenarios.host import MailHost

__all__ = ["lab"]
pytestmark = pytest.mark.lab

SCANNER = "lab.[s]canner"  # a pattern that does not match the shell which names it
NASTY = (
    '"a,b"@lab.test',
    '"first last"@lab.test',
    r'"a\"b"@lab.test',
    "-x@lab.test",
    "a+b=c@lab.test",
    '"$(id);x"@lab.test',
)
POST = r"""
import smtplib, sys
tag, count, sender, *to = sys.argv[1:]
with smtplib.SMTP("127.0.0.1", 25, timeout=90) as smtp:
    smtp.ehlo()
    for n in range(int(count)):
        for line in (f"MAIL FROM:<{sender}> BODY=8BITMIME", *(f"RCPT TO:<{address}>" for address in to)):
            assert smtp.docmd(line)[0] == 250, line
        assert smtp.docmd("DATA")[0] == 354
        head = f"Subject: x\r\nMessage-ID: <{tag}-{n}@e>\r\nX-Failover-Seq: {tag}-{n}"
        smtp.send(f"{head}\r\n\r\nGr\u00fc\u00dfe\r\n.\r\n".encode())
        assert smtp.getreply()[0] == 250
"""
HOLDS = r"""
import socket, time
server = socket.create_server(("127.0.0.1", 10025))
while True:
    near, _ = server.accept()
    for said in (b"220 holds\r\n", b"250 holds\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
        near.sendall(said)
        text = near.recv(65536)
    time.sleep(600)
"""


@pytest.fixture
def host(lab: Lab) -> Iterator[MailHost]:
    yield MailHost(lab)
    ours = MailHost(lab)
    ours.sh(f"pkill -CONT -f {SCANNER}; pkill -f '[H]OLDS'; true")
    lab.rewire("mx1", DEFAULT)
    drained(ours)


def hang(host: MailHost) -> None:
    host.lab.rewire("mx1", "smtp")
    up = "until pgrep -f %s >/dev/null && ss -Hltn 'sport = 10025' | grep -q .; do sleep 0.1; done; pkill -STOP -f %s"
    host.sh(up % (SCANNER, SCANNER))


def post(host: MailHost, tag: str, count: int = 1, sender: str = "s@example.org", *to: str) -> None:
    argv = ["python3", "-c", POST, tag, str(count), sender, *(to or ("someone@lab.test",))]
    host.lab.run("mx1", argv, timeout=120)


def arrived(host: MailHost, tag: str) -> Counter[tuple[str, str]]:
    lines = [line for line in ledger(host.lab) if str(line["x_seq"]).startswith(f"{tag}-")]
    return Counter((line["x_seq"], to) for line in lines for to in line["to"])


def in_flight(host: MailHost) -> int:
    return int(host.sh("ss -HtnO state established '( dport = 10025 )' | wc -l"))


def drained(host: MailHost) -> None:
    def empty() -> bool:
        host.sh("postqueue -f", check=False)
        return not host.queued()

    until(empty, within=60, what="an empty queue")


def test_an_smtp_filter_is_passed_with_the_envelope_as_it_was_sent(host: MailHost) -> None:
    """case: quoted local parts; safety 5: what cleanup did once is not done again; 17: nobody needs to submit."""
    hang(host)
    host.sh("postconf -e allow_min_user=yes authorized_submit_users=root always_bcc=archive@lab.test; postfix reload")
    until(lambda: "archive" in host.sh("postconf -h always_bcc"), within=5, what="the setting")
    post(host, "nasty", 1, '"odd, sender"@example.org', *NASTY)
    post(host, "null", 1, "", "someone@lab.test")
    assert host.bypass("pass").rc == Rc.OK
    drained(host)
    to = Counter({re.sub(r'^"([-a-z]+)"', r"\1", address): 1 for address in NASTY})
    found = Counter({address: n for (_, address), n in arrived(host, "nasty").items()})
    archive = found.pop("archive@lab.test")
    assert found == to
    assert archive == 2, "added before the filter and after it, as with the filter in its place"
    assert arrived(host, "null")["null-0", "someone@lab.test"] == 1
    assert host.restore().rc == Rc.OK


def test_clients_that_hang_before_their_final_dot_are_freed(host: MailHost) -> None:
    """case: maxproc 2 with both agents hung; the first 20 messages stay in hung agents."""
    hang(host)
    host.sh("postconf -F scan/unix/process_limit=2 && postfix reload")
    before = host.config()
    post(host, "two", 12)
    until(lambda: in_flight(host) == 2, within=20, what="both clients in the filter")
    reply = host.bypass("pass")
    assert (reply.rc, reply.one("left")) == (Rc.OK, ("0",)), reply.rows
    drained(host)
    host.sh(f"pkill -CONT -f {SCANNER}")
    assert host.restore().rc == Rc.OK
    assert host.config() == before
    assert arrived(host, "two") == Counter({(f"two-{n}", "someone@lab.test"): 1 for n in range(12)})


def test_a_client_that_has_sent_its_final_dot_is_left_alone(host: MailHost) -> None:
    """What the filter may have taken is never tried a second way: it would arrive twice."""
    host.lab.rewire("mx1", "smtp")
    host.sh(f"service scanner stop; pkill -f {SCANNER}; setsid python3 -c '# HOLDS\n{HOLDS}' >/dev/null 2>&1 & sleep 1")
    post(host, "dot", 1)
    until(lambda: in_flight(host) == 1, within=20, what="a client in the filter")
    until(lambda: "bytes_sent" in host.sh("ss -OtinH '( dport = 10025 )'"), within=20, what="its letter sent")
    host.sh("sleep 1")
    reply = host.bypass("pass")
    assert (reply.rc, reply.one("ended"), reply.one("left")) == (Rc.OK, ("0",), ("1",))
    host.sh("pkill -f '[H]OLDS'", check=False)
    drained(host)
    assert sum(arrived(host, "dot").values()) == 1


def test_a_stock_transport_is_cleared_and_all_else_goes_by_it(host: MailHost) -> None:
    """safety 1; case: smtp:[127.0.0.1]:10024. Other mail leaves by smtp all the while, and nothing comes twice."""
    hang(host)
    host.sh("postconf -e 'content_filter=smtp:[127.0.0.1]:10025' && postfix reload")
    before = host.config()
    post(host, "stock", 8)
    until(lambda: in_flight(host) > 0, within=20, what="a client in the filter")
    said = {row[0]: row[1] for row in host.call("filter-read").all("lever")}
    assert said == {"pass": "no", "clear": "ok"}
    assert host.bypass("clear").rc == Rc.OK
    assert host.sh("postconf -h defer_transports").strip() == ""
    assert "frozen\tsmtp" in "\n".join("\t".join(row) for row in host.call("look", {"filters": "yes"}).rows)
    post(host, "after", 3)
    until(lambda: sum(arrived(host, "after").values()) == 3, within=30, what="mail that meets no filter")
    assert host.act("requeue", "requeue", {"filter": "smtp"}, limit=60).rc == Rc.OK
    drained(host)
    host.sh(f"pkill -CONT -f {SCANNER}")
    assert host.restore().rc == Rc.OK
    assert host.config() == before
    assert arrived(host, "stock") == Counter({(f"stock-{n}", "someone@lab.test"): 1 for n in range(8)})


@pytest.mark.parametrize(
    ("spoil", "mend", "words"),
    [
        (
            "cp -a master.cf /run/kept && mount --bind /run/kept master.cf",
            "umount master.cf; rm /run/kept",
            "mount of its own",
        ),
        ("chattr +i master.cf", "chattr -i master.cf", "immutable"),
        ("ln master.cf other.cf", "rm other.cf", "several names"),
    ],
    ids=["bind mount", "immutable", "hard link"],
)
def test_a_file_that_cannot_be_replaced_is_said_and_not_touched(
    host: MailHost, spoil: str, mend: str, words: str
) -> None:
    """safety 11; case: bind-mounted or read-only main.cf."""
    plan = host.plan("pass")
    before = host.config()
    host.sh(f"cd /etc/postfix && {spoil}")
    try:
        said = host.call("filter-read").all("lever")[0]
        assert said[:2] == ("pass", "no")
        assert words in said[2]
        assert host.act("bypass", "bypass", plan).rc == Rc.REFUSED
    finally:
        host.sh(f"cd /etc/postfix && {mend}")
    assert host.config() == before


ATTRIBUTES = """
import os, struct, sys
entries = [(1, 6, -1), (2, 4, 1), (4, 4, -1), (16, 6, -1), (32, 4, -1)]
acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
for name in ("main.cf", "master.cf"):
    path = "/etc/postfix/" + name
    if sys.argv[1] == "set":
        os.setxattr(path, "system.posix_acl_access", acl)
        os.setxattr(path, "security.selinux", b"system_u:object_r:postfix_etc_t:s0")
    print(oct(os.stat(path).st_mode), [(k, os.getxattr(path, k)) for k in sorted(os.listxattr(path))])
"""


def test_acls_and_labels_are_kept_through_act_and_undo(host: MailHost) -> None:
    """safety 11: an ACL's mask becomes no group write, and a label stays."""
    had = host.lab.run("mx1", ["python3", "-c", ATTRIBUTES, "set"], timeout=10).stdout
    assert "posix_acl_access" in had
    for lever in ("pass", "clear"):
        assert host.bypass(lever, lever).rc == Rc.OK
        assert host.lab.run("mx1", ["python3", "-c", ATTRIBUTES, "get"], timeout=10).stdout == had
        assert host.restore(lever).rc == Rc.OK
        assert host.lab.run("mx1", ["python3", "-c", ATTRIBUTES, "get"], timeout=10).stdout == had
