"""What a look is for other programs: one JSON document, a Nagios plugin's lines, Prometheus text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from failover.cli.diagnosis_text import plain_headline
from failover.cli.output import json_text
from failover.core.diagnosis import Diagnosis, State
from failover.core.plain import plain
from failover.core.signal import Samples, Signal, worst
from failover.probes import SIGNALS

if TYPE_CHECKING:
    from failover.core.fleet import Fleet
    from failover.core.verdict import Verdict

EXIT = {State.HEALTHY: 0, State.DEGRADED: 1, State.FAILED: 2, State.UNKNOWN: 3}
"""Nagios: ok, warning, critical, unknown."""
_WORRY = (State.HEALTHY, State.DEGRADED, State.UNKNOWN, State.FAILED)


@dataclass(frozen=True, slots=True)
class Seen:
    """One look: of `hosts`, at `at` by the controller's clock."""

    fleet: Fleet
    hosts: tuple[str, ...]
    at: datetime
    samples: Samples
    found: dict[str, Diagnosis]
    verdict: Verdict

    @property
    def worst(self) -> State:
        return max((self.found[h].state for h in self.hosts), key=_WORRY.index, default=State.UNKNOWN)


def _by_name(seen: Seen, host: str) -> dict[str, list[Signal]]:
    found: dict[str, list[Signal]] = {}
    for s in seen.samples:
        if s.host == host:
            found.setdefault(s.name, []).append(s)
    return found


def as_json(seen: Seen) -> str:
    return json_text(document(seen))


def document(seen: Seen) -> dict[str, Any]:
    v = seen.verdict
    return {
        "at": plain(seen.at),
        "hosts": {
            h: {
                "state": seen.found[h].state.value,
                "signals": {name: _signal(many) for name, many in _by_name(seen, h).items()},
            }
            for h in seen.hosts
        },
        "domains": {
            d.name: {"dns": type(d.dns).__name__.lower(), "servers": list(d.servers)}
            for d in seen.fleet.domains.values()
        },
        "decision": {
            "kind": v.kind.value,
            "playbook": v.playbook,
            "host": v.host,
            "because": list(v.because),
        },
    }


def _signal(many: list[Signal]) -> dict[str, Any]:
    """The worst of its vantages; all of them when there are several."""
    shown = worst(many)
    assert shown is not None
    return {**_plain(shown), **({"all": [_plain(s) for s in many]} if len(many) > 1 else {})}


def _plain(s: Signal) -> dict[str, Any]:
    return {
        "outcome": s.outcome.value,
        "value": _short(s.value) if isinstance(s.value, float) else s.value,
        "unit": s.unit,
        "reason": s.reason,
        "vantage": s.vantage,
        "at": plain(s.at),
    }


def _short(value: float) -> float | int:
    """Whole numbers without a fraction, seconds to the microsecond: more digits than that were never measured."""
    return int(value) if value.is_integer() else round(value, 6)


# Nagios plugin output: https://nagios-plugins.org/doc/guidelines.html, "Plugin Output" and "Performance data"

_STATUS = {State.HEALTHY: "OK", State.DEGRADED: "WARNING", State.FAILED: "CRITICAL", State.UNKNOWN: "UNKNOWN"}


def nagios_lines(seen: Seen) -> list[str]:
    """`STATUS: text | 'label'=value[UOM];warn;crit;min;max`, then a line per signal that is not ok."""
    text = "; ".join(plain_headline(seen.found[h]) for h in seen.hosts)
    measured = [_perf(s) for h in seen.hosts for s in _worst_of_each(seen, h) if isinstance(s.value, int | float)]
    detail = [s for h in seen.hosts for s in (*seen.found[h].evidence_for, *seen.found[h].latent)]
    first = f"{_STATUS[seen.worst]}: {one_line(text)} | {' '.join(measured)}"
    return [first, *(one_line(f"{s.host} {s.name} {s.outcome} from {s.vantage}: {s.reason}") for s in detail)]


def _worst_of_each(seen: Seen, host: str) -> Iterable[Signal]:
    return (s for many in _by_name(seen, host).values() if (s := worst(many)) is not None)


def _perf(s: Signal) -> str:
    need = SIGNALS[s.name]
    limits = ("" if n is None else _plain_number(n) + ":" * need.below for n in (need.warn, need.fail))
    unit = s.unit if s.unit in {"s", "%"} else ""
    label = f"{s.host} {s.name}".replace("'", "''").replace("=", "")
    return f"'{label}'={_plain_number(float(s.value or 0))}{unit};{';'.join(limits)};0;{'100' if need.below else ''}"


def _plain_number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def one_line(text: str) -> str:
    """A bar would begin performance data, a line break the next line."""
    return " ".join(text.replace("|", "/").split())


# Prometheus text for node_exporter's textfile collector

_OUTCOME = {"ok": 0, "warn": 1, "fail": 2, "unknown": 3}
_FAMILIES = (
    ("failover_host_state", "State of a mail host: 0 healthy, 1 degraded, 2 failed, 3 unknown."),
    ("failover_signal_outcome", "How a signal was judged: 0 ok, 1 warn, 2 fail, 3 unknown."),
    ("failover_signal_value", "What was measured, in the signal's unit; absent when nothing was."),
    ("failover_last_look_timestamp_seconds", "When the look began."),
)


def prometheus(seen: Seen) -> str:
    rows: dict[str, list[str]] = {name: [] for name, _ in _FAMILIES}
    for h in seen.hosts:
        rows["failover_host_state"].append(f"{_labels(host=h)} {EXIT[seen.found[h].state]}")
    for s in seen.samples:
        labels = _labels(host=s.host, signal=s.name, vantage=s.vantage)
        rows["failover_signal_outcome"].append(f"{labels} {_OUTCOME[s.outcome]}")
        if isinstance(s.value, int | float):
            rows["failover_signal_value"].append(f"{labels} {float(s.value)!r}")
    rows["failover_last_look_timestamp_seconds"].append(f" {seen.at.timestamp():.3f}")
    return "".join(
        f"# HELP {name} {help_}\n# TYPE {name} gauge\n" + "".join(f"{name}{row}\n" for row in rows[name])
        for name, help_ in _FAMILIES
    )


def _labels(**labels: str) -> str:
    escaped = (f'{k}="{v.translate(_ESCAPED)}"' for k, v in labels.items())
    return "{" + ",".join(escaped) + "}"


_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
