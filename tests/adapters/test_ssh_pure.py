"""Answers and host keys as text: what is trusted, and what never is."""

from __future__ import annotations

import paramiko
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failover.adapters import known_hosts, reply
from failover.ports import Reply

WHOLE = b"version\t1\nnow\t17\nbecause\tdisk full\nend\thello\t78\n"
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIFYUnkXUFbGcTnlkUoRJQZx2kqJZ8hyBl8ZZDp9zqZUV"


def test_whole_answer() -> None:
    found = reply.parse("hello", WHOLE, 78)
    assert found == Reply("hello", 78, (("version", "1"), ("now", "17"), ("because", "disk full")))
    assert found is not None
    assert found.because == "disk full"


def test_an_answer_cut_anywhere_is_no_answer() -> None:
    for length in range(len(WHOLE)):
        assert reply.parse("hello", WHOLE[:length], 78) is None


def test_an_answer_too_long_is_no_answer() -> None:
    assert reply.parse("hello", b"x\ty\n" * (reply.LONGEST // 4) + WHOLE, 78) is None


@given(st.binary(max_size=200), st.one_of(st.none(), st.integers(-1, 255)))
def test_any_bytes_do_no_harm(data: bytes, exit_code: int | None) -> None:
    found = reply.parse("hello", data, exit_code)
    assert found is None or data.endswith(f"end\thello\t{exit_code}\n".encode())


def test_undecodable_bytes_are_kept_visible() -> None:
    found = reply.parse("look", b"handler\tok\t3\t220 \xff\xfe\nend\tlook\t0\n", 0)
    assert found is not None
    assert found.one("handler") == ("ok", "3", "220 \ufffd\ufffd")


def keys(text: str, address: str = "192.0.2.1", port: int = 22) -> tuple[str, ...]:
    return tuple(k.kind for k in known_hosts.parse(text).trusted(address, port))


@pytest.mark.parametrize(
    ("line", "address", "port", "trusted"),
    [
        (f"192.0.2.1 ssh-ed25519 {KEY} comment", "192.0.2.1", 22, True),
        (f"mx1,192.0.2.1 ssh-ed25519 {KEY}", "192.0.2.1", 22, True),
        (f"192.0.2.1 ssh-ed25519 {KEY}", "192.0.2.11", 22, False),
        (f"[192.0.2.1]:2222 ssh-ed25519 {KEY}", "192.0.2.1", 2222, True),
        (f"[192.0.2.1]:2222 ssh-ed25519 {KEY}", "192.0.2.1", 22, False),
        (f"192.0.2.1 ssh-ed25519 {KEY}", "192.0.2.1", 2222, True),
        (f"192.0.2.* ssh-ed25519 {KEY}", "192.0.2.1", 22, True),
        (f"192.0.2.*,!192.0.2.1 ssh-ed25519 {KEY}", "192.0.2.1", 22, False),
        (f"[192.0.2.*]:2222 ssh-ed25519 {KEY}", "192.0.2.1", 2222, True),
        (f"{paramiko.HostKeys.hash_host('192.0.2.1')} ssh-ed25519 {KEY}", "192.0.2.1", 22, True),
        (f"{paramiko.HostKeys.hash_host('192.0.2.1')} ssh-ed25519 {KEY}", "192.0.2.2", 22, False),
        (f"|1|broken ssh-ed25519 {KEY}", "192.0.2.1", 22, False),
        (f"|1|!!|?? ssh-ed25519 {KEY}", "192.0.2.1", 22, False),
        (f"#192.0.2.1 ssh-ed25519 {KEY}", "#192.0.2.1", 22, False),
        (f"@cert-authority 192.0.2.1 ssh-ed25519 {KEY}", "192.0.2.1", 22, False),
        ("192.0.2.1", "192.0.2.1", 22, False),
    ],
)
def test_known_hosts_line(line: str, address: str, port: int, trusted: bool) -> None:
    assert bool(keys(line, address, port)) is trusted


def test_revoked_key_is_not_trusted_whoever_lists_it() -> None:
    assert keys(f"192.0.2.1 ssh-ed25519 {KEY}\n@revoked * ssh-ed25519 {KEY}\n") == ()


def test_two_keys_of_a_kind_are_both_trusted() -> None:
    """While a key is being replaced, both are listed."""
    assert keys(f"192.0.2.1 ssh-ed25519 {KEY}\n192.0.2.1 ssh-ed25519 {KEY[:-4]}AAAA\n") == ("ssh-ed25519",) * 2


def test_own_port_goes_before_the_bare_address() -> None:
    text = f"192.0.2.1 ssh-rsa AAAA\n[192.0.2.1]:2222 ssh-ed25519 {KEY}\n"
    assert keys(text, port=2222) == ("ssh-ed25519",)
