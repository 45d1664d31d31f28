"""Prometheus text for node_exporter's textfile collector, which wants it whole and without timestamps.

The format: https://prometheus.io/docs/instrumenting/exposition_formats/, "Text-based format".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from failover.cli.check_formats import EXIT, domain_states
from failover.core.fleet import Fleet
from failover.core.observe.diagnosis import Diagnosis
from failover.core.observe.signal import Samples, Signal
from failover.ports import Store
from failover.signals import UNMEASURED


@dataclass(frozen=True, slots=True)
class Standing:
    """The controller's state. `paused`: hosts that it may not act on. `blocked`: something is bad and it may not help;
    None before its first cycle has ended."""

    paused: frozenset[str] = frozenset()
    blocked: bool | None = None
    mitigations: int = 0
    open_runs: int = 0


def standing_of(fleet: Fleet, store: Store, now: datetime) -> Standing:
    """Reads only. Raises what the store raises."""
    from failover.runs.history import past

    kept, cycle = past(store, fleet, (), now), store.cycle()
    paused = {name for p in kept.pauses for name in ((p.host,) if p.host else fleet.hosts)}
    return Standing(
        frozenset(paused),
        cycle.blocked if cycle else None,
        len(kept.standing),
        sum(ran.open for ran in kept.ran),
    )


_OUTCOME = {"ok": 0, "warn": 1, "fail": 2, "unknown": 3}
_HELP = {
    "failover_host_state": "State of a mail host: 0 healthy, 1 degraded, 2 failed, 3 unknown.",
    "failover_domain_state": "State of a domain's MX at its name servers: 0 healthy, 1 degraded, 2 failed, 3 unknown.",
    "failover_signal_outcome": "How a signal was judged: 0 ok, 1 warn, 2 fail, 3 unknown.",
    "failover_signal_value": "What was measured, in the signal's unit; absent when nothing was.",
    "failover_last_look_timestamp_seconds": "When the newest look began.",
    "failover_paused": "Whether the controller is paused for a host.",
    "failover_blocked": "Whether at the controller's last cycle something was bad and it could not or may not help.",
    "failover_mitigations_in_force": "Runs whose changes stand and are not undone yet.",
    "failover_open_runs": "Runs that nobody has closed.",
}


def prometheus(
    fleet: Fleet, samples: Samples, diagnoses: Mapping[str, Diagnosis], *, standing: Standing | None = None
) -> str:
    """The newest look at each host and domain. Without `standing` its metrics are absent: unknown is not zero."""
    rows: dict[str, list[str]] = {name: [] for name in _HELP}
    for name, row in (*_seen(fleet, samples, diagnoses), *(_kept(fleet, standing) if standing else ())):
        rows[name].append(f"{name}{row}\n")
    return "".join(
        f"# HELP {name} {_HELP[name]}\n# TYPE {name} gauge\n" + "".join(lines) for name, lines in rows.items() if lines
    )


def _seen(fleet: Fleet, samples: Samples, diagnoses: Mapping[str, Diagnosis]) -> Iterator[tuple[str, str]]:
    for host, found in diagnoses.items():
        yield "failover_host_state", f"{_labels(host=host)} {EXIT[found.state]}"
    for domain, found in domain_states(fleet, samples).items():
        yield "failover_domain_state", f"{_labels(domain=domain)} {EXIT[found.state]}"
    for s in _newest(samples):
        subject = {"domain": s.host} if s.host in fleet.domains else {"host": s.host}
        labels = _labels(**subject, signal=s.name, vantage=s.vantage)
        yield "failover_signal_outcome", f"{labels} {_OUTCOME[s.outcome]}"
        if isinstance(s.value, int | float):
            yield "failover_signal_value", f"{labels} {float(s.value)!r}"
    if samples:
        yield "failover_last_look_timestamp_seconds", f" {max(s.at for s in samples).timestamp():.3f}"


def _newest(samples: Samples) -> list[Signal]:
    """One per series, of the newest look at each host only. Log positions are left out."""
    last = {s.host: max(t.at for t in samples if t.host == s.host) for s in {s.host: s for s in samples}.values()}
    shown = (s for s in samples if s.at == last[s.host] and s.name not in UNMEASURED)
    return list({(s.host, s.name, s.vantage): s for s in shown}.values())


def _kept(fleet: Fleet, standing: Standing) -> Iterator[tuple[str, str]]:
    for host in fleet.hosts:
        yield "failover_paused", f"{_labels(host=host)} {int(host in standing.paused)}"
    if standing.blocked is not None:
        yield "failover_blocked", f" {int(standing.blocked)}"
    yield "failover_mitigations_in_force", f" {standing.mitigations}"
    yield "failover_open_runs", f" {standing.open_runs}"


def _labels(**labels: str) -> str:
    escaped = (f'{k}="{v.translate(_ESCAPED)}"' for k, v in labels.items())
    return "{" + ",".join(escaped) + "}"


_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
