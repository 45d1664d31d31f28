"""Compare and swap against a real BIND: what it refuses. What each provider must meet is in `tests/contract/`."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from failover.dns.rfc2136_zone import Rfc2136Zone
from failover.errors import ConfigError, FailoverError, Refused, Unreachable
from tests.contract.zones import TWO, OnALine, fails

pytestmark = pytest.mark.lab


@pytest.mark.parametrize(
    ("changes", "kind", "words", "what_to_try"),
    [
        ({"key_name": "other"}, Refused, "BADKEY", "key_name"),
        ({"key": "env:WRONG_KEY"}, Refused, "BADSIG", "env:WRONG_KEY"),
        ({"algorithm": "hmac-sha512"}, Refused, "BADKEY", "hmac-sha512"),
        ({"key": None, "key_name": None}, Refused, "REFUSED", "key_name, key"),
        ({"key": "env:NO_BASE64"}, ConfigError, "not base64", "tsig-keygen"),
        ({"server": "10.77.0.11"}, Unreachable, "refused", "take TCP"),
    ],
)
def test_trouble_with_the_key_is_named(
    rfc2136: OnALine[Rfc2136Zone],
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
    kind: type[FailoverError],
    words: str,
    what_to_try: str,
) -> None:
    monkeypatch.setenv("WRONG_KEY", "d3Jvbmc=")
    monkeypatch.setenv("NO_BASE64", "¡no!")
    e = fails(rfc2136, kind, Rfc2136Zone(replace(rfc2136.zone.at, **changes)))  # type: ignore[arg-type]
    assert words in str(e)
    assert what_to_try in e.try_
    assert rfc2136.there() == TWO


def test_a_clock_that_is_wrong_is_named(rfc2136: OnALine[Rfc2136Zone], monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    with monkeypatch.context() as clock:
        clock.setattr("time.time", lambda: real() + 900)
        assert "BADTIME" in str(fails(rfc2136, Refused))


def test_a_server_that_is_not_the_primary_changes_nothing(rfc2136: OnALine[Rfc2136Zone]) -> None:
    """ns2 has a copy of the zone and no key of ours."""
    fails(rfc2136, Refused, Rfc2136Zone(replace(rfc2136.zone.at, server=rfc2136.lab.address("ns2"), port=53)))
    assert rfc2136.there() == TWO
