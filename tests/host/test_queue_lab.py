"""What is told of a queue is so while its files move: qmgr, cleanup and postsuper rename them while we list them."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from failover.lab import Lab
from failover.lab.wiring import DEFAULT, rewire
from tests.labs import lab, until
from tests.scenarios.host import MailHost

__all__ = ["lab"]

pytestmark = pytest.mark.lab

N = 30
SEND = """
import smtplib, sys
with smtplib.SMTP(sys.argv[1], 25, timeout=90) as smtp:
    for _ in range(int(sys.argv[2])):
        smtp.sendmail("a@example.org", ["someone@lab.test"], "From: a@example.org\\n\\nHello\\n")
"""
MOVES = """
moves() {
  mkdir /run/moved 2>/dev/null && find.real /var/spool/postfix/%s -type f -exec mv -t /var/spool/postfix/%s {} +
  true
}
"""
FIND = """#!/bin/sh
roots=
while [ $# -gt 0 ]; do case $1 in -*) break ;; esac; roots="$roots $1"; shift; done
for root in $roots; do
  [ "$root" != "$BEFORE" ] || moves
  find.real "$root" "$@" || exit
done
"""
HEAD = """#!/bin/sh
moves
exec head.real "$@"
"""
EDGES = (("incoming", "active"), ("active", "deferred"), ("deferred", "active"))
HOLDS = (("active", "hold"), ("deferred", "hold"), ("hold", "deferred"), ("hold", "maildrop"))


@pytest.fixture
def host(lab: Lab) -> Iterator[MailHost]:
    """Its queue has N messages that wait for the filter, and nobody else moves them."""
    ours = MailHost(lab)
    rewire(lab, "mx1", DEFAULT)
    ours.sh("postsuper -d ALL 2>/dev/null; postconf -e defer_transports=spamassassin && postfix reload")
    lab.run("sender", [sys.executable, "-c", SEND, lab.address("mx1"), str(N)], timeout=90)
    until(lambda: ours.sh("find /var/spool/postfix/deferred -type f | wc -l").strip() == str(N), within=60, what="wait")
    ours.sh("postfix stop")
    yield ours
    ours.sh("for at in find head; do [ ! -e /usr/bin/$at.real ] || mv /usr/bin/$at.real /usr/bin/$at; done")
    ours.sh("rm -rf /run/moved; postfix start; postsuper -d ALL; true")
    rewire(lab, "mx1", DEFAULT)


def moved(host: MailHost, source: str, to: str, moment: str) -> None:
    """All of it goes from one folder to the other, once: before that folder is listed, or a file is opened."""
    if source != "deferred":
        host.sh(f"cd /var/spool/postfix && find deferred -type f -exec mv -t {source} {{}} +")
    name, shim = ("head", HEAD) if moment == "opened" else ("find", FIND.replace("$BEFORE", moment))
    host.sh("cp -p /usr/bin/find /usr/bin/find.real")
    host.sh(f"[ {name} = find ] || cp -p /usr/bin/{name} /usr/bin/{name}.real")
    text = shim.replace("\n", MOVES % (source, to), 1)
    host.lab.run("mx1", ["tee", f"/usr/bin/{name}.new"], timeout=10, input=text)
    host.sh(f"chmod 755 /usr/bin/{name}.new && mv /usr/bin/{name}.new /usr/bin/{name}")


@pytest.mark.parametrize(
    ("source", "to", "moment"),
    [*((*e, moment) for e in EDGES for moment in ("source", "target", "opened")), *((*e, "source") for e in HOLDS)],
)
def test_mail_that_moves_while_we_look_is_counted(host: MailHost, source: str, to: str, moment: str) -> None:
    """A flush moved all of deferred to active between their listings: "no mail waits", and a drain was verified."""
    moved(host, source, to, {"source": source, "target": to}.get(moment, moment))
    seen = host.call("look", {"filters": "yes", "patience": "10", "top": "no", "waited": "0"})
    counts = {row[0]: int(row[1]) for row in seen.all("queue")}
    assert counts[source] + counts[to] == N, seen.rows
    if (source, to) in EDGES:
        assert (seen.one("frozen") or ())[1:2] == (str(N),), seen.rows


def test_the_queue_for_people_tells_each_message_and_why_it_waits(host: MailHost) -> None:
    """Postfix is stopped: what waits is told all the same."""
    seen = host.call("queue")
    assert ("deferred", str(N)) in seen.all("queue"), seen.rows
    assert (seen.one("listed"), len(seen.all("message"))) == ((str(N), str(N), "yes"), N)
    assert (seen.one("frozen") or ())[:2] == ("spamassassin", str(N))
    queue, _, _, _, recipients, *texts = seen.all("old")[0]
    assert (queue, recipients, texts) == ("deferred", "1", ["a@example.org", "someone@lab.test", "deferred transport"])
    assert host.call("queue", {"what": "recipient=Someone@lab.test"}).one("listed") == (str(N), str(N), "yes")
    assert host.call("queue", {"what": "sender=b@example.org"}).one("listed") == ("0", str(N), "yes")
