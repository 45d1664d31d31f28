"""The log of a real Postfix, be it a file or the systemd journal: every accepted message is counted, once, on its own
host; and after a cut, anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from failover.adapters.clock import SystemClock
from failover.config.hosts import load_fleet
from failover.core.fleet import Host
from failover.core.observe.signal import Outcome, Samples
from failover.lab import Lab
from failover.ports import Reply
from failover.signals import COUNTED
from failover.signals.look import look
from tests.fakes import Smtp
from tests.labs import arrived, lab_or_skip, send, until
from tests.scenarios.host import MailHost

pytestmark = pytest.mark.lab


@dataclass(frozen=True)
class Hosts:
    """The lab's hosts as a Remote, without SSH."""

    lab: Lab

    def call(self, host: Host, verb: str, args: Mapping[str, str], *, limit_s: float) -> Reply:
        return MailHost(self.lab, host.name).call(verb, args, limit=round(limit_s))


@pytest.fixture(scope="module", params=["file", "journal"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    ours = lab_or_skip(f"log-{request.param}", ("journal",) if request.param == "journal" else ())
    yield ours
    ours.down()


def seen(lab: Lab, before: Samples = ()) -> Samples:
    fleet = load_fleet(lab.hosts_yaml)
    return look(fleet, wanted=COUNTED, before=before, remote=Hosts(lab), smtp=Smtp(), clock=SystemClock())


def values(samples: Samples, name: str) -> dict[str, object]:
    return {s.host: s.value for s in samples if s.name == name}


def settled(lab: Lab) -> bool:
    return not any(MailHost(lab, name).queued() for name in ("mx1", "mx2"))


def sent(lab: Lab, run: str, **counts: int) -> None:
    mails = [(f"{run}-{host}-{n}", host) for host, count in counts.items() for n in range(count)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda mail: send(lab, *mail), mails))
    until(lambda: all(arrived(lab, *mail) for mail in mails), within=30, what="every message delivered")
    until(lambda: settled(lab), within=10, what="the queues empty")


def test_what_was_accepted_and_done_with_is_counted_from_look_to_look(lab: Lab) -> None:
    first = seen(lab)
    assert all(value is None for value in values(first, "traffic.accepted").values())
    sent(lab, "count", mx1=18, mx2=6)
    second = seen(lab, first)
    assert values(second, "traffic.accepted") == {"mx1": 18, "mx2": 6}
    assert values(second, "traffic.share") == pytest.approx({"mx1": 75, "mx2": 25})
    span_min = (second[0].at - first[0].at).total_seconds() / 60
    rates = values(second, "queue.removed_rate")
    twice = {"mx1": 36 / span_min, "mx2": 12 / span_min}  # before the filter and after it
    assert rates == pytest.approx(twice)
    assert values(seen(lab, (*first, *second)), "traffic.accepted") == {"mx1": 0, "mx2": 0}


GLUED = "qmgr_message_active_limit = 20000relayhost ="
"""Two lines of main.cf made one, as by an upgrade that found no line break at the file's end."""


def test_a_queue_manager_that_keeps_dying_is_told_with_its_own_words(lab: Lab) -> None:
    mx1, before = MailHost(lab), seen(lab)
    mx1.sh(f"cp -p /etc/postfix/main.cf /run/main.cf; printf '%s\n' '{GLUED}' >>/etc/postfix/main.cf")
    try:
        mx1.sh("pkill -x qmgr; postqueue -f")
        until(lambda: dying(lab, before) is Outcome.FAIL, within=120, what="master warns")
        told = next(s for s in seen(lab, before) if (s.host, s.name) == ("mx1", "postfix.daemons"))
        assert told.value == "qmgr"
        assert "qmgr_message_active_limit" in told.reason
    finally:
        mx1.sh("cp -p /run/main.cf /etc/postfix/main.cf; postfix stop; postfix start")
    after = seen(lab)
    until(lambda: dying(lab, after) is Outcome.OK, within=10, what="nothing new is told")


def dying(lab: Lab, before: Samples) -> Outcome:
    return next(s.outcome for s in seen(lab, before) if (s.host, s.name) == ("mx1", "postfix.daemons"))


CUT = """if [ -e /var/log/mail.log ]; then
  cp /var/log/mail.log /var/log/mail.log.1 && : >/var/log/mail.log
else
  journalctl --rotate && journalctl --vacuum-files=1
fi"""


def test_a_log_that_was_cut_off_is_a_new_start(lab: Lab) -> None:
    first = seen(lab)
    sent(lab, "lost", mx1=1)
    MailHost(lab).sh(CUT)
    sent(lab, "cut", mx1=1)
    second = seen(lab, first)
    assert values(second, "traffic.accepted") == {"mx1": None, "mx2": 0}
    sent(lab, "after", mx1=2)
    assert values(seen(lab, second), "traffic.accepted") == {"mx1": 2, "mx2": 0}
