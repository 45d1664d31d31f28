"""A look for on-call: per host a headline, what is wrong, and what speaks against other causes."""

from __future__ import annotations

from collections.abc import Iterable

from failover.cli.output import paint, table
from failover.core.alerting.debts import FORCE
from failover.core.decide.verdict import Decision, Verdict
from failover.core.fleet import Fleet, Host, SpamEngine
from failover.core.observe.diagnosis import Diagnosis, State, diagnose_all
from failover.core.observe.signal import CONTROLLER, Outcome, Samples, Signal, latest

_HEADLINE = {
    State.HEALTHY: ("is healthy", "green"),
    State.DEGRADED: ("is degraded", "yellow"),
    State.UNKNOWN: ("cannot be judged", "magenta"),
    State.FAILED: ("is failing", "red"),
}


def lines(
    fleet: Fleet, samples: Samples, verdict: Verdict, *, hosts: Iterable[str] | None = None, verbose: bool = False
) -> list[str]:
    found = diagnose_all(fleet, samples)
    out: list[str] = []
    for name in fleet.hosts if hosts is None else hosts:
        out += [headline(found[name]), *_body(found[name], fleet.hosts[name], samples, verbose=verbose)]
    return [*out, *decision(verdict)]


def headline(d: Diagnosis) -> str:
    said, colour = _HEADLINE[d.state]
    return plain_headline(d).replace(said, paint(said, colour), 1)


def plain_headline(d: Diagnosis) -> str:
    said, _ = _HEADLINE[d.state]
    return f"{d.host} {said}" + ("" if d.state is State.HEALTHY else f": {d.summary}")


def _body(d: Diagnosis, host: Host, samples: Samples, *, verbose: bool) -> list[str]:
    shown: Samples = (*d.evidence_for, *d.latent)
    if verbose:
        newest = {(s.name, s.vantage): s for s in samples if s.host == d.host}
        shown = tuple(dict.fromkeys((*shown, *newest.values())))
    rows = [_row(s) for s in shown] if verbose else folded(shown)
    rows += [("in force", "", s.reason, "") for s in latest(samples, host.name, FORCE) if s.value and s not in shown]
    if d.evidence_against:
        rows.append(("against", "", ", ".join(d.evidence_against), ""))
    if verbose:
        rows.append(("assumed", "", _assumed(host), ""))
    return table(rows)


def _row(s: Signal) -> tuple[str, str, str, str]:
    where = "" if s.vantage == s.host else f"from {'here' if s.vantage == CONTROLLER else s.vantage}"
    return (s.name, s.outcome.value, s.reason, where)


def folded(shown: Samples) -> list[tuple[str, str, str, str]]:
    """Signals that are unknown for the same reason are one row."""
    groups: dict[object, list[Signal]] = {}
    for s in shown:
        groups.setdefault(s.reason if s.outcome is Outcome.UNKNOWN else s, []).append(s)
    rows = []
    for group in groups.values():
        name, *rest = _row(group[0])
        more = f" and {len(group) - 1} more" if len(group) > 1 else ""
        rows.append((name + more, rest[0], rest[1], rest[2]))
    return rows


def _assumed(host: Host) -> str:
    """Notes on what hosts.yaml leaves open, and what is done then."""
    if host.spam is None:
        spam = "spam filter not declared: an SMTP or LMTP filter by itself, else 127.0.0.1:783, if any"
    elif host.spam.engine is SpamEngine.NONE:
        spam = "no spam filter"
    else:
        spam = f"{host.spam.engine} at {host.spam.address}"
    handler = f"handler at {host.handler.address}" if host.handler else "handler not looked at (not declared)"
    return f"{spam}; {handler}; Postfix in {host.postfix.config_dir}"


def decision(v: Verdict) -> list[str]:
    """The controller's decision for now, with reasons; nothing is done."""
    match v.kind:
        case Decision.RUN:
            given = "".join(f" --set {name}={value}" for name, value in (v.params or {}).items())
            would = f"would run: failover run {v.playbook}{given}"
        case Decision.PAGE:
            would = (
                f"would page a person: {v.playbook} would help{f' on {v.host}' if v.host else ''}, but may not start"
            )
        case _:
            would = "would hold"
    return [would, *(f"  {because}" for because in v.because)]
