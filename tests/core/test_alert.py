"""Who is told what: the decision table of tests/cases/alerts.yaml, and the laws over every history."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from failover.core.alerting.alert import NEVER, SEVERITIES, Alert, Message, Shows, Told, announce, loudness
from failover.core.words import seconds

START = datetime(2020, 8, 11, 9, 0, tzinfo=UTC)
CLEAR_S, GAP_S = 300.0, 150.0
CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parents[1] / "cases" / "alerts.yaml").read_text())


class Memory:
    """What the store keeps of `Told` between cycles."""

    def __init__(self) -> None:
        self.rows: dict[str, Told] = {}

    def cycle(self, alerts: Iterable[Alert], at_s: float, unsure: Iterable[str] = ()) -> tuple[Message, ...]:
        now = START + timedelta(seconds=at_s)
        told = self.rows.values()
        said = announce(alerts, told, now=now, clear_s=CLEAR_S, gap_s=GAP_S, unsure=frozenset(unsure))
        assert not {r.key for r in said.rows} & {*said.gone}
        assert not any("-" in m.text.partition("lasted")[2] for m in said.messages), "a negative span"
        self.rows = {k: v for k, v in self.rows.items() if k not in said.gone} | {r.key: r for r in said.rows}
        return said.messages


@pytest.mark.parametrize("case", CASES, ids=lambda c: str(c["case"]))
def test_case(case: dict[str, Any]) -> None:
    memory = Memory()
    for time, cycle in case["cycles"].items():
        said = memory.cycle([_alert(a) for a in cycle["see"]], seconds(time) or 0.0, cycle.get("unsure", ()))
        heard = [f"over {m.key}" if m.resolves else f"{m.severity} {m.key} {m.text}" for m in said]
        assert heard == cycle.get("say", []), f"at {time}"


def _alert(text: str) -> Alert:
    words = text.split()
    shows = {"ours": Shows.OURS, "news": Shows.PAST}.get(words[0], Shows.BAD)
    quiet, said = words[0] == "quiet", words[0] == "said"
    key, stage, severity, *rest = words[1:] if quiet or said or shows is not Shows.BAD else words
    again = seconds(rest[-1]) if "again" in rest else None
    patience = NEVER if rest == ["never"] else seconds("".join(rest[:1])) or 0.0
    title = f"{key} is {stage}"
    return Alert(key, stage, severity, title, stage, patience, shows, NEVER if again is None else again, quiet, said)


def test_the_end_names_the_incident_by_its_first_word_and_says_since_when_and_how_long() -> None:
    memory = Memory()
    memory.cycle([_alert("mx1/hung seen critical")], 14 * 60)
    memory.cycle([_alert("mx1/hung cured info")], 55 * 60)
    (end,) = memory.cycle([], 61 * 60)
    assert end == Message(
        "mx1/hung",
        "info",
        "resolved: mx1/hung is seen",
        "It began at 2020-08-11 09:14 UTC and lasted 41 min; for 6 min not seen.",
        resolves=True,
    )


def test_a_severity_that_is_none_is_loud() -> None:
    assert sorted(["critical", "info", "error", "warning"], key=loudness) == list(SEVERITIES)
    assert loudness("emergency") == loudness("critical")


ALERTS = st.builds(
    lambda key, stage, severity, patience: Alert(key, stage, severity, key, stage, patience),
    st.sampled_from(["mx1/hung", "mx2/slow"]),
    st.sampled_from(["seen", "asked", "blocked"]),
    st.sampled_from(SEVERITIES),
    st.sampled_from([0.0, 60.0, 240.0]),
)
CYCLES = st.tuples(
    st.lists(ALERTS, max_size=4),
    st.sampled_from([30.0, 60.0, 140.0, 160.0, 400.0]),  # seconds that pass until then
    st.sampled_from([0.0, 0.0, 0.0, 100.0, 5000.0]),  # by which the clock steps back before it
    st.sets(st.sampled_from(["mx1", "mx2"]), max_size=1),
)


@given(st.lists(CYCLES, max_size=25))
def test_the_laws_hold_over_every_history(history: list[Any]) -> None:
    memory, real, stepped = Memory(), 0.0, 0.0
    said: dict[str, set[str]] = {}  # by the key of an open incident
    bad: dict[str, float] = {}  # for how long, in real seconds, a key was seen bad since its last end
    last: dict[str, tuple[float, float]] = {}  # when, real and by the clock, if no cycle has seen it well since
    for alerts, passes, back, unsure in history:
        real, stepped = real + passes, stepped + back
        keys = {a.key for a in alerts}
        last = {k: at for k, at in last.items() if k in keys or k.partition("/")[0] in unsure}
        for k in keys:
            since, read = last.get(k, (real, real - stepped))
            bad[k] = bad.get(k, 0.0) + (real - since if real - stepped - read <= GAP_S else 0.0)
            last[k] = real, real - stepped
        for message in memory.cycle(alerts, real - stepped, unsure):
            if message.resolves:
                assert said.pop(message.key), "an end without a beginning, or a second one"
                assert message.key not in keys
                assert message.key.partition("/")[0] not in unsure
                bad.pop(message.key)
                continue
            stage = message.text.partition("\n")[0]
            assert stage not in said.setdefault(message.key, set()), "said twice"
            ours = [a for a in alerts if a.key == message.key and a.stage == stage]
            assert any(a.patience_s <= bad[message.key] for a in ours), "said before its patience ended"
            assert any(a.severity == message.severity for a in alerts if a.key == message.key)
            said[message.key].add(stage)
    assert {k for k, r in memory.rows.items() if r.said} == said.keys()


@given(st.lists(CYCLES, max_size=12), ALERTS)
def test_whatever_the_clock_did_what_lasts_is_said_and_what_is_gone_ends(history: list[Any], last: Alert) -> None:
    memory, at = Memory(), 0.0
    for alerts, passes, back, unsure in history:
        at += passes - back
        memory.cycle(alerts, at, unsure)
    for _ in range(int(last.patience_s / 60) + 2):
        at += 60
        memory.cycle([last], at)
    assert last.stage in memory.rows[last.key].said
    ends = [m.key for i in range(1, 64) for m in memory.cycle([], at + 60 * i) if m.resolves]
    assert len(ends) == len(set(ends))
    assert last.key in ends
    assert not memory.rows
