"""The ways that other tests take: mail arrives once, scanned, by that way. The rest: tests/cases/wirings.yaml."""

from __future__ import annotations

import pytest

from failover.errors import ConfigError
from failover.lab import Lab
from failover.lab.wiring import DEFAULT
from tests.labs import arrived, send, until

pytestmark = pytest.mark.lab

THROUGH = {
    "smtpd-pipe": "relay=spamassassin",
    "main-pipe": "relay=spamassassin",
    "smtp": "relay=127.0.0.1[127.0.0.1]:10025",
    "other-name": "relay=spamfilter",
}


@pytest.mark.parametrize("wiring", sorted(THROUGH))
def test_mail_goes_that_way(lab: Lab, wiring: str) -> None:
    def log() -> list[str]:
        return lab.run("mx2", ["cat", "/var/log/mail.log"], timeout=5).stdout.splitlines()

    lab.rewire("mx2", wiring)
    try:
        before = len(log())
        send(lab, f"by-{wiring}", host="mx2")
        until(lambda: bool(arrived(lab, f"by-{wiring}", "mx2")), within=15, what="delivery")
        until(lambda: " removed" in log()[-1], within=5, what="an empty queue")
        assert [line["scanned"] for line in arrived(lab, f"by-{wiring}", "mx2")] == [True]
        assert [line for line in log()[before:] if THROUGH[wiring] in line]
    finally:
        lab.rewire("mx2", DEFAULT)


def test_going_back_is_byte_for_byte(lab: Lab) -> None:
    def digests() -> str:
        return lab.run("mx2", ["sha256sum", "/etc/postfix/main.cf", "/etc/postfix/master.cf"], timeout=5).stdout

    before = digests()
    lab.rewire("mx2", "main-pipe")
    assert digests() != before
    lab.rewire("mx2", DEFAULT)
    assert digests() == before


def test_an_unknown_wiring_is_refused_before_the_host_is_touched() -> None:
    with pytest.raises(ConfigError, match="carrier-pigeon"):
        Lab("never-up").rewire("mx2", "carrier-pigeon")
