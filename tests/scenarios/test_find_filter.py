"""A filter that speaks SMTP and that nobody declared: the host finds it, and sees when it hangs or is gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from failover.lab import Lab
from failover.lab.wiring import DEFAULT, rewire
from tests.labs import lab
from tests.scenarios.host import MailHost

__all__ = ["lab"]
pytestmark = pytest.mark.lab


@pytest.fixture
def host(lab: Lab) -> Iterator[MailHost]:
    rewire(lab, "mx1", "smtp")
    ours = MailHost(lab)
    yield ours
    ours.sh("pkill -CONT -f [f]ailover.lab.scanner; service scanner start")
    rewire(lab, "mx1", DEFAULT)


def seen(host: MailHost) -> tuple[str, str, str]:
    """Where it is, and the words for ping and scan."""
    reply = host.call("look", {"spam": "auto", "scan": "yes", "filters": "yes", "patience": "4"})
    at, ping, scan = reply.one("spam.at"), reply.one("spam.ping"), reply.one("spam.scan")
    assert at
    assert ping
    assert scan
    return " ".join(at), ping[0], scan[0]


def test_it_is_found_and_asked_at_its_own_address(host: MailHost) -> None:
    """case: amavis, `spam:` not declared: never triggers"""
    assert seen(host) == ("smtp [127.0.0.1]:10025", "ok", "ok")
    host.sh("pkill -STOP -f [f]ailover.lab.scanner")
    assert seen(host) == ("smtp [127.0.0.1]:10025", "timeout", "timeout")
    host.sh("pkill -KILL -f [f]ailover.lab.scanner")
    assert seen(host) == ("smtp [127.0.0.1]:10025", "refused", "refused")


def test_without_one_the_usual_spamd_is_asked(lab: Lab) -> None:
    assert seen(MailHost(lab)) == ("spamassassin 127.0.0.1:783", "ok", "ok")
