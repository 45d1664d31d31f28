"""Each reader by itself: helper rows, banners, SMTP dialogues, DNS messages, host keys, what Docker says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failover.adapters import helper, known_hosts, reply, resolver, ssh_words
from failover.adapters.smtp import SmtpLooker
from failover.adapters.ssh_session import Output
from failover.adapters.watchdog import Stage
from failover.core.clean import LONGEST, clean, field
from failover.core.fleet import Endpoint, Host, Role
from failover.core.mx import MxSet
from failover.core.observe.signal import Outcome
from failover.doctor.host import clocks, epochs
from failover.errors import ConfigError, FailoverError
from failover.ports import Reply
from failover.signals import SIGNALS, container, sight
from failover.signals.look import look
from tests.adapters.test_resolver import MX, NAME, server
from tests.adapters.test_resolver import reply as dns_reply
from tests.fakes import AT, Clock, Smtp
from tests.fuzz.made_up import NASTY, NUMBERS, TEXT, fuzz, mutated, no_fault, plain
from tests.signals.fakes import HEALTHY, Remote, fleet, host, position, visit

ROWS = b"\n" + "".join(f"{line}\n".replace(" ", "\t") for line in ["begin 1", *HEALTHY.splitlines()]).encode()
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIFYUnkXUFbGcTnlkUoRJQZx2kqJZ8hyBl8ZZDp9zqZUV"


# Text -------------------------------------------------------------------------------


@fuzz(200)
@given(st.text() | TEXT)
def test_what_was_cleaned_is_one_plain_line_and_stays_so(text: str) -> None:
    """safety 10: C1 and bidi marks too."""
    for once in (clean(text), field(text)):
        assert plain(once)
        assert "\n" not in once
        assert len(once) <= LONGEST
        assert clean(once) == once


@pytest.mark.parametrize("text", NASTY)
def test_an_error_on_purpose_is_plain_whatever_stands_in_it(text: str) -> None:
    error = FailoverError(f"mx1 said {text}", try_=f"see {text}")
    assert plain(str(error))
    assert plain(error.try_)


def test_two_long_fields_that_differ_at_their_ends_still_differ() -> None:
    assert field("x" * 50_000 + "a") != field("x" * 50_000 + "b")


# Helper rows -------------------------------------------------------------------------


@fuzz(60)
@given(mutated(ROWS), st.sampled_from([0, 0, 64, 78, None]))
def test_any_bytes_for_an_answer_are_read_or_unknown(said: bytes, rc: int | None) -> None:
    """safety 7: its signals become unknown, and those of the others are seen."""
    found = reply.parse("look", said + b"end\tlook\t%d\n" % (rc or 0), rc)
    if found is None:
        return
    assert all(plain(f) and "\n" not in f for row in found.rows for f in row)
    seen = look(
        fleet(),
        before=(position("mx1"), position("mx2")),
        wanted=frozenset(SIGNALS),
        remote=Remote({"mx1": found}),
        smtp=Smtp(),
        clock=Clock(),
        workers=1,
    )
    assert all(plain(s.reason) and plain(str(s.value)) and plain(s.unit) for s in seen)
    assert {s.outcome for s in seen if s.host == "mx2" and s.vantage == "mx2"} <= {Outcome.OK, Outcome.UNKNOWN}
    no_fault()


@pytest.mark.parametrize("text", NUMBERS)
def test_no_absurd_number_is_one(text: str) -> None:
    """safety 7: 1:2, 1e400, nan, ages below zero, times of the year 9999."""
    found, waited = sight.number(text), sight.age(text)
    assert found is None or 0 <= found <= sight.MOST
    assert waited is None or 0 <= waited <= sight.OLDEST_S


@fuzz(100)
@given(st.lists(TEXT, max_size=8), st.lists(TEXT, max_size=3))
def test_what_docker_says_of_a_container_is_read_or_said(fields: list[str], now: list[str]) -> None:
    asked = Reply("look", 0, (("container", *map(clean, fields)), ("now", *map(clean, now))))
    (found,) = container.read(visit(host("mx1", 11)), asked)
    assert plain(found.reason)


@fuzz(100)
@given(st.lists(st.tuples(st.sampled_from(["version", "digest", "now", "epoch", "because"]), TEXT), max_size=6))
def test_any_hello_is_a_difference_or_none(rows: list[tuple[str, str]]) -> None:
    hello = Reply("hello", 0, tuple((key, clean(text)) for key, text in rows))
    differs = helper.difference("mx1", hello, helper.Text("1", "0" * 64))
    assert differs is None or plain(differs.said)
    assert all(plain(f.says) for f in (clocks("mx1", hello, AT, 0.1), *epochs("mx1", hello, AT)))


# SSH ----------------------------------------------------------------------------------


@pytest.mark.faults
@fuzz(100)
@given(
    st.sampled_from(list(Stage)),
    st.sampled_from([OSError, EOFError, ValueError, KeyError, ConnectionResetError, TimeoutError]),
    TEXT,
    st.booleans(),
)
def test_however_a_call_ends_it_is_told_plainly(stage: Stage, kind: type[Exception], text: str, late: bool) -> None:
    at = Host("mx1", Role.PRIMARY, "192.0.2.1")
    assert plain(str(ssh_words.lost(at, "look", stage, kind(text), 1.0, late=late)))


@fuzz(60)
@given(st.binary(max_size=60), TEXT, st.sampled_from([None, 0, 1, 126, 127, 255]))
def test_what_stderr_says_is_told_plainly(stdout: bytes, text: str, code: int | None) -> None:
    at = Host("mx1", Role.PRIMARY, "192.0.2.1")
    said = ssh_words.cut_off(at, "look", Output(stdout, b"sudo: " + text.encode("utf-8", "surrogatepass"), code))
    assert plain(str(said))


@fuzz(100)
@given(st.text() | TEXT | mutated(f"192.0.2.1,mx1 ssh-ed25519 {KEY} c\n@revoked |1|a|b x y\n".encode()).map(repr))
def test_any_file_of_host_keys_is_read(text: str) -> None:
    for key in known_hosts.parse(text).trusted("192.0.2.1", 22):
        assert key.kind


# SMTP ---------------------------------------------------------------------------------

GREETINGS = [
    b"220 mx1 ESMTP\r\n", b"220-mx1\r\n220 mx1\r\n", b"554 no\r\n", b"421 4.3.2 drained\r\n", b"220", b"\r\n",
    b"220-\r\n", b"250-mx1\r\n250 8BITMIME\r\n", b"450 4.3.2 Service currently unavailable\r\n",
]  # fmt: skip
LINE = st.sampled_from(GREETINGS).flatmap(lambda g: st.just(g) | mutated(g)) | st.binary(max_size=30)


@contextmanager
def mail_server(replies: list[bytes]) -> Iterator[Endpoint]:
    """Says each of them after something was heard, the first one unasked; then it hangs up."""

    def serve() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                for said in replies:
                    connection.sendall(said)
                    if not connection.recv(4096):
                        return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Endpoint("127.0.0.1", listener.getsockname()[1])


@fuzz(15)
@given(st.lists(LINE, max_size=6))
def test_any_smtp_server_is_an_answer(replies: list[bytes]) -> None:
    looker = SmtpLooker("probe.test", greet_s=0.3)
    for ask in (looker.banner, lambda at, patience_s: looker.dialogue(at, "a@b.test", patience_s=patience_s)):
        with mail_server(replies) as at:
            found = ask(at, patience_s=0.2)
        assert plain(found.said)
        assert "\n" not in found.said
    no_fault()


@fuzz(50)
@given(TEXT)
def test_no_recipient_breaks_out_of_its_command(text: str) -> None:
    with suppress(ConfigError):
        SmtpLooker("probe.test").dialogue(Endpoint("127.0.0.1", 1), text, patience_s=0.2)
    no_fault()


# DNS ----------------------------------------------------------------------------------


@fuzz(40)
@given(st.data())
def test_any_message_of_a_name_server_is_a_set_or_words(data: st.DataObject) -> None:
    edits = data.draw(st.lists(st.tuples(st.integers(2, 80), st.integers(0, 4), st.binary(max_size=4)), max_size=3))

    def answer(asked: dns.message.Message) -> bytes:
        said = dns_reply(asked, MX)
        for at, gone, put in edits:
            said = said[:at] + put + said[at + gone :]
        return said

    with server(answer) as at, pytest.MonkeyPatch.context() as patch:
        patch.setattr(resolver, "TRIES_S", (0.1, 0.1))
        found = resolver.mx_at(NAME, at)
    assert plain(found.text if isinstance(found, MxSet) else found)
    no_fault()


NAMES = [r"mx1\027[2J.test.", "xn--evil.test.", "\\000.", "a.", r"\226\128\174.net.", "*.b.", "MX1.Example.NET."]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_an_mx_record_is_plain(name: str) -> None:
    with server(lambda q: dns_reply(q, ("example.net.", 60, "IN", "MX", f"10 {name}"))) as at:
        found = resolver.mx_at(NAME, at)
    assert plain(found.text if isinstance(found, MxSet) else found)
