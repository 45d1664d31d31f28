"""A look as one JSON document or as the lines of a Nagios plugin; and the line of a domain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from failover.cli.diagnosis_text import headline, plain_headline
from failover.cli.output import json_text
from failover.core.observe.diagnosis import Diagnosis, State
from failover.core.observe.signal import Outcome, Samples, Signal, latest, worst
from failover.core.plain import plain
from failover.signals import OF_DOMAINS, SIGNALS

if TYPE_CHECKING:
    from failover.core.decide.verdict import Verdict
    from failover.core.fleet import Fleet
    from failover.signals.debts import Debt

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
    domains: dict[str, Diagnosis]
    debts: Mapping[str, tuple[Debt, ...]] = field(default_factory=dict)
    """Debts by host; a host with an older helper does not tell."""

    @property
    def judged(self) -> tuple[Diagnosis, ...]:
        """The names that were looked at: hosts, then domains."""
        return (*(self.found[h] for h in self.hosts), *self.domains.values())

    @property
    def worst(self) -> State:
        return max((d.state for d in self.judged), key=_WORRY.index, default=State.UNKNOWN)


_OF_A_DOMAIN = {
    Outcome.OK: State.HEALTHY,
    Outcome.WARN: State.DEGRADED,
    Outcome.UNKNOWN: State.UNKNOWN,
    Outcome.FAIL: State.FAILED,
}


def domain_states(fleet: Fleet, samples: Samples) -> dict[str, Diagnosis]:
    """Each domain that was looked at, by the newest look; in the order of hosts.yaml."""
    newest = {name: worst(s for of in OF_DOMAINS for s in latest(samples, name, of)) for name in fleet.domains}
    return {n: Diagnosis(n, _OF_A_DOMAIN[s.outcome], None, s.reason, (s,)) for n, s in newest.items() if s is not None}


def domain_lines(domains: Mapping[str, Diagnosis], *, verbose: bool) -> list[str]:
    """A line for each domain that is not right; with `-v` for all."""
    right = State.HEALTHY
    return [
        headline(d) + (f": {d.summary}" if d.state is right else "")
        for d in domains.values()
        if verbose or d.state is not right
    ]


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
                "debts": debts_json(seen.debts.get(h)),
            }
            for h in seen.hosts
        },
        "domains": {name: _domain(seen, name) for name in seen.fleet.domains},
        "decision": {
            "kind": v.kind.value,
            "playbook": v.playbook,
            "host": v.host,
            "because": list(v.because),
        },
    }


def debts_json(debts: Iterable[Debt] | None) -> list[dict[str, Any]] | None:
    """None: the host did not tell."""
    return None if debts is None else [_debt(d) for d in debts]


def _debt(d: Debt) -> dict[str, Any]:
    return {
        "kind": d.kind,
        "run": d.run,
        "step": d.step,
        "since": plain(datetime.fromtimestamp(d.since, UTC)),
        "messages": d.messages,
        "settings": list(d.settings),
        "config_dir": d.config_dir,
        "busy": d.busy,
        "unsure": d.unsure,
        "says": d.says,
        "discharge": d.discharge,
    }


def _domain(seen: Seen, name: str) -> dict[str, Any]:
    """A domain that was not looked at has neither state nor signals."""
    declared, looked = seen.fleet.domains[name], seen.domains.get(name)
    return {
        "state": looked.state.value if looked else None,
        "dns": declared.dns.kind,
        "servers": list(declared.servers),
        "signals": {s.name: _signal([s]) for s in looked.evidence_for} if looked else {},
    }


def _signal(many: list[Signal]) -> dict[str, Any]:
    """The worst vantage; if there are several, all are listed."""
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
    """Whole numbers without a fraction, others to the microsecond: more was never measured."""
    return int(value) if value.is_integer() else round(value, 6)


# Nagios plugin output: https://nagios-plugins.org/doc/guidelines.html, "Plugin Output" and "Performance data"

_STATUS = {State.HEALTHY: "OK", State.DEGRADED: "WARNING", State.FAILED: "CRITICAL", State.UNKNOWN: "UNKNOWN"}


def nagios_lines(seen: Seen) -> list[str]:
    """`STATUS: text | 'label'=value[UOM];warn;crit;min;max`, then a line per signal that is not ok."""
    troubled = [d for d in seen.domains.values() if d.state is not State.HEALTHY]
    text = "; ".join(plain_headline(d) for d in (*(seen.found[h] for h in seen.hosts), *troubled))
    subjects = (*seen.hosts, *seen.domains)
    measured = [_perf(s) for h in subjects for s in _worst_of_each(seen, h) if isinstance(s.value, int | float)]
    detail = [s for h in seen.hosts for s in (*seen.found[h].evidence_for, *seen.found[h].latent)]
    first = f"{_STATUS[seen.worst]}: {one_line(text)} | {' '.join(measured)}"
    return [first, *(one_line(f"{s.host} {s.name} {s.outcome} from {s.vantage}: {s.reason}") for s in detail)]


def _worst_of_each(seen: Seen, host: str) -> Iterable[Signal]:
    return (s for many in _by_name(seen, host).values() if (s := worst(many)) is not None)


def _perf(s: Signal) -> str:
    kind = SIGNALS[s.name]
    limits = ("" if n is None else _plain_number(n) + ":" * kind.below for n in (kind.warn, kind.fail))
    unit = s.unit if s.unit in {"s", "%"} else ""
    most = "100" if kind.below and unit == "%" else ""
    label = f"{s.host} {s.name}".replace("'", "''").replace("=", "")
    return f"'{label}'={_plain_number(float(s.value or 0))}{unit};{';'.join(limits)};0;{most}"


def _plain_number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def one_line(text: str) -> str:
    """A bar would begin performance data, a line break the next line."""
    return " ".join(text.replace("|", "/").split())
