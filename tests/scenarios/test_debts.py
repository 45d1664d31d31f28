"""What failover owes a host, by the host's own word: killed, full, of two instances; seen until it is discharged.

Mail is counted in all of it: what was accepted is in a queue, or has come; what others hold stays held.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from failover.host import script_text
from failover.lab import Lab
from failover.ports import Rc, Reply
from tests.labs import lab_or_skip, ledger, until
from tests.scenarios.host import MailHost, read, words

pytestmark = pytest.mark.lab
N = 12
SEND = """
import smtplib, sys
with smtplib.SMTP(sys.argv[1], 25, timeout=90) as smtp:
    for i in range(int(sys.argv[3])):
        head = f"From: a@example.org\\nTo: someone@lab.test\\nX-Failover-Seq: {sys.argv[2]}.{i}\\n\\nHello\\n"
        smtp.sendmail("a@example.org", ["someone@lab.test"], head)
"""
SPOOL, SPOOL_2 = "/var/spool/postfix", "/var/spool/postfix-in"
SECOND = """
[ -d /etc/postfix-in ] || { postmulti -e init && postmulti -I postfix-in -G mta -e create; }
postconf -c /etc/postfix-in -e master_service_disable=inet content_filter=spamassassin: defer_transports=spamassassin \
  authorized_submit_users=static:anyone multi_instance_enable=yes myhostname=in.lab.test
postmulti -i postfix-in -p start
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    ours = lab_or_skip("debts")
    yield ours
    ours.down()


@pytest.fixture
def host(lab: Lab) -> Iterator[MailHost]:
    ours = MailHost(lab)
    ours.sh("rm -rf /var/lib/failover /var/lib/failover-host; postsuper -d ALL 2>/dev/null; true")
    lab.rewire("mx1", "smtpd-pipe")
    ours.sh("postconf -e defer_transports=spamassassin && postfix reload")
    yield ours
    ours.sh("[ ! -e /usr/sbin/postsuper.real ] || mv /usr/sbin/postsuper.real /usr/sbin/postsuper; true")
    ours.sh("postsuper -H ALL 2>/dev/null; postsuper -d ALL; true")


@dataclass(frozen=True, slots=True)
class Frozen:
    """So much mail, stamped for the filter and deferred; the last two of it are held by an administrator."""

    host: MailHost
    tag: str
    theirs: int = 2

    @classmethod
    def mail(cls, host: MailHost) -> Frozen:
        tag = f"d{time.time_ns()}"
        host.lab.run("sender", [sys.executable, "-c", SEND, host.lab.address("mx1"), tag, str(N)], timeout=60)
        until(lambda: count(host, "deferred") == N, within=20, what="all is deferred")
        host.sh(f"cd {SPOOL} && find deferred -type f -printf '%f\\n' | sort | tail -n 2 | postsuper -h - deferred")
        return cls(host, tag)

    def settled(self) -> None:
        """All goes on once it may, each message once; what was theirs is on hold still, until they say so."""
        assert count(self.host, "hold") == self.theirs
        done = self.host.act("requeue", "again", {"filter": "spamassassin"})
        assert done.rc == Rc.OK, done.rows
        until(self._flushed_and_came, within=40, what="what was not theirs has come")
        assert count(self.host, "hold") == self.theirs
        assert len({x["x_seq"] for x in ledger(self.host.lab) if (x["x_seq"] or "").startswith(self.tag)}) == N - 2

    def _flushed_and_came(self) -> bool:
        """What a busy handler put off would wait for its next turn, five minutes later."""
        self.host.sh("postqueue -f", check=False)
        return self.came() == N - self.theirs

    def came(self) -> int:
        return sum((x["x_seq"] or "").startswith(self.tag) for x in ledger(self.host.lab))


def count(host: MailHost, queue: str, spool: str = SPOOL) -> int:
    return int(host.sh(f"find {spool}/{queue} -type f | wc -l"))


def debts(host: MailHost, kind: str = "held") -> list[tuple[str, ...]]:
    return [row[1:] for row in host.call("debts").all("debt") if row[0] == kind]


def settle(host: MailHost) -> Reply:
    return host.act("settle", "whatever", limit=60)


def cut(host: MailHost, text: str, step: str = "requeue", config_dir: str = "/etc/postfix") -> None:
    """A requeue by this text, which ends itself somewhere."""
    cut_act(host, text, "requeue", step, {"filter": "spamassassin", "config_dir": config_dir})


def cut_act(host: MailHost, text: str, verb: str, step: str, own: dict[str, str]) -> None:
    args = {"run": host.run, "step": step, "attempt": "1", "epoch": str(host.epoch), "limit": "40", **own}
    done = host.lab.run("mx1", words(verb, args), timeout=60, input=text, check=False)
    assert "end\t" not in done.stdout, (done.stdout, done.stderr)


def requeue(host: MailHost, text: str) -> Reply:
    """By this text, to its end."""
    args = {"run": host.run, "step": "x", "attempt": "1", "epoch": str(host.epoch), "limit": "40"}
    argv = words("requeue", {**args, "filter": "spamassassin"})
    return read(host.lab.run("mx1", argv, timeout=60, input=text, check=False))


def killed_before(line: str) -> str:
    """The helper, ended by SIGKILL where it comes to this line."""
    text = script_text()
    assert text.count(line) == 1, line
    return text.replace(line, f"kill -KILL $$; {line}")


MOMENTS = {
    "the list is written, nothing is held": "bounded 30 postsuper -h - incoming active deferred",
    "it is held": "sleep 0.3 # a delivery agent locks",
    "it is sorted": "held=$((held + $(grep -c",
    "some of it is requeued": "quietly 5 postkick public pickup W",
    "it was requeued": "discharge_one any || stop=",
    "it was released, the list is there": 'rm -f "$list" && sync',
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_requeue_killed_anywhere_is_told_and_discharged(host: MailHost, moment: str) -> None:
    """safety 6: a look says what is held; any settle frees it, and nothing that others hold."""
    mail = Frozen.mail(host)
    cut(host, killed_before(MOMENTS[moment]))
    held = count(host, "hold") - mail.theirs
    told = debts(host)
    assert [row[0] for row in told] == ([str(held)] if held else [])
    assert all(row[2:] == (host.run, "requeue", "/etc/postfix", "left") for row in told), told
    assert settle(host).rc == Rc.OK
    assert debts(host) == []
    mail.settled()


def slow(host: MailHost, first: str) -> None:
    """postsuper does `first` before its work."""
    host.sh(
        f"mv /usr/sbin/postsuper /usr/sbin/postsuper.real; printf '%s\\n' '#!/bin/sh' '{first}' "
        "'exec /usr/sbin/postsuper.real \"$@\"' >/usr/sbin/postsuper; chmod 755 /usr/sbin/postsuper"
    )


def test_a_postsuper_that_outlives_its_act_is_awaited_before_its_list_is_dropped(host: MailHost) -> None:
    """safety 6: killed while postsuper -h is at work: it goes on alone, and holds mail after any look at once."""
    mail = Frozen.mail(host)
    slow(host, 'case $1 in -h) kill -KILL $(pgrep -f "[f]ailover-host requeue"); sleep 4 ;; esac')
    cut(host, script_text())
    assert settle(host).rc == Rc.OK
    until(lambda: not host.sh("pgrep -f '[p]ostsuper -h'; true"), within=20, what="that postsuper has ended")
    host.sh("mv /usr/sbin/postsuper.real /usr/sbin/postsuper")
    assert (debts(host), count(host, "hold")) == ([], mail.theirs)
    mail.settled()


@pytest.mark.parametrize("broken", ["exit 1", "exit 127"])
def test_what_cannot_be_released_stays_a_debt_and_blocks_remove(host: MailHost, broken: str) -> None:
    """safety 6: the list was dropped although postsuper never ran."""
    mail = Frozen.mail(host)
    cut(host, killed_before(MOMENTS["it is held"]))
    slow(host, broken)
    held = str(N - mail.theirs)
    assert settle(host).rc == Rc.OK
    assert [row[0] for row in debts(host)] == [held]
    release = host.act("release", "release")
    assert (release.rc, "cannot be released" in release.because) == (Rc.FAILED, True)
    refused = host.call("remove", {"purge": "yes"})
    assert (refused.rc, f"{held} messages on hold by run {host.run}" in refused.because) == (Rc.REFUSED, True)
    host.sh("mv /usr/sbin/postsuper.real /usr/sbin/postsuper")
    release = host.act("release", "release")
    assert (release.rc, release.one("released")) == (Rc.OK, (held,))
    mail.settled()


def test_what_may_be_somebody_elses_stays_a_debt_until_a_person_lets_it_go(host: MailHost) -> None:
    """safety 6: a clock that is set, or chown -R, is no reason to forget it; only what was seen elsewhere is theirs."""
    mail = Frozen.mail(host)
    ours = host.sh(f"cd {SPOOL} && find deferred -type f -printf '%f\\n'").split()
    cut(host, killed_before(MOMENTS["it is held"]))
    host.sh("cd /var/lib/failover*/held && sed -i '1s/^\\([0-9]*\\)/1000/' t*")  # as if it were of long ago
    assert settle(host).rc == Rc.OK
    assert [(row[0], row[5]) for row in debts(host)] == [(str(N - 2), "unsure")]
    host.sh(f"echo {ours[0]} | postsuper -H -")
    assert settle(host).rc == Rc.OK
    host.sh(f"cd {SPOOL} && find deferred incoming active -name {ours[0]} -printf '%f\\n' | postsuper -h -")
    assert [(row[0], row[5]) for row in debts(host)] == [(str(N - 3), "unsure")]
    done = host.act("requeue", "again", {"filter": "spamassassin"})
    assert (done.one("left"), done.one("held")) == ((str(N - 3),), (str(N - 3),)), done.rows
    release = host.act("release", "requeue")
    assert (release.rc, release.one("released")) == (Rc.OK, (str(N - 3),))
    assert (debts(host), count(host, "hold")) == ([], mail.theirs + 1)
    host.sh(f"echo {ours[0]} | postsuper -H -")
    mail.settled()


def test_a_clock_that_is_set_while_mail_is_held_leaves_none_of_it(host: MailHost) -> None:
    """safety 6: by the clock of before, what we held had been held by somebody else."""
    mail = Frozen.mail(host)
    slow(host, "[ $1 != -r ] || exit 1")
    text = script_text().replace("of_since=$(date +%s)", "of_since=1000")
    assert text != script_text()
    reply = requeue(host, text)
    assert (reply.rc, reply.one("held")) == (Rc.FAILED, ("0",)), reply.rows
    host.sh("mv /usr/sbin/postsuper.real /usr/sbin/postsuper")
    assert (debts(host), count(host, "hold")) == ([], mail.theirs)
    mail.settled()


def test_mail_of_a_second_instance_is_freed_by_a_settle_that_names_none(host: MailHost) -> None:
    """safety 6: settle named no config_dir, so the list of a second instance was dropped unused."""
    host.sh(SECOND, timeout=90)
    for _ in range(3):
        host.sh("printf 'Subject: x\\n\\nx\\n' | sendmail -C /etc/postfix-in -f a@example.org someone@lab.test")
    until(lambda: count(host, "deferred", SPOOL_2) == 3, within=30, what="all is deferred")
    host.sh("postconf -c /etc/postfix-in -X content_filter && postfix -c /etc/postfix-in reload")
    mail = Frozen.mail(host)
    forgetful = killed_before(MOMENTS["it is held"]).replace("discharge() {", "discharge() { return 0; }; not_now() {")
    cut(host, forgetful, "second", "/etc/postfix-in")
    cut(host, forgetful, "first")
    assert {(row[0], row[4]) for row in debts(host)} == {("3", "/etc/postfix-in"), (str(N - 2), "/etc/postfix")}
    assert settle(host).rc == Rc.OK
    assert (debts(host), count(host, "hold", SPOOL_2)) == ([], 0)
    host.sh("postmulti -i postfix-in -p stop; true", check=False)
    mail.settled()


FULL = {
    "no room for the list": ('put "$list" <"$scratch/list"', 'false && put "$list" <"$scratch/list"'),
    "/proc/locks cannot be read": ("cat /proc/locks /proc/locks", "cat /proc/nothing"),
    "/proc/locks shows another list": (
        "cat /proc/locks /proc/locks",
        "echo 1: FLOCK ADVISORY WRITE 1 00:00:1 0 EOF; :",
    ),
    "what others hold cannot be listed": (
        "find hold -type f -printf '%f\\n' >",
        'true >"$scratch/theirs"; false && find hold >',
    ),
}


@pytest.mark.parametrize("what", FULL)
def test_what_cannot_be_read_or_written_stops_it_and_nothing_stays_held(host: MailHost, what: str) -> None:
    """safety 19: unchecked copies of /proc/locks and of the held list: as if nobody delivered, or held any."""
    mail = Frozen.mail(host)
    good, bad = FULL[what]
    assert script_text().count(good) == 1
    reply = requeue(host, script_text().replace(good, bad))
    assert (reply.rc, reply.one("requeued"), reply.one("left")) == (Rc.FAILED, ("0",), ("unknown",))
    assert (debts(host), count(host, "hold")) == ([], mail.theirs)
    mail.settled()


LOCKS = """
import fcntl, itertools, os, sys
for n in itertools.count():
    file = open(f"{sys.argv[1]}/{n}", "w")
    if os.fstat(file.fileno()).st_ino == int(sys.argv[2]):
        fcntl.flock(file, fcntl.LOCK_EX)
        print("locked", flush=True)
        sys.exit(sys.stdin.read())
    file.close()
"""


def test_a_lock_on_another_file_system_stops_no_mail(host: MailHost) -> None:
    """Its inode may have the number of a queue file: it was called mail that is being delivered, and stayed held."""
    mail, other = Frozen.mail(host), "/run/other"
    inode = host.sh(f"find {SPOOL}/deferred -type f -printf '%i\\n' | tail -n 1").strip()
    host.sh(f"mkdir -p {other} && mount -t tmpfs other {other}")
    argv = [sys.executable, "-c", LOCKS, other, inode]
    with host.lab.popen("mx1", argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as locks:
        assert locks.stdout is not None
        assert locks.stdout.readline() == "locked\n"
        done = host.act("requeue", "first", {"filter": "spamassassin"})
        locks.communicate()
    host.sh(f"umount {other}")
    assert (done.rc, done.one("requeued"), done.one("held")) == (Rc.OK, (str(N - mail.theirs),), ("0",)), done.rows
    mail.settled()


def test_requeue_on_a_full_state_folder_holds_nothing(host: MailHost) -> None:
    """safety 6, 19: a full disk, for real: a state folder of 64 KiB that is full."""
    mail = Frozen.mail(host)
    state = re.findall(r"^STATE=(\S+)", script_text(), re.MULTILINE)[0]
    host.sh(f"mkdir -p -m 700 {state} && mount -t tmpfs -o size=64k,mode=700 tmpfs {state}")
    host.sh(f"mkdir {state}/results {state}/saved")
    try:
        host.sh(f"head -c 100000 /dev/zero >{state}/fill 2>/dev/null; true")
        assert host.act("requeue", "full", {"filter": "spamassassin"}).rc in {Rc.REFUSED, Rc.FAILED}
        assert count(host, "hold") == mail.theirs
    finally:
        host.sh(f"umount {state}")
    mail.settled()


@pytest.fixture
def small(host: MailHost) -> Iterator[str]:
    """A state folder with room for 1 MiB."""
    state = re.findall(r"^STATE=(\S+)", script_text(), re.MULTILINE)[0]
    host.sh(f"mkdir -p -m 700 {state} && mount -t tmpfs -o size=1m,mode=700 tmpfs {state}")
    yield state
    host.sh(f"umount {state}")


def fill(state: str) -> str:
    return f"rm -rf {state}/scratch; {{ head -c 2m /dev/zero >{state}/fill; }} 2>/dev/null; true"


@pytest.mark.parametrize("newer", [0, 1])
def test_held_mail_is_released_where_there_is_no_room(host: MailHost, small: str, newer: int) -> None:
    """It was let go, and the answer was "no room"; a newer epoch, which cannot be written there, stopped it as well."""
    mail = Frozen.mail(host)
    cut(host, killed_before(MOMENTS["it is held"]))
    host.sh(f"ln {small}/held/t* {small}/kept; {fill(small)}")  # so that its list's block is not free after it
    host.epoch += newer
    release = host.act("release", "release")
    assert (release.rc, release.one("released")) == (Rc.OK, (str(N - mail.theirs),)), release.rows
    assert (bool(release.all("note")), debts(host), count(host, "hold")) == (newer == 1, [], mail.theirs)
    host.sh(f"rm {small}/fill")
    mail.settled()


@pytest.mark.parametrize("newer", [0, 1])
def test_a_refused_act_says_what_was_let_go_and_loaded_before_it(host: MailHost, small: str, newer: int) -> None:
    mail = Frozen.mail(host)
    cut(host, killed_before(MOMENTS["it is held"]))
    mark = "echo $(cat /proc/sys/kernel/random/boot_id) none /etc/postfix r1 bypass 1"
    host.sh(f"mkdir {small}/unloaded && {mark} >{small}/unloaded/,etc,postfix; {fill(small)}")
    host.epoch += newer
    flush = host.act("flush", "flush")
    assert (flush.rc, flush.one("freed"), flush.one("loaded")) == (
        Rc.REFUSED,
        (str(N - mail.theirs),),
        ("/etc/postfix",),
    ), flush.rows
    host.sh(f"rm {small}/fill")
    mail.settled()


@pytest.mark.parametrize("verb", ["release", "flush", "requeue"])
def test_a_postsuper_that_hangs_ends_with_the_act(host: MailHost, verb: str) -> None:
    """It had 30 s of its own, whatever was left of the act's time."""
    mail = Frozen.mail(host)
    if verb != "requeue":
        cut(host, killed_before(MOMENTS["it is held"]))
    slow(host, "case $1 in -H) sleep 300 ;; -r) exit 1 ;; esac")
    began = time.monotonic()
    filter_ = {"filter": "spamassassin"} if verb == "requeue" else {}
    reply = host.act(verb, "hangs", filter_, limit=8)
    assert time.monotonic() - began < 8 + 5 + 2, "what is left, and 5 s for what must be let go"
    assert reply.rc == (Rc.OK if verb == "flush" else Rc.FAILED), reply.rows
    assert [(row[0], row[5]) for row in debts(host)] == [(str(N - mail.theirs), "left")]
    host.sh("mv /usr/sbin/postsuper.real /usr/sbin/postsuper")
    assert settle(host).rc == Rc.OK
    mail.settled()


LIARS = {
    "does nothing": ("exit 0", 0),
    "holds, and requeues nothing": ("[ $1 != -r ] || { echo postsuper: Requeued: 10 messages; exit 0; }", 0),
    "requeues one, and claims all": (
        "[ $1 != -r ] || { head -n 1 | postsuper.real $@ 2>/dev/null; echo postsuper: Requeued: 10 messages; exit; }",
        None,
    ),
}


@pytest.mark.parametrize("how", LIARS)
def test_a_requeue_counts_what_left_and_what_is_left_by_the_queue(host: MailHost, how: str) -> None:
    """By what postsuper said, all had gone through, and "left 0" was the answer while all waited."""
    mail = Frozen.mail(host)
    lie, moved = LIARS[how]
    slow(host, lie)
    reply = host.act("requeue", "lies", {"filter": "spamassassin"}, limit=12)
    left = count(host, "deferred")
    assert reply.rc == Rc.OK, reply.rows
    assert (reply.one("requeued"), reply.one("left")) == ((str(N - mail.theirs - left),), (str(left),)), reply.rows
    assert moved is None or left == N - mail.theirs
    host.sh("mv /usr/sbin/postsuper.real /usr/sbin/postsuper")
    mail.settled()


def test_a_queue_whose_files_vanish_while_they_are_read_is_read_all_the_same(host: MailHost) -> None:
    """A busy queue was given up after 50 rounds: postcat ends at each file that is gone."""
    many = "60"
    argv = [sys.executable, "-c", SEND, host.lab.address("mx1"), f"v{time.time_ns()}", many]
    host.lab.run("sender", argv, timeout=90)
    until(lambda: count(host, "deferred") == int(many), within=30, what="all is deferred")
    postcat = "#!/bin/sh\nexec /usr/sbin/postcat.real -e $2 # of all that it is given, the first\n"
    host.sh("mv /usr/sbin/postcat /usr/sbin/postcat.real")
    try:
        host.lab.run("mx1", ["tee", "/usr/sbin/postcat"], timeout=10, input=postcat)
        host.sh("chmod 755 /usr/sbin/postcat")
        read = host.call("frozen", {"filter": "spamassassin"}, limit=120)
    finally:
        host.sh("mv /usr/sbin/postcat.real /usr/sbin/postcat")
    assert (read.rc, (read.one("frozen") or ())[:2]) == (Rc.OK, ("spamassassin", many)), read.rows


def test_what_is_in_force_is_told_by_the_host_alone(host: MailHost) -> None:
    """safety 14: which run, which step, since when, which settings; an edit elsewhere changes nothing of it."""
    host.sh("postconf -X defer_transports")
    assert host.bypass("clear").rc == Rc.OK
    told = debts(host, "force")
    assert {(row[0], row[1]) for row in told} == {(host.run, "bypass")}
    assert {(row[3], row[4]) for row in told} == {
        ("main.cf", "defer_transports"),
        ("master.cf", "smtp/inet/content_filter"),
    }
    host.sh("postconf -e message_size_limit=20000000")
    assert debts(host, "force") == told
    assert debts(host, "force") == told, "from what was kept"
    host.sh("postconf -X defer_transports")
    assert [row[4] for row in debts(host, "force")] == ["smtp/inet/content_filter"]
    host.sh("postconf -e 'defer_transports=spamassassin'")
    assert host.restore().rc == Rc.OK
    assert debts(host, "force") == []
    assert debts(host, "epoch") == [(str(host.epoch),)]


def asked(lab: Lab, *args: str) -> tuple[int, str]:
    done = lab.run("controller", ["failover", *args], timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


CLOCKS = {"of this machine": "", "of a container": "echo 5"}


@pytest.mark.parametrize("uptime", CLOCKS)
def test_a_restore_killed_before_its_reload_is_told_until_postfix_has_loaded_it(
    lab: Lab, host: MailHost, uptime: str
) -> None:
    """safety 14: by its files nothing is in force, and mail goes unscanned. In LXC /proc/uptime is of the container."""
    host.sh("postconf -X defer_transports && postfix reload")
    assert host.bypass("pass").rc == Rc.OK
    age = "ps -o etimes= -p $(pgrep -x qmgr)"
    until(lambda: int(host.sh(age)) >= 3, within=20, what="Postfix has run by our change for some seconds")
    clock = 'read -r up _ </proc/uptime; echo "${up%%.*}"'
    text = killed_before('reload || { because $FAILED "restored').replace(clock, CLOCKS[uptime] or clock)
    cut_act(host, text, "restore", "undo", {"of_run": host.run, "of_step": "bypass"})
    assert [row[:2] for row in debts(host, "force")] == [(host.run, "bypass")], "Postfix still runs by it"
    assert [(row[1:]) for row in debts(host, "unloaded")] == [(host.run, "bypass", "/etc/postfix", "left")]
    back = f"failover host restore mx1 {host.run} bypass"
    for look in (("status",), ("check", "--host", "mx1"), ("host", "status", "mx1"), ("host", "restore", "mx1")):
        code, said = asked(lab, *look)
        assert (code, back in said) == (1 if look[0] == "check" else 0, True), said
    manager = host.sh("pgrep -x qmgr")
    code, said = asked(lab, *back.split()[1:], "--yes")
    assert (code, debts(host, "unloaded"), host.sh("pgrep -x qmgr") != manager) == (0, [], True), said


def test_what_a_failed_bypass_put_back_is_none_of_ours(host: MailHost) -> None:
    host.sh("postconf -X defer_transports && postfix reload")
    args = {"run": host.run, "step": "bypass", "attempt": "1", "epoch": str(host.epoch), "limit": "40"}
    text = script_text().replace("read_by_postfix || { put_back", "false || { put_back")
    argv = words("bypass", {**args, **host.plan("clear")})
    failed = read(host.lab.run("mx1", argv, timeout=60, input=text, check=False))
    assert (failed.rc, "put back" in failed.because) == (Rc.FAILED, True)
    host.sh("postconf -e defer_transports=spamassassin")
    assert debts(host, "force") == []


def test_the_state_lost_while_a_bypass_is_in_force(lab: Lab, host: MailHost) -> None:
    """safety 14: status asks the host, check fails, and one command leads back without any records."""
    host.sh("postconf -X defer_transports && postfix reload")
    before = host.config()
    assert host.bypass("pass").rc == Rc.OK

    failover = partial(asked, lab)
    back = f"failover host restore mx1 {host.run} bypass"
    code, said = failover("status")
    assert (code, back in said, "our records know nothing of it" in said) == (0, True, True), said
    code, said = failover("check", "--host", "mx1")
    assert (code, back in said) == (1, True), said
    refused = host.call("remove", {"purge": "yes"})
    assert (refused.rc, f"run {host.run}, step bypass is in force" in refused.because) == (Rc.REFUSED, True)
    host.sh("pkill -STOP spamd")
    code, said = failover(*back.split()[1:], "--yes")
    assert (code, "the filter does not answer" in said) == (4, True), said
    host.sh("pkill -CONT spamd")
    code, said = failover(*back.split()[1:], "--yes")
    assert (code, host.config()) == (0, before), said
    assert debts(host, "force") == []


def test_mail_that_came_before_the_clock_was_set_back_is_not_told_to_have_left(host: MailHost) -> None:
    """Its arrival lies in the future, and `10 of the 10 that waited have left` was verified."""
    Frozen.mail(host)
    real = "/bin/date"
    host.sh(f"mv {real} {real}.real")
    try:
        shim = (
            f'#!/bin/sh\n[ "$*" != +%s ] || {{ echo $(($({real}.real +%s) - 3600)); exit; }}\nexec {real}.real "$@"\n'
        )
        host.lab.run("mx1", ["tee", real], timeout=10, input=shim)
        host.sh(f"chmod 755 {real}")
        seen = host.call("look", {"filters": "yes", "patience": "10", "top": "no", "waited": "1"})
    finally:
        host.sh(f"mv {real}.real {real}")
    left = str(N - 2)
    assert sorted(seen.all("waited")) == [(which, "0", "0", left) for which in ("deferred", "frozen", "pending")]
    assert (seen.one("frozen") or ())[1] == left
