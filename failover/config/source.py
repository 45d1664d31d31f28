"""YAML text → plain values that remember where each stood. The one module that knows PyYAML.

A small and safe YAML: one document; booleans are `true` and `false` (YAML 1.2,
so `on` and `yes` are text); `1:30`, dates and `0x1f` are text; duplicate keys,
anchors, aliases and tags are refused. Built from parser events, so nothing is
ever expanded (no alias bombs) and nothing is constructed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from failover.config.problems import Place, Position, Problem, refusal
from failover.errors import ConfigError

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LARGEST = 1 << 20
_DEEPEST = 40
_ILLEGAL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Source:
    """A file's values, where each value and each key stands, and what is wrong with it as YAML."""

    name: str
    value: Any
    values: Mapping[Place, Position]
    keys: Mapping[Place, Position]
    problems: tuple[Problem, ...]

    def where(self, place: Place) -> Position:
        """The position of the key, else of its value, else of what contains it."""
        while place and place not in self.keys and place not in self.values:
            place = place[:-1]
        return self.keys.get(place) or self.values.get(place) or Position(1, 1)


def read(path: Path, *, missing: str) -> Source:
    """The file's values. `missing` is what to try when there is no such file. Raises ConfigError."""
    return parse(text_of(path, missing=missing), str(path))


def text_of(path: Path, *, missing: str) -> str:
    """The file's text; UTF-8, at most 1 MiB. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST + 1)
    except FileNotFoundError as e:
        raise ConfigError(f"{path}: there is no such file", try_=missing) from e
    except OSError as e:
        raise ConfigError(f"{path}: cannot be read: {e.strerror}", try_="look at its kind, owner and mode") from e
    if len(raw) > _LARGEST:
        raise ConfigError(f"{path}: larger than 1 MiB", try_="give the YAML file that you mean")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        before = e.object[: e.start].decode("utf-8", "replace")
        raise refusal(str(path), [Problem(_end(before), "a byte that is not UTF-8; save the file as UTF-8")]) from e


def parse(text: str, name: str) -> Source:
    """The values of YAML text; other problems than bad YAML are in `problems`. Raises ConfigError for bad YAML."""
    if bad := _ILLEGAL.search(text):
        code = f"U+{ord(bad[0]):04X}"
        raise refusal(name, [Problem(_end(text[: bad.start()]), f"the control character {code}; remove it")])
    builder = _Builder(iter(yaml.parse(text, Loader=_LOADER)))
    try:
        value = builder.document()
    except yaml.MarkedYAMLError as e:
        raise refusal(name, [*builder.problems, _unparsable(e, text)]) from e
    except yaml.YAMLError as e:
        raise refusal(name, [*builder.problems, Problem(Position(1, 1), f"not YAML: {e}")]) from e
    return Source(name, value, builder.values, builder.keys, tuple(builder.problems))


class _TooDeep(yaml.MarkedYAMLError):
    pass


@dataclass(slots=True)
class _Builder:
    events: Iterator[Any]
    values: dict[Place, Position] = field(default_factory=dict)
    keys: dict[Place, Position] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def document(self) -> Any:
        value: Any = None
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._problem(event, "a second document; keep one per file")
                    break
                value = self._value(next(self.events), ())
        if not documents:
            self.problems.append(Problem(Position(1, 1), "the file is empty; write at least `version: 1`"))
        return value

    def _value(self, event: Any, at: Place) -> Any:
        self.values[at] = _at(event)
        if len(at) > _DEEPEST:
            raise _TooDeep(problem_mark=event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            self._problem(event, f"the alias *{event.anchor}; write the value out")
            return None
        if event.anchor is not None:
            self._problem(event, f"the anchor &{event.anchor}; remove it, and write each value out")
        if event.tag is not None:
            self._problem(event, f'the tag "{event.tag}"; remove it')
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(at)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(at)
        return _plain(event.value) if event.implicit[0] else event.value

    def _mapping(self, at: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._key(event, at)
            here = (*at, key)
            if key in found:
                first = self.keys[here].line
                self._problem(event, f'the key "{key}" stands twice, first in line {first}; keep one of the two')
                self._skip(next(self.events))
                continue
            self.keys[here] = _at(event)
            found[key] = None
            found[key] = self._value(next(self.events), here)
        return found

    def _key(self, event: Any, at: Place) -> str:
        if isinstance(event, yaml.ScalarEvent):
            return str(event.value)
        self._problem(event, "a key that is not text; write a word before the colon")
        self._skip(event)
        return ""

    def _sequence(self, at: Place) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            found.append(self._value(event, (*at, len(found))))
        return found

    def _skip(self, event: Any) -> None:
        open_ = 0
        while True:
            open_ += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if not open_:
                return
            event = next(self.events)

    def _problem(self, event: Any, what: str) -> None:
        self.problems.append(Problem(_at(event), what))


def _plain(text: str) -> Any:
    if (word := text.lower() if text in {text.lower(), text.upper(), text.title()} else text) in _WORDS:
        return _WORDS[word]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


def _at(event: Any) -> Position:
    return Position(event.start_mark.line + 1, event.start_mark.column + 1)


def _end(text: str) -> Position:
    return Position(text.count("\n") + 1, len(text) - text.rfind("\n"))


def _unparsable(error: yaml.MarkedYAMLError, text: str) -> Problem:
    """libyaml's own words, except for the commonest mistake."""
    unclosed = "end of stream" in (error.problem or "") and error.context_mark
    mark = unclosed or error.problem_mark or error.context_mark
    if mark is None:
        return Problem(Position(1, 1), f"not YAML: {error.problem}")
    lines = text.split("\n")
    line = lines[mark.line] if mark.line < len(lines) else ""
    at = Position(mark.line + 1, mark.column + 1)
    if isinstance(error, _TooDeep):
        return Problem(at, f"nested deeper than {_DEEPEST}; no such file needs that")
    if line[mark.column : mark.column + 1] == "\t" or line[: mark.column].strip(" ") == "\t":
        return Problem(at, "a tab; indent with spaces")
    context = f" {error.context}" if error.context else ""
    return Problem(at, f"not YAML:{context} {error.problem}; a quote or a bracket left open, or an indent out of line?")
