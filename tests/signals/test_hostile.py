"""Whatever a host answers, a look gives one signal per name and vantage, and raises nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from failover.core.observe.diagnosis import diagnose_all
from failover.ports import Reply
from failover.signals import SIGNALS
from failover.signals.look import look
from tests.fakes import Clock, Smtp
from tests.fuzz.made_up import fuzz
from tests.signals.fakes import Remote, fleet, position

KEYS = [
    "queue",
    "oldest",
    "filter",
    "frozen",
    "spam.ping",
    "spam.scan",
    "handler",
    "peer",
    "load",
    "top",
    "disk",
    "log",
]
WORDS = [
    "ok",
    "timeout",
    "error",
    "incoming",
    "active",
    "-",
    "",
    "0",
    "-1",
    "1e999",
    "nan",
    "inf",
    "9" * 400,
    "\x1b[31m",
]
FIELD = st.sampled_from(WORDS) | st.text(max_size=8)
ROW = st.tuples(st.sampled_from([*KEYS, "inodes", "postfix", "error", "because", "traffic"])) | st.text(max_size=5).map(
    lambda t: (t,)
)


@fuzz(40)
@given(
    st.lists(st.builds(lambda key, rest: (*key, *rest), ROW, st.lists(FIELD, max_size=6)), max_size=25),
    st.sampled_from([0, 64, 77]),
)
def test_any_answer(rows: list[tuple[str, ...]], rc: int) -> None:
    answers, before = {"mx1": Reply("look", rc, tuple(rows))}, (position("mx1"), position("mx2"))
    samples = look(
        fleet(), before=before, wanted=frozenset(SIGNALS), remote=Remote(answers), smtp=Smtp(), clock=Clock(), workers=1
    )
    seen = [(s.host, s.name, s.vantage) for s in samples]
    assert len(seen) == len(set(seen))
    assert ("mx2", "smtp.peer", "mx1") in seen
    assert all(s.reason.isprintable() and len(s.reason) <= 400 for s in samples)
    assert diagnose_all(fleet(), samples)["mx2"].host == "mx2"
