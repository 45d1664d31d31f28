"""Every incident of the registry is seen by what it does, bears being caused twice, and is healed without a trace."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from failover.errors import ConfigError, StepFailed
from failover.lab import Lab
from failover.lab.incidents import INCIDENTS, SLOW_SCAN_S
from tests.labs import arrived, send, until

pytestmark = pytest.mark.lab

BANNER = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2) as s:
        print("connected", flush=True)
        print(s.recv(3).decode())
except OSError as e:
    print(type(e).__name__)
"""


@contextmanager
def on(lab: Lab, name: str) -> Iterator[None]:
    lab.incident(name)
    lab.incident(name)
    try:
        yield
    finally:
        lab.heal(name)
        lab.heal(name)


def banner(lab: Lab, port: int) -> str:
    found = lab.run("controller", [sys.executable, "-c", BANNER, lab.address("mx1"), str(port)], timeout=10)
    return " ".join(found.stdout.split())


def ping(lab: Lab) -> int:
    """0 when spamd answers, 74 (EX_IOERR) when it does not within 2 s."""
    return lab.run("mx1", ["spamc", "-d", "127.0.0.1", "-t", "2", "-K"], timeout=10, check=False).returncode


def test_spamd_hung_stops_mail_and_lets_go(lab: Lab) -> None:
    with on(lab, "spamd-hung"):
        assert ping(lab) == 74
        send(lab, "hung")
        until(lambda: spamc_waits(lab), within=10, what="a spamc that waits")
        assert not arrived(lab, "hung")
    assert ping(lab) == 0
    until(lambda: bool(arrived(lab, "hung")), within=15, what="delivery after the heal")
    assert [line["scanned"] for line in arrived(lab, "hung")] == [True]


def spamc_waits(lab: Lab) -> bool:
    return lab.run("mx1", ["pgrep", "-x", "spamc"], timeout=5, check=False).returncode == 0


def test_spamd_slow_is_slow_and_finishes(lab: Lab) -> None:
    with on(lab, "spamd-slow"):
        began = time.monotonic()
        assert ping(lab) == 0
        send(lab, "slow")
        until(lambda: bool(arrived(lab, "slow")), within=SLOW_SCAN_S * 3, what="a slow delivery")
        assert time.monotonic() - began >= SLOW_SCAN_S
    send(lab, "quick")
    until(lambda: bool(arrived(lab, "quick")), within=15, what="delivery after the heal")
    assert arrived(lab, "slow")[0]["scanned"] is True


def test_mx_unreachable_is_that_host_alone_and_its_loopback_goes_on(lab: Lab) -> None:
    with on(lab, "mx-unreachable"):
        assert banner(lab, 25) in {"TimeoutError", "OSError"}
        assert ping(lab) == 0
        send(lab, "the-other", host="mx2")
    until(lambda: banner(lab, 25) == "connected 220", within=10, what="reachable after the heal")  # an ARP retry is 1 s


def test_ssh_hung_accepts_without_a_banner_while_mail_flows(lab: Lab) -> None:
    with on(lab, "ssh-hung"):
        assert banner(lab, 22) == "connected TimeoutError"
        assert banner(lab, 25) == "connected 220"
    assert banner(lab, 22) == "connected SSH"


@pytest.mark.parametrize("name", sorted(INCIDENTS))
def test_healing_what_is_not_on_is_harmless(lab: Lab, name: str) -> None:
    lab.heal(name)
    assert (banner(lab, 22), banner(lab, 25), ping(lab)) == ("connected SSH", "connected 220", 0)


def test_the_other_host_may_have_it(lab: Lab) -> None:
    lab.incident("ssh-hung", "mx2")
    assert banner(lab, 22) == "connected SSH"
    lab.heal("ssh-hung", "mx2")


def test_an_unknown_incident_names_those_there_are(lab: Lab) -> None:
    with pytest.raises(ConfigError) as refused:
        lab.incident("spamd-hunk")
    assert "spamd-hung" in refused.value.try_


def test_a_handler_that_is_down_refuses_and_one_that_is_stuck_is_silent(lab: Lab) -> None:
    with on(lab, "handler-down"):
        assert handler_says(lab) == "ConnectionRefusedError"
    until(lambda: handler_says(lab) == "connected 220", within=10, what="the handler after the heal")
    with on(lab, "handler-stuck"):
        assert handler_says(lab) == "connected TimeoutError"
    assert handler_says(lab) == "connected 220"


def handler_says(lab: Lab) -> str:
    found = lab.run("mx1", [sys.executable, "-c", BANNER, "127.0.0.1", "20381"], timeout=10)
    return " ".join(found.stdout.split())


def test_a_frozen_mx_accepts_and_says_nothing(lab: Lab) -> None:
    with on(lab, "mx-frozen"):
        assert banner(lab, 25) == "connected TimeoutError"
        assert banner(lab, 22) == "connected SSH"
    assert banner(lab, 25) == "connected 220"


def test_a_full_spool_is_small_and_takes_no_mail(lab: Lab) -> None:
    """It lies in this machine's memory: filling it must not take a gigabyte."""
    with on(lab, "disk-full"):
        size, free = spool(lab)
        assert size < 200_000
        assert free < 1_000
        with pytest.raises(StepFailed, match=r"452|Insufficient"):
            send(lab, "no-room")
    assert spool(lab)[0] == 1024 * 1024
    send(lab, "room-again")
    until(lambda: bool(arrived(lab, "room-again")), within=15, what="delivery after the heal")


def spool(lab: Lab) -> tuple[int, int]:
    """Size and free space in kB."""
    told = lab.run("mx1", ["df", "-k", "--output=size,avail", "/var/spool/postfix"], timeout=5).stdout.split()
    return int(told[-2]), int(told[-1])
