"""The configuration as the helper reads it: absent is what postconf says is absent; a look reads it anew, and writes
no file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from failover.lab import Lab
from failover.lab.wiring import DEFAULT, rewire
from failover.ports import Rc
from tests.labs import lab
from tests.scenarios.host import MailHost

__all__ = ["lab"]

pytestmark = pytest.mark.lab

LOOK = {"spam": "auto", "scan": "yes", "filters": "yes", "waited": "60"}
FILES = "ls -A / /root /run /tmp /var/tmp /var/lib /var/lib/failover-host; find /etc -type f -printf '%p %T@\\n' | sort"
REAL = "/usr/sbin/postconf"
BROKEN = f"mv {REAL} {REAL}.real && printf '#!/bin/sh\\n%s\\n' \"$1\" >{REAL} && chmod 755 {REAL}"


@pytest.fixture
def host(lab: Lab) -> Iterator[MailHost]:
    yield MailHost(lab)
    lab.run("mx1", ["sh", "-c", f"[ ! -e {REAL}.real ] || mv {REAL}.real {REAL}"], timeout=10)
    rewire(lab, "mx1", DEFAULT)


def breaks(host: MailHost, how: str) -> None:
    host.lab.run(host.name, ["sh", "-c", BROKEN, "break", how], timeout=10)


def test_a_look_writes_no_file_and_reads_the_configuration_anew(host: MailHost) -> None:
    before = host.sh(FILES, check=False)
    assert ("spamassassin", "") in host.call("look", LOOK).all("filter")
    assert host.sh(FILES, check=False) == before
    rewire(host.lab, "mx1", "other-name")
    assert ("spamassassin", "") not in host.call("look", LOOK).all("filter")


HUGE = """
mv /usr/sbin/postsuper /usr/sbin/postsuper.real
printf '#!/bin/sh\\n[ $# -gt 0 ] || exec sleep 90\\nexec /usr/sbin/postsuper.real "$@"\\n' >/usr/sbin/postsuper
chmod 755 /usr/sbin/postsuper
"""
SMALL = "pkill -x sleep; mv /usr/sbin/postsuper.real /usr/sbin/postsuper"


def test_a_queue_that_takes_long_to_read_bars_no_bypass_and_is_named_before_a_restart(host: MailHost) -> None:
    """`postfix check` has postsuper read all of the queue: just where mail is stuck it does not end in time."""
    host.sh(HUGE)
    try:
        done, undone = host.act("bypass", "bypass", host.plan("pass")), host.restore()
        restart = host.act("restart", "restart", {"kind": "service", "name": "postfix", "answers": "127.0.0.1:25"})
    finally:
        host.sh(SMALL)
    assert (done.rc, undone.rc) == (Rc.OK, Rc.OK), (done.rows, undone.rows)
    assert (restart.rc, "reads the whole queue" in restart.because) == (Rc.REFUSED, True), restart.rows


@pytest.mark.parametrize(
    ("file", "edit"),
    [
        ("main.cf", "default_process_limit = many"),
        ("main.cf", "mail_owner = nobody-at-all"),
        ("main.cf", "no equals sign"),
        ("master.cf", "smtp inet n - maybe - - smtpd"),
    ],
)
def test_an_edit_that_postfix_cannot_read_is_not_loaded_by_a_bypass(host: MailHost, file: str, edit: str) -> None:
    """Somebody's edit, not loaded yet: with it the master would end, and the mail with it."""
    plan, master = host.plan("pass"), host.sh("cat /var/spool/postfix/pid/master.pid")
    host.sh(f"cd /etc/postfix && cp -p {file} /tmp/{file} && echo '{edit}' >>{file}")
    edited, manager = host.config(), host.sh("pgrep -x qmgr")
    done = host.act("bypass", "bypass", plan)
    assert done.rc in {Rc.REFUSED, Rc.FAILED}, done.rows
    assert (host.config(), host.sh("pgrep -x qmgr")) == (edited, manager), "nothing of it is loaded"
    host.sh(f"mv /tmp/{file} /etc/postfix/{file} && postfix reload")
    assert host.sh("cat /var/spool/postfix/pid/master.pid") == master


def test_where_postconf_fails_nothing_is_absent_and_nothing_is_touched(host: MailHost) -> None:
    plan = host.plan("pass")
    assert host.act("bypass", "bypass", plan).rc == Rc.OK
    host.sh("postconf -e message_size_limit=12345678")  # somebody's edit: how ours reads must be asked of postconf
    changed = host.config()
    breaks(host, "exit 1")
    assert host.call("settings", {"s1": "main.cf:content_filter"}).rc == Rc.FAILED
    assert host.call("filter-read").rc == Rc.FAILED
    seen = host.call("look", LOOK)
    assert {row[0] for row in seen.all("error")} == {"disk", "postfix", "queue", "spam"}
    assert seen.all("queue") + seen.all("postfix") == (), (
        "no queue is empty and no Postfix stopped for want of an answer"
    )
    force = [row for row in host.call("debts").all("debt") if row[0] == "force"]
    assert [row[2] for row in force] == ["bypass"], "what is not known counts as in force"
    again, undo = host.act("bypass", "again", plan), host.restore()
    assert [(r.rc, "postconf did not answer" in r.because) for r in (again, undo)] == [(Rc.REFUSED, True)] * 2
    assert host.config() == changed
    host.sh(f"mv {REAL}.real {REAL}")
    assert host.restore("bypass").rc == Rc.OK
    assert not [row for row in host.call("debts").all("debt") if row[0] == "force"]


def test_a_filter_that_had_no_time_to_answer_is_not_told_to_hang(host: MailHost) -> None:
    """postconf takes the time of the look, so the filter was not waited for as long as it should be."""
    breaks(host, f'sleep 1; exec {REAL}.real "$@"')
    host.sh("pkill -STOP -x spamd")
    try:
        ping = host.call("look", LOOK | {"patience": "6"}).one("spam.ping")
    finally:
        host.sh("pkill -CONT -x spamd")
    assert ping is None or ping[0] == "error", ping


def test_a_queue_that_is_not_listed_in_time_is_not_counted(host: MailHost) -> None:
    """Fewer than there are would read as mail that has left."""
    find = "/usr/bin/find"
    host.lab.run(
        "mx1", ["sh", "-c", BROKEN.replace(REAL, find), "break", f'{find}.real "$@"; exec sleep 60'], timeout=10
    )
    try:
        seen = host.call("look", LOOK | {"debts": "no", "patience": "3"})
    finally:
        host.sh(f"mv {find}.real {find}")
    assert [row[0] for row in seen.all("error")] == ["queue"], seen.rows
    assert seen.all("queue") + seen.all("frozen") + seen.all("waited") == ()


def test_where_postconf_hangs_a_reading_fails(host: MailHost) -> None:
    breaks(host, "exec sleep 60")
    found = host.call("settings", {"s1": "main.cf:content_filter"})
    assert (found.rc, found.all("digest")) == (Rc.FAILED, ())


def test_what_postfix_did_not_take_up_is_told_and_taken_up_by_whoever_comes_next(host: MailHost) -> None:
    """Put back, but not reloaded: the files read as before, and Postfix may run with the change."""
    plan, before = host.plan("pass"), host.config()
    postfix = "/usr/sbin/postfix"
    no_reload = f'[ "$1" != reload ] || exit 1; exec {postfix}.real "$@"'
    host.lab.run("mx1", ["sh", "-c", BROKEN.replace(REAL, postfix), "break", no_reload], timeout=10)
    try:
        done = host.act("bypass", "bypass", plan)
        assert (done.rc, "put back, but not reloaded" in done.because) == (Rc.FAILED, True)
        assert host.config() == before
        untold = host.call("settings", {"s1": "main.cf:content_filter"})
        assert (untold.rc, "has not taken up" in untold.because) == (Rc.FAILED, True)
        breaks(host, "exit 1")
        host.act("settle", "bypass", attempt=1)
        host.sh(f"mv {REAL}.real {REAL}")
        assert host.call("settings", {"s1": "main.cf:content_filter"}).rc == Rc.FAILED, "no answer is no reload"
    finally:
        host.sh(f"mv {postfix}.real {postfix}")
    assert host.act("settle", "bypass", attempt=1).rc == Rc.OK
    assert host.call("settings", {"s1": "main.cf:content_filter"}).rc == Rc.OK


def test_a_reload_that_takes_its_time_is_waited_for(host: MailHost) -> None:
    """case: spool without inodes: the reload was slow, and was told as a rollback that failed."""
    plan, before = host.plan("pass"), host.config()
    postfix = "/usr/sbin/postfix"
    late = f'[ "$1" != reload ] || {{ (sleep 8; exec {postfix}.real reload) >/dev/null 2>&1 & exit 0; }}'
    host.lab.run(
        "mx1",
        ["sh", "-c", BROKEN.replace(REAL, postfix), "break", f'{late}; exec {postfix}.real "$@"'],
        timeout=10,
    )
    try:
        done = host.act("bypass", "bypass", plan, limit=60)
        assert done.rc == Rc.OK, done.because
        undone = host.act("restore", "undo-bypass", {"of_run": host.run, "of_step": "bypass"}, limit=60)
        assert (undone.rc, host.config()) == (Rc.OK, before), undone.because
    finally:
        host.sh(f"mv {postfix}.real {postfix}")
