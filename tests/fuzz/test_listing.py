"""Addresses and reasons of a queue are strangers' words: each is read, and none reaches a terminal raw."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from failover.adapters import listing, reply
from failover.cli import queue_text
from failover.core.waiting import BY
from tests.fuzz.made_up import TEXT, fuzz, mutated, no_fault, plain

MESSAGE = "deferred A1B2 1000 512 2 ann@example.net bob@far.test host_a[192.0.2.9]_said:_\\u001b[2J"
LINES = (
    "begin 2", "now 2000", "queue deferred 2", "queue corrupt 0", "frozen spam 1 900 1 2", f"old {MESSAGE}",
    f"message {MESSAGE}", "listed 1 2 no", "error frozen late", "end queue 0",
)  # fmt: skip
GOOD = ("\n" + "".join(f"{line}\n" for line in LINES).replace(" ", "\t")).encode()


def shown(said: bytes) -> None:
    found = reply.parse("queue", said, 0)
    if found is None:
        return
    for by in (None, *BY):
        of = {"mx1": listing.of(found)}
        assert all(plain(line) for line in queue_text.lines(of, by, 10, ""))
        json.dumps(queue_text.document(of, by, 10, ""))
    no_fault()


@fuzz(100)
@given(mutated(GOOD[: GOOD.rindex(b"end")]))
def test_whatever_a_host_lists_is_shown_plain(said: bytes) -> None:
    shown(said + b"\nend\tqueue\t0\n")


@fuzz(100)
@given(st.lists(TEXT, min_size=8, max_size=8), st.booleans())
def test_whatever_stands_in_a_message_is_shown_plain(fields: list[str], escaped: bool) -> None:
    texts = [json.dumps(f)[1:-1] if escaped else f for f in fields[5:]]
    row = "\t".join(("message", "deferred", "A1", *fields[2:5], *texts))
    shown(f"begin\t2\nnow\t{fields[0]}\n{row}\nend\tqueue\t0\n".encode("utf-8", "replace"))
