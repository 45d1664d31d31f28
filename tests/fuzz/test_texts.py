"""Files and rows that people or other programs may have edited: YAML, plans, remembered looks."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import failover
from failover.adapters import journal_json, look_json
from failover.config.hosts import load_fleet
from failover.config.playbooks import load_playbook
from failover.core.observe.signal import Outcome, Signal
from failover.errors import ConfigError
from tests.fakes import AT
from tests.fuzz.made_up import NASTY, NUMBERS, fuzz, mutated, plain

TOP = Path(failover.__file__).parents[1]
FILES = ["hosts.yaml", *(f"playbooks/{p.name}" for p in sorted((TOP / "playbooks").glob("*.yaml")))]
TRAPS = [
    b"\xff\xfe", b"&a [*a]", b"<<: *x", b"!!python/object:os.system {}", b"\t", b"{", b"}", b"- ", b": ", b"|\n",
    b"on: ", b"1:30", b"'", b'"\\e[2J"', b'"\\u202e"', b"\x00", b"? ", b"%YAML 1.1\n---\n", b"---\n", b"1e400",
    b".nan", b"[" * 200, b"2026-13-40",
]  # fmt: skip


def broken(good: bytes) -> st.SearchStrategy[bytes]:
    """By its bytes, by a trap put anywhere, or by one value replaced."""
    trap = st.tuples(st.integers(0, len(good)), st.sampled_from(TRAPS)).map(
        lambda t: good[: t[0]] + t[1] + good[t[0] :]
    )
    values = [m.span(1) for m in re.finditer(rb": ([^\n{\[|>#]+)", good)]
    text = st.sampled_from([t.encode("utf-8", "surrogatepass") for t in (*NASTY, *NUMBERS)] + TRAPS)
    value = st.tuples(st.sampled_from(values), text).map(lambda v: good[: v[0][0]] + v[1] + good[v[0][1] :])
    return trap | value | mutated(good)


@pytest.mark.parametrize("name", FILES)
@fuzz(25)
@given(data=st.data())
def test_a_broken_file_loads_or_is_refused_with_a_place(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "broken.yaml"
    path.write_bytes(data.draw(broken((TOP / name).read_bytes())))
    said = refusal(path, load_fleet if name == "hosts.yaml" else load_playbook)
    assert not said or re.match(rf"{re.escape(str(path))}:[0-9]+:[0-9]+: \S", said)
    assert plain(said)


def refusal(path: Path, load: Callable[[Path], object]) -> str:
    try:
        load(path)
    except ConfigError as e:
        return str(e)
    return ""


LOOK = look_json.dumps((Signal("mx1", "queue.pending", "mx1", Outcome.OK, "none", AT, 3.0, "messages", 1.0),), AT)


@fuzz(100)
@given(mutated(LOOK.encode()))
def test_a_row_of_a_look_is_read_or_left_out(said: bytes) -> None:
    """A row that something else wrote must not end every command from then on."""
    for s in look_json.loads(said.decode("utf-8", "replace"), AT):
        assert isinstance(s.outcome, Outcome)


@fuzz(100)
@given(mutated(b'{"playbook":"x","params":{},"steps":[],"hosts":["mx1"],"at":1e400}') | st.binary(max_size=50))
def test_any_plan_file_is_a_plan_or_refused(said: bytes) -> None:
    with pytest.raises(ConfigError):
        journal_json.loads(said.decode("utf-8", "replace"))


DEEP = ["[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000]


@pytest.mark.parametrize("said", DEEP)
def test_a_plan_that_is_too_deep_is_refused(said: str) -> None:
    with pytest.raises(ConfigError):
        journal_json.loads(said)
