"""What the far side promises, whatever the near side does: killed, late, twice, hostile, or one of two."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from failover.host import script_text
from failover.lab import Lab
from failover.ports import Rc, Reply
from tests.labs import lab_or_skip, until
from tests.scenarios.host import SENT, MailHost, read, words

pytestmark = pytest.mark.lab

SLOW_POSTQUEUE = """
mv /usr/sbin/postqueue /usr/sbin/postqueue.real
printf '%s\\n' '#!/bin/sh' 'sleep 3' 'exec /usr/sbin/postqueue.real "$@"' >/usr/sbin/postqueue
chmod 755 /usr/sbin/postqueue
"""
QUICK_AGAIN = "[ ! -e /usr/sbin/postqueue.real ] || mv /usr/sbin/postqueue.real /usr/sbin/postqueue"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    ours = lab_or_skip("contract")
    yield ours
    ours.down()


@pytest.fixture
def host(lab: Lab) -> Iterator[MailHost]:
    """Postfix as it comes, nothing remembered of earlier tests."""
    ours = MailHost(lab)
    ours.sh("rm -rf /var/lib/failover-host")
    lab.rewire("mx1", "smtpd-pipe")
    yield ours
    ours.sh(f"pkill -CONT master; pkill -CONT spamd; {QUICK_AGAIN}; true")


BY_HAND = """
printf '# by hand\\n\\nrelay_domains =\\n  lab.test\\n# folded\\n  lab2.test\\n' >>/etc/postfix/main.cf
chmod 640 /etc/postfix/main.cf
"""


def flush_args(host: MailHost, attempt: int = 1) -> dict[str, str]:
    return {"run": host.run, "step": "flush", "attempt": str(attempt), "epoch": str(host.epoch), "limit": "20"}


def settle(host: MailHost, attempt: int = 1, limit: int = 20) -> Reply:
    return host.act("settle", "flush", attempt=attempt, limit=limit)


def begun(host: MailHost) -> bool:
    return host.call("result", {"run": host.run, "step": "flush", "attempt": "1"}).one("result") == ("running", "70")


def start_flush(host: MailHost) -> subprocess.Popen[str]:
    """A flush that takes 3 s, begun and not waited for."""
    host.sh(SLOW_POSTQUEUE)
    caller: subprocess.Popen[str] = host.lab.popen(
        "mx1", words("flush", flush_args(host)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert caller.stdin is not None
    caller.stdin.write(script_text())
    caller.stdin.close()
    until(lambda: begun(host), within=10, what="the verb has begun")
    return caller


def test_caller_killed_while_the_verb_runs_and_settle_reads_its_result(host: MailHost) -> None:
    caller = start_flush(host)
    caller.kill()
    assert caller.stdout is not None
    caller.stdout.close()
    caller.wait(5)
    assert settle(host, limit=1).rc == Rc.BUSY
    reply = settle(host)
    assert (reply.rc, reply.one("result"), reply.one("was")) == (Rc.OK, ("done", "0"), ("flushed", "0"))


def test_a_verb_killed_over_there_reads_died_and_is_not_taken_for_done(host: MailHost) -> None:
    caller = start_flush(host)
    host.sh("pkill -KILL -f '[f]ailover-host flush'; true")
    caller.wait(10)
    assert caller.stdout is not None
    caller.stdout.close()
    assert settle(host).one("result") == ("died", "70")
    assert host.act("flush", "flush", attempt=1).rc == Rc.FAILED, "the same attempt is never done again"
    host.sh(QUICK_AGAIN)
    assert host.act("flush", "flush", attempt=2).rc == Rc.OK


def test_the_same_attempt_twice_is_done_once(host: MailHost) -> None:
    plan = host.plan("pass")
    first = host.act("bypass", "bypass", plan, attempt=1)
    log = host.sh("grep -c 'reload --' /var/log/mail.log")
    again = host.act("bypass", "bypass", plan, attempt=1)
    assert (first.rc, again.rc, again.rows) == (Rc.OK, Rc.OK, first.rows)
    assert host.sh("grep -c 'reload --' /var/log/mail.log") == log


def test_of_two_controllers_the_stale_one_is_refused_there(host: MailHost) -> None:
    other = MailHost(host.lab, run="other", epoch=host.epoch + 1)
    assert other.act("flush", "flush").rc == Rc.OK
    before = host.config()
    refused = host.act("bypass", "bypass", host.plan("pass"))
    assert (refused.rc, host.config()) == (Rc.STALE, before)
    assert host.call("epoch-set", {"from": str(host.epoch), "to": "1"}).rc == Rc.CHANGED
    assert host.call("epoch-set", {"from": str(other.epoch), "to": str(host.epoch)}).rc == Rc.OK
    assert host.bypass("pass").rc == Rc.OK


def test_what_arrives_after_settle_is_refused_even_with_the_same_epoch(host: MailHost) -> None:
    assert settle(host).one("result") == ("absent", "0")
    late = host.act("flush", "flush", attempt=1)
    assert (late.rc, "settled" in late.because) == (Rc.STALE, True)
    assert settle(host).one("result") == ("absent", "0")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_script_cut_short_does_nothing(host: MailHost, share: float) -> None:
    text = script_text()
    cut = text[: min(int(len(text) * share), len(text) - len('main "$@"\n'))]
    argv = words("flush", flush_args(host))
    done = host.lab.run("mx1", argv, timeout=20, input=cut, check=False)
    assert "end\t" not in done.stdout
    assert host.sh("ls /var/lib/failover-host 2>/dev/null || echo nothing").strip() == "nothing"


def test_postfix_daemons_do_not_inherit_the_lock(host: MailHost) -> None:
    assert host.bypass("pass").rc == Rc.OK
    host.sh("postqueue -f", check=False)  # refused for a moment, right after a reload
    holders = host.sh(
        "for p in /proc/[0-9]*; do ls -l $p/fd 2>/dev/null | grep -q failover-host/lock && echo $p; done; true"
    )
    assert holders == ""
    assert host.restore().rc == Rc.OK


HOSTILE = [
    "$(touch /tmp/owned)",
    "`touch /tmp/owned`",
    ";touch /tmp/owned",
    "a b",
    "-rf",
    "../../etc",
    "'\"",
    "*",
    "x\ny",
    "",
]
KEYS = {
    "look": ("spam", "spam_address", "scan", "handler", "peers", "filters", "patience", "config_dir"),
    "filter-read": ("filter",),
    "settings": ("s1",),
    "frozen": ("filter",),
    "result": ("run", "step", "attempt"),
    "bypass": ("run", "step", "attempt", "epoch", "limit", "config_dir", "filter", "lever", "expect"),
    "restore": ("of_run", "of_step"),
    "requeue": ("filter", "batch"),
    "epoch-set": ("from", "to"),
}
MAY_BE_EMPTY = {"spam_address", "handler", "peers"}


def test_hostile_values_reach_no_shell(host: MailHost) -> None:
    """All in one process over there, for there are many."""
    tries = [
        (verb, key, f"main.cf:{value}" if key == "s1" else value)
        for verb, keys in KEYS.items()
        for key in keys
        for value in HOSTILE
        if not (value == "" and key in MAY_BE_EMPTY)
    ]
    script = ["cat >/tmp/failover-host"]
    for verb, key, value in tries:
        quoted = f"{key}={value}".replace("'", "'\\''")
        script.append(f"sh /tmp/failover-host {verb} '{quoted}' | tail -n 1")
    done = host.lab.run("mx1", ["sh", "-c", "\n".join(script)], timeout=60, input=script_text())
    said = done.stdout.splitlines()
    assert len(said) == len(tries)
    wrong = [(t, row) for t, row in zip(tries, said, strict=True) if row != f"end\t{t[0]}\t{Rc.USAGE}"]
    assert wrong == []
    assert host.sh("ls /tmp/owned 2>/dev/null; true") == ""
    assert host.sh("ls /var/lib/failover-host 2>/dev/null; true") == ""


@pytest.mark.parametrize("verb", ["look", "filter-read", "frozen", "bypass", "flush", "restore"])
def test_every_verb_ends_in_time_with_master_and_spamd_stopped(host: MailHost, verb: str) -> None:
    plan, before = host.plan("pass"), host.config()
    if verb == "restore":
        assert host.bypass("pass").rc == Rc.OK
    host.sh("pkill -STOP master; pkill -STOP spamd")
    args = {
        "look": {
            "spam": "spamassassin",
            "spam_address": "127.0.0.1:783",
            "scan": "yes",
            "filters": "yes",
            "patience": "2",
        },
        "filter-read": {},
        "frozen": {"filter": "spamassassin"},
        "bypass": plan,
        "flush": {},
        "restore": {"of_run": host.run, "of_step": "bypass"},
    }[verb]
    acting = (
        {"run": host.run, "step": "x", "attempt": "1", "epoch": str(host.epoch)}
        if verb in {"bypass", "flush", "restore"}
        else {}
    )
    argv = words(verb, {**acting, **args, "limit": "12"})
    reply = read(host.lab.run("mx1", argv, timeout=60, input=script_text(), check=False))
    if verb == "bypass":
        assert (reply.rc, host.config()) == (Rc.FAILED, before), "what did not take is put back"
    if verb == "look":
        assert (reply.one("spam.ping") or ("",))[0] == "timeout"


def test_restore_gives_back_every_byte(host: MailHost) -> None:
    for lever in ("pass", "clear"):
        host.sh(BY_HAND)
        before = host.config()
        assert host.bypass(lever, lever).rc == Rc.OK
        assert host.config() != before
        assert [row[1] for row in host.restore(lever).all("restored")].count("bytes") >= 1
        assert host.config() == before


def test_after_an_edit_of_another_setting_only_ours_goes_back(host: MailHost) -> None:
    before = {row[:2]: row[2] for row in host.call("filter-read").all("setting")}
    assert host.bypass("clear").rc == Rc.OK
    host.sh("postconf -e message_size_limit=20000000; postconf -P smtps/inet/smtpd_client_restrictions=permit; true")
    reply = host.restore()
    assert (reply.rc, reply.all("restored")) == (Rc.OK, (("main.cf", "settings"), ("master.cf", "bytes")))
    assert host.sh("postconf -h message_size_limit").strip() == "20000000"
    assert {row[:2]: row[2] for row in host.call("filter-read").all("setting")} == before


def test_after_an_edit_of_our_very_setting_nothing_is_touched(host: MailHost) -> None:
    assert host.bypass("clear").rc == Rc.OK
    host.sh("postconf -P smtp/inet/content_filter=elsewhere:")
    edited = host.config()
    reply = host.restore()
    assert (reply.rc, host.config()) == (Rc.CHANGED, edited)
    assert reply.all("conflict") == (("master.cf", "smtp/inet/content_filter", "=elsewhere:", "="),)


def test_a_bypass_that_no_longer_reads_as_planned_is_refused(host: MailHost) -> None:
    plan = host.plan("pass")
    host.sh("postconf -F spamassassin/unix/process_limit=3")
    edited = host.config()
    assert host.act("bypass", "bypass", plan).rc == Rc.CHANGED
    assert host.config() == edited


def test_what_was_never_saved_is_never_restored(host: MailHost) -> None:
    before = host.config()
    assert host.restore("nothing").rc == Rc.REFUSED
    assert host.config() == before


def test_requeue_refuses_where_it_would_loop_or_double(host: MailHost) -> None:
    host.sh("postconf -e always_bcc=archive@lab.test")
    assert "always_bcc" in host.act("requeue", "a", {"filter": "spamassassin"}).because
    host.sh("postconf -X always_bcc; postconf -e content_filter=spamassassin")
    assert "pickup" in host.act("requeue", "b", {"filter": "spamassassin"}).because


def test_the_smtp_wiring_passes_by_the_way_back_and_changes_nothing_else(host: MailHost) -> None:
    host.lab.rewire("mx1", "smtp")
    rows = host.call("filter-read").all("setting")
    assert [row[1:3] for row in rows if row[0] == "pass"] == [("master.cf", "scan/unix")]
    host.sh("postconf -e always_bcc=archive@lab.test")
    assert host.call("filter-read").all("lever") == (
        ("pass", "ok"),
        ("clear", "no", "what waits would go through cleanup once more, and always_bcc would be applied again"),
    )


def test_sent_and_installed_answer_the_same(host: MailHost) -> None:
    assert words("hello", {})[:3] == SENT[:3]
    host.lab.run(
        "mx1",
        ["sh", "-c", "cat >/usr/local/sbin/failover-host; chmod 755 /usr/local/sbin/failover-host"],
        timeout=10,
        input=script_text(),
    )
    installed = read(
        host.lab.run("mx1", ["failover-host", "settings", "s1=main.cf:content_filter"], timeout=10, check=False)
    )
    assert installed == host.call("settings", {"s1": "main.cf:content_filter"})
