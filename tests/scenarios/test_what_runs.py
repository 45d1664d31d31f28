"""What Postfix runs by counts, not what its files read: put back and not loaded, come back, or a master unseen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from failover.lab import Lab
from failover.ports import Rc
from tests.labs import lab, until
from tests.scenarios.host import MailHost

__all__ = ["lab"]

pytestmark = pytest.mark.lab


@pytest.fixture
def host(lab: Lab) -> Iterator[MailHost]:
    ours = MailHost(lab)
    ours.sh("rm -rf /var/lib/failover /var/lib/failover-host; postsuper -d ALL 2>/dev/null; true")
    lab.rewire("mx1", "smtpd-pipe")
    yield ours
    lab.rewire("mx1", "smtpd-pipe")
    ours.sh("rm -rf /var/lib/failover-host; postfix reload")


def in_force(host: MailHost) -> list[tuple[str, ...]]:
    return [row[1:3] for row in host.call("debts").all("debt") if row[0] == "force"]


def later(host: MailHost) -> None:
    """Two seconds after what was done last: file times and process times are told apart."""
    began = int(host.sh("date +%s"))
    until(lambda: int(host.sh("date +%s")) > began + 2, within=10, what="the clock has gone on")


def test_what_somebody_put_back_and_did_not_load_is_in_force_until_it_is_loaded(host: MailHost) -> None:
    """The files read as before, Postfix runs by our change: "rolled back", and mail went past the filter unscanned."""
    assert host.bypass("pass").rc == Rc.OK
    later(host)
    host.sh("cd /etc/postfix && cat /var/lib/failover*/saved/*/before/master.cf >master.cf")
    assert in_force(host) == [(host.run, "bypass")]
    old = host.sh("pgrep -x qmgr")
    assert host.restore().rc == Rc.OK
    assert host.sh("pgrep -x qmgr") != old, "it is loaded"
    assert in_force(host) == []


def test_what_somebody_put_back_and_loaded_is_not_in_force(host: MailHost) -> None:
    assert host.bypass("pass").rc == Rc.OK
    host.sh("cd /etc/postfix && cat /var/lib/failover*/saved/*/before/master.cf >master.cf && postfix reload")
    until(lambda: in_force(host) == [], within=20, what="Postfix has loaded it")


def test_what_was_undone_and_came_back_byte_for_byte_is_told_and_goes_back(host: MailHost) -> None:
    """A backup of /etc, a checkout: what we put back is there again."""
    before = host.config()
    assert host.bypass("pass").rc == Rc.OK
    ours = host.sh("cat /etc/postfix/master.cf")
    assert host.restore().rc == Rc.OK
    assert in_force(host) == []
    host.lab.run("mx1", ["tee", "/etc/postfix/master.cf"], timeout=10, input=ours)
    host.sh("postfix reload")
    assert in_force(host) == [(host.run, "bypass")]
    host.sh("postconf -M spamassassin/unix='spamassassin unix - n n - - discard'")
    assert in_force(host) == [], "what reads otherwise is somebody else's"
    host.lab.run("mx1", ["tee", "/etc/postfix/master.cf"], timeout=10, input=ours)
    assert host.act("restore", "again", {"of_run": host.run, "of_step": "bypass"}).rc == Rc.OK
    assert (host.config(), in_force(host)) == (before, [])


def test_a_postfix_that_its_pid_file_does_not_name_is_not_taken_for_stopped(host: MailHost) -> None:
    """A container's master.pid says 1; a restore was "undone" without a reload."""
    assert host.bypass("pass").rc == Rc.OK
    pid = "/var/spool/postfix/pid/master.pid"
    for hides, shows in ((f"mv {pid} {pid}.away", f"mv {pid}.away {pid}"), (f"sed -i s/[0-9]/1/ {pid}", "true")):
        keeps = host.sh(f"cat {pid}")
        host.sh(f"{hides.replace('sed -i', 'sed')} >/run/pid; [ ! -s /run/pid ] || cat /run/pid >{pid}")
        seen = host.call("look", {"patience": "5"})
        assert (seen.one("postfix"), [row[0] for row in seen.all("error") if row[0] == "postfix"]) == (
            None,
            ["postfix"],
        )
        for done in (host.act("requeue", "requeue", {"filter": "spamassassin"}), host.restore()):
            assert (done.rc == Rc.OK, "cannot be told" in done.because) == (False, True), done.rows
        host.sh(shows)
        host.lab.run("mx1", ["tee", pid], timeout=10, input=keeps)
    assert host.restore("bypass").rc == Rc.OK
    assert in_force(host) == []
