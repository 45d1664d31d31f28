"""Mail put on hold by what it is, on a real Postfix: counted, let go again, and what others hold stays theirs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from failover.lab import Lab
from failover.lab.wiring import DEFAULT, rewire
from failover.ports import Rc, Reply
from tests.labs import lab, ledger, until
from tests.scenarios.host import MailHost

__all__ = ["lab"]

pytestmark = pytest.mark.lab

SEND = """
import smtplib, sys
with smtplib.SMTP(sys.argv[1], 25, timeout=90) as smtp:
    for seq in sys.argv[2:]:
        who, _, n = seq.partition("-")
        text = f"X-Failover-Seq: {seq}\\nSubject: {seq}\\n\\nHello\\n"
        smtp.sendmail(who + "@example.org", [f"to{n}@lab.test"], text)
"""
ANN, BOB = [f"ann-{n}" for n in range(1, 6)], [f"bob-{n}" for n in range(1, 4)]
SPOOL = "/var/spool/postfix"


@pytest.fixture
def host(lab: Lab) -> Iterator[MailHost]:
    """Ann's five messages and Bob's three wait for the filter."""
    ours = MailHost(lab)
    rewire(lab, "mx1", DEFAULT)
    ours.sh("postsuper -d ALL 2>/dev/null; postconf -e defer_transports=spamassassin && postfix reload")
    lab.run("sender", [sys.executable, "-c", SEND, lab.address("mx1"), *ANN, *BOB], timeout=90)
    until(lambda: ours.sh(f"find {SPOOL}/deferred -type f | wc -l").strip() == "8", within=60, what="all wait")
    locked = f"find {SPOOL}/deferred -type f -printf '{device(ours)}:%i \\n' | grep -cF -f - /proc/locks || true"
    until(lambda: ours.sh(locked).strip() == "0", within=60, what="nothing is being delivered")
    yield ours
    ours.sh("postsuper -d ALL; true")
    rewire(lab, "mx1", DEFAULT)


def device(host: MailHost) -> str:
    """As /proc/locks names it: an inode's number alone is not the file's."""
    return "{:02x}:{:02x}".format(*map(int, host.sh(f"stat -c '%Hd %Ld' {SPOOL}").split()))


def hold(host: MailHost, what: str, step: str = "hold") -> Reply:
    return host.act("hold", step, {"what": what})


def reads(host: MailHost, what: str) -> str:
    return host.call("settings", {"s1": f"hold:{what}"}).all("setting")[0][-1]


def on_hold(host: MailHost) -> set[str]:
    return set(host.sh(f"find {SPOOL}/hold -type f -printf '%f '").split())


def ids(host: MailHost, sender: str) -> list[str]:
    return host.sh(
        f"""postqueue -j | grep '"sender": "{sender}@' | sed 's/.*"queue_id": "\\([^"]*\\)".*/\\1/'"""
    ).split()


def test_what_others_hold_stays_theirs_and_every_message_comes_once(host: MailHost) -> None:
    before, what, anns = len(ledger(host.lab)), "sender=ann@example.org", ids(host, "ann")
    theirs, again, *rest = anns
    host.sh(f"postsuper -h {theirs}")
    assert reads(host, what) == "-"

    held = hold(host, what)
    assert (held.rc, held.one("held"), held.one("busy")) == (Rc.OK, ("4",), ("0",)), held.rows
    assert on_hold(host) == set(anns)
    assert reads(host, what) == "=held"
    (debt,) = [row for row in host.call("debts").all("debt") if row[0] == "force"]
    assert (debt[1:3], debt[4:6]) == ((host.run, "hold"), ("hold", what))
    assert hold(host, what, "once-more").rc == Rc.CHANGED, "it is on hold by us already"
    assert host.act("flush", "flush").rc == Rc.OK
    assert on_hold(host) == set(anns), "an act that lets go what a requeue left does not let go what is to be held"

    host.sh(f"postsuper -H {again} && sleep 61 && postsuper -h {again}", timeout=90)
    back = host.restore("hold")
    assert (back.rc, back.one("released")) == (Rc.OK, (str(len(rest)),)), back.rows
    assert on_hold(host) == {theirs, again}
    assert reads(host, what) == "-"
    assert not [row for row in host.call("debts").all("debt") if row[0] == "force"]

    host.sh(f"postsuper -H {theirs} -H {again}; postconf -X defer_transports; postfix reload; postqueue -f")
    until(lambda: len(ledger(host.lab)) - before >= 8, within=60, what="all is delivered")
    until(lambda: host.queued() == 0, within=60, what="nothing waits")
    assert Counter(r["x_seq"] for r in ledger(host.lab)[before:]) == Counter([*ANN, *BOB])


@pytest.mark.parametrize(
    ("what", "n"),
    [("recipient=to1@lab.test", 2), ("nexthop=lab.test", 8), ("nexthop=LAB.test", 8), ("sender=bob@example.org", 3)],
)
def test_each_way_to_say_what_is_held(host: MailHost, what: str, n: int) -> None:
    done = hold(host, what)
    assert (done.one("held"), done.one("busy")) == ((str(n),), ("0",)), done.rows
    assert host.restore("hold").one("released") == (str(n),)
    assert on_hold(host) == set()


def test_by_ids_and_nothing_at_all(host: MailHost) -> None:
    one, two, *_ = ids(host, "bob")
    assert hold(host, f"ids={one},{two},AAAAAAAA").one("held") == ("2",)
    assert on_hold(host) == {one, two}
    none = hold(host, "sender=eve@example.org", "none")
    assert (none.rc, none.because) == (Rc.REFUSED, "nothing waits of sender=eve@example.org")
    assert hold(host, "sender=a'b@example.org", "odd").rc == Rc.USAGE
    assert host.restore("hold").one("released") == ("2",)
