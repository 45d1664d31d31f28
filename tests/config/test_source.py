"""YAML without its traps: what the text means, where each value stands, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failover.config.playbooks import load_playbook
from failover.config.problems import Place
from failover.config.source import parse, read
from failover.errors import ConfigError

_TEXT = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp"), exclude_characters="\ufeff"), max_size=9
)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT
)
_VALUES = st.recursive(
    _SCALARS, lambda v: st.lists(v, max_size=4) | st.dictionaries(_TEXT, v, max_size=4), max_leaves=12
)


def _scalars(value: Any, at: Place = ()) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _scalars(inner, (*at, key))
    else:
        yield at, value


@given(st.dictionaries(_TEXT, _VALUES, max_size=4))
def test_json_reads_back_and_every_position_points_at_its_value(value: dict[str, Any]) -> None:
    text = json.dumps(value, ensure_ascii=False)
    source = parse(text, "x")
    assert source.value == value
    assert not source.problems
    for place, scalar in _scalars(value):
        line, column = source.values[place]
        assert line == 1
        assert text[column - 1 :].startswith(json.dumps(scalar, ensure_ascii=False))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("No", "No"),
        ("tRUE", "tRUE"),
        ("True", True),
        ("false", False),
        ("1:30", "1:30"),
        ("0x1f", "0x1f"),
        ("010", 10),
        ("1_000", "1_000"),
        ("1e3", 1000.0),
        ("1e999", "1e999"),
        (".inf", ".inf"),
        ("2026-08-11", "2026-08-11"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("~", None),
        ("", None),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_plain_words_mean_what_they_look_like(text: str, meant: Any) -> None:
    value = parse(f"key: {text}", "x").value["key"]
    assert value == meant
    assert type(value) is type(meant)


def test_a_key_named_on_is_text() -> None:
    assert parse("on: 1\n1: 2\n", "x").value == {"on": 1, "1": 2}


def _refused(tmp_path: Path, raw: bytes) -> list[str]:
    path = tmp_path / "f.yaml"
    path.write_bytes(raw)
    with pytest.raises(ConfigError) as caught:
        load_playbook(path)
    return str(caught.value).replace(str(path), "f").splitlines()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "f:1:1: the file is empty; write at least `version: 1`"),
        (b"# only words\n", "f:1:1: the file is empty; write at least `version: 1`"),
        (b"a: 1\n\tb: 2\n", "f:2:1: a tab; indent with spaces"),
        (b"a:\n  b: 1\n\tc: 2\n", "f:3:1: a tab; indent with spaces"),
        (b"a: 1\nb: x\xff\n", "f:2:5: a byte that is not UTF-8; save the file as UTF-8"),
        (b"\xef\xbb\xbfa: \xff\n", "f:1:4: a byte that is not UTF-8; save the file as UTF-8"),
        (b"a: 1\nb: \x1b[31m\n", "f:2:4: the control character U+001B; remove it"),
        ("é: ü\n? [a]\n: 1\n".encode(), "f:2:3: a key that is not text; write a word before the colon"),
        (b"a: {b: 1, b: 2}\n", 'f:1:11: the key "b" stands twice, first in line 1; keep one of the two'),
        (b"a: " + b"[" * 100, "f:1:44: nested deeper than 40;"),
    ],
)
def test_what_yaml_itself_gets_wrong_has_a_place(tmp_path: Path, raw: bytes, said: str) -> None:
    assert any(line.startswith(said) for line in _refused(tmp_path, raw))


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read(tmp_path / "f", missing="").value == {"a": 1}


def test_an_alias_bomb_is_refused_unexpanded() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    problems = parse("\n".join(lines), "x").problems
    assert problems[0].what == "the anchor &a0; remove it, and write each value out"
    assert len(problems) == 30 + 29 * 9


@pytest.mark.parametrize("raw", [b"[" * 200_000, b"? " * 200_000, b"a: " * 200_000, b"x" * (2 << 20)])
def test_hostile_nesting_and_size_end_soon_as_an_ordinary_refusal(tmp_path: Path, raw: bytes) -> None:
    _refused(tmp_path, raw)


def test_a_missing_file_and_a_folder_say_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file") as caught:
        read(tmp_path / "none", missing="make one")
    assert caught.value.try_ == "make one"
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read(tmp_path, missing="")


@given(st.text("ab:-#&*!|>'\"%@`{}[],?\\\n \t<~01.é", max_size=40))
def test_any_text_is_values_or_an_ordinary_refusal(text: str) -> None:
    try:
        parse(text, "x")
    except ConfigError as e:
        assert str(e).startswith("x:")  # noqa: PT017  values are fine too
