"""What a mail host answers when its disks are full, its clock steps, or a verb ends in a way that nobody foresaw."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from failover.host import script_text
from failover.lab import Lab
from failover.ports import Rc, Reply
from tests.labs import lab_or_skip
from tests.scenarios.host import MailHost, read, words

pytestmark = pytest.mark.lab

STATE = re.findall(r"^STATE=(\S+)$", script_text(), re.MULTILINE)[0]
FULL = (
    "mount -t tmpfs -o mode={mode},size={size} full {at} && {{ head -c 9m /dev/zero >{at}/filler; }} 2>/dev/null; true"
)

TMP = "/tmp"  # noqa: S108  of the lab's host
HEALTHY = "[ ! -e /usr/sbin/postfix.real ] || mv /usr/sbin/postfix.real /usr/sbin/postfix"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    ours = lab_or_skip("outcomes")
    yield ours
    ours.down()


@pytest.fixture
def host(lab: Lab) -> Iterator[MailHost]:
    ours = MailHost(lab)
    ours.sh(f"rm -rf {STATE}")
    lab.rewire("mx1", "smtpd-pipe")
    yield ours
    ours.sh(f"umount {STATE}; umount -t tmpfs {TMP}; {HEALTHY}", check=False)
    ours.sh("pkill -CONT spamd; true")


def full(host: MailHost, at: str, size: str = "64k") -> None:
    host.sh(f"mkdir -p {at}; " + FULL.format(at=at, size=size, mode=700 if at == STATE else 1777))
    assert "No space" in host.sh(f"head -c 9000 /dev/zero 2>&1 >{at}/more || true; echo No space"), "it is full"


def came(host: MailHost, step: str) -> tuple[str, ...] | None:
    return host.call("result", {"run": host.run, "step": step, "attempt": "1"}).one("result")


def bypassed(host: MailHost) -> bool:
    return "/usr/sbin/sendmail" in host.sh("postconf -M spamassassin/unix").split("argv=")[1][:20]


def test_with_tmp_full_a_bypass_is_done_and_says_so(host: MailHost) -> None:
    """safety 2: the bypass took effect, its answer could not be written, and "nothing was done" came back."""
    plan = host.plan("pass")
    full(host, TMP)
    reply = host.act("bypass", "bypass", plan, attempt=1)
    assert (reply.rc, bypassed(host), len(reply.all("digest"))) == (Rc.OK, True, 2)
    assert came(host, "bypass") == ("done", "0")
    assert host.call("look", {"filters": "yes", "patience": "3"}).rc == Rc.OK, "and it is not blind"
    frozen = host.call("frozen", {"filter": "spamassassin"})
    assert frozen.rc == Rc.OK, frozen.because
    assert host.restore().rc == Rc.OK
    assert not bypassed(host)


@pytest.mark.parametrize(("verb", "left"), [("bypass", 0), ("flush", 0), ("requeue", 0), ("restart", 0), ("flush", 24)])
def test_without_room_for_its_result_nothing_is_begun(host: MailHost, verb: str, left: int) -> None:
    """safety 2: room is looked for before the act, and its want is a refusal of the closed list."""
    plan, before = host.plan("pass"), host.config()
    full(host, STATE, "256k")
    host.sh(f"truncate -s -{left}k {STATE}/filler")  # enough for a beginning, and not for its end
    args = {
        "bypass": plan,
        "requeue": {"filter": "spamassassin"},
        "restart": {"kind": "service", "name": "postfix", "answers": "127.0.0.1:25"},
    }.get(verb, {})
    reply = host.act(verb, verb, args, attempt=1)
    assert (reply.rc, host.config()) == (Rc.REFUSED, before)
    assert STATE in reply.because
    assert came(host, verb) == ("absent", "0")


FILLS = f"""
mv /usr/sbin/postfix /usr/sbin/postfix.real
cat >/usr/sbin/postfix <<'END'
#!/bin/sh
[ "$1" != check ] || {{ ln {STATE}/unloaded/* {STATE}/kept; head -c 9m /dev/zero >{STATE}/filler; }}
exec /usr/sbin/postfix.real "$@"
END
chmod 755 /usr/sbin/postfix
"""


def test_a_disk_that_fills_up_in_the_middle_takes_no_answer_away(host: MailHost) -> None:
    """safety 2: the answer and the result have their room before the act begins. (A second name of the act's mark keeps
    its block: else its removal would give room back.)"""
    plan = host.plan("pass")
    host.sh(f"mkdir -p {STATE} && mount -t tmpfs -o mode=700,size=2m full {STATE}")
    host.sh(FILLS)
    reply = host.act("bypass", "bypass", plan, attempt=1)
    assert bypassed(host)
    assert (reply.rc, len(reply.all("digest")), reply.all("left")) == (Rc.OK, 2, (("0",),))
    assert came(host, "bypass") == ("done", "0")
    host.sh(f"rm {STATE}/filler {STATE}/kept; {HEALTHY}")
    assert host.restore().rc == Rc.OK


UNWRITABLE = {
    "read-only": ("mount --bind {at} {at} && mount -o remount,bind,ro {at}", "cannot be written"),
    "a mount of its own": ("mount --bind {at}/master.cf {at}/master.cf", "is a mount of its own"),
    "full": (
        "cp -a {at} /srv/pf && mount -t tmpfs -o mode=755,size=2m full {at} && cp -a /srv/pf/. {at} && rm -r /srv/pf "
        "&& {{ head -c 9m /dev/zero >{at}/filler; }} 2>/dev/null; true",
        "no space is left",
    ),
}


@pytest.mark.parametrize("how", UNWRITABLE)
def test_a_restore_asks_first_whether_it_can_write(host: MailHost, how: str) -> None:
    """It began, failed with "was edited at this moment", and left a mark as if something were not loaded."""
    assert host.bypass("pass").rc == Rc.OK
    before, at = host.config(), "/etc/postfix"
    mount, why = UNWRITABLE[how]
    host.sh(mount.format(at=at))
    try:
        reply = host.restore()
        assert (reply.rc, why in reply.because, host.config()) == (Rc.REFUSED, True, before), reply.rows
        assert [row[1] for row in host.call("debts").all("debt") if row[0] in {"force", "unloaded"}] == [host.run]
    finally:
        host.sh(f"umount {at}/master.cf 2>/dev/null || umount {at}")
    assert host.restore().rc == Rc.OK
    assert not bypassed(host)


def test_what_was_done_a_year_ago_is_still_not_done_again(host: MailHost) -> None:
    """safety 19: results went by the age of their files, so that a step of the clock made a repeat new."""
    plan = host.plan("pass")
    first = host.act("bypass", "bypass", plan, attempt=1)
    host.sh(f"find {STATE} -type f -exec touch -d '1 year ago' {{}} +")
    assert host.act("flush", "flush").rc == Rc.OK
    again = host.act("bypass", "bypass", plan, attempt=1)
    assert (again.rc, again.rows) == (first.rc, first.rows)


def altered(host: MailHost, body: str) -> Reply:
    """The helper, whose flush does this instead."""
    text = script_text().replace("do_flush() {", "do_flush() { " + body + "; return\n", 1)
    args = {"run": host.run, "step": "flush", "attempt": "1", "epoch": str(host.epoch), "limit": "20"}
    return read(host.lab.run("mx1", words("flush", args), timeout=30, input=text, check=False))


@pytest.mark.parametrize(
    ("body", "rc", "word"),
    [
        ("return 0", Rc.OK, "done"),
        ("because $REFUSED no", Rc.REFUSED, "refused"),
        ("because $CHANGED no", Rc.CHANGED, "refused"),
        ("because $FAILED no", Rc.FAILED, "failed"),
        ("begins; return 0", Rc.OK, "done"),
        ("begins; because $REFUSED no", Rc.FAILED, "failed"),
        ("begins; because $CHANGED no", Rc.FAILED, "failed"),
        ("because $BUSY no", Rc.FAILED, "failed"),
        ("because $STALE no", Rc.FAILED, "failed"),
        ("return 1", Rc.FAILED, "failed"),
        ("return 2", Rc.FAILED, "failed"),
        ("no-such-command", Rc.FAILED, "failed"),
        ("cat <no-such-file", Rc.FAILED, "failed"),
    ],
)
def test_only_a_listed_code_before_the_first_effect_means_that_nothing_was_done(
    host: MailHost, body: str, rc: int, word: str
) -> None:
    """safety 2: the list is closed on the host, too."""
    assert altered(host, body).rc == rc
    assert (came(host, "flush") or ("",))[0] == word


def test_what_the_dead_left_behind_is_cleared_and_what_lives_leaves_nothing(host: MailHost) -> None:
    host.sh(f"mount -t tmpfs tmpfs {TMP}")  # a lab host's own is its machine's
    host.sh(f"mkdir -p {STATE}/scratch && chmod 700 {STATE} && head -c 100000 /dev/zero >{STATE}/scratch/said")
    there = f"ls -A {TMP} /run | sort"
    before = host.sh(there)
    assert host.act("flush", "flush").rc == Rc.OK
    assert host.call("frozen", {"filter": "spamassassin"}).rc == Rc.OK
    assert host.sh(f"ls -A {STATE}/scratch 2>/dev/null || true") == ""
    assert host.sh(there) == before
