"""`failover status`, `pause` and `unpause`, and what `failover` alone says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import typer

from failover.cli import wiring
from failover.cli.options import JSON, options
from failover.core.words import duration, seconds
from failover.errors import ConfigError

if TYPE_CHECKING:
    from failover.actions.base import Mitigation
    from failover.core.fleet import Host
    from failover.core.runs.plan import Step
    from failover.runs.service import Runs
    from failover.signals.debts import Owed

UNDATED = "recorded ahead of the clock; the next `failover tick` gives it a time to count from"


def status(ctx: typer.Context, as_json: JSON = False) -> None:
    """Mitigations in force (re-read from the hosts) and their expiry, open runs, pauses."""
    with wiring.controller(options(ctx)) as c:
        found = document(c)
    print(json.dumps(found, indent=2) if as_json else "\n".join(lines(found)))


def overview(ctx: typer.Context) -> None:
    """`failover` alone: status, and what it would do now."""
    from failover.cli import diagnosis_text

    opts = options(ctx)
    with wiring.controller(opts) as c:
        print("\n".join(lines(document(c))))
        verdict, seen = c.recommend(wiring.playbooks(opts))
        print("\n".join(diagnosis_text.lines(c.ports.fleet, seen.samples, verdict)))


def _owed(c: Runs) -> dict[str, Owed]:
    """Debts by the hosts' own word; all hosts are asked at once."""
    from concurrent.futures import ThreadPoolExecutor
    from functools import partial

    from failover.signals import debts

    hosts = tuple(c.ports.fleet.hosts.values())
    with ThreadPoolExecutor(min(16, len(hosts) or 1), thread_name_prefix="debts") as pool:
        return {h.name: o for h, o in zip(hosts, pool.map(partial(debts.ask, c.ports.remote), hosts), strict=True)}


def _host(c: Runs, h: Host, owed: Owed, standing: Mapping[tuple[str, str], Step]) -> dict[str, Any]:
    from failover.cli.check_formats import debts_json

    debts = debts_json(owed.debts)
    for d in debts or ():
        d["recorded"] = _recorded(c, d["run"], d["step"], standing)
        if d["recorded"] == "in force":
            d["discharge"] = f"failover rollback {d['run']}"
    return {"role": h.role.value, "address": h.address, "debts": debts, "debts_unknown": owed.why or None}


def _recorded(c: Runs, run: str, step: str, standing: Mapping[tuple[str, str], Step]) -> str:
    """Our records on this step: in force; in force, but hosts.yaml leads elsewhere; not in force; or no such run."""
    from failover.runs.in_force import lost

    if (known := standing.get((run, step))) is not None:
        return "elsewhere" if lost(known, c.ports) else "in force"
    return "not in force" if c.store.run(run) is not None else "unknown"


def document(c: Runs) -> dict[str, Any]:
    from failover.runs import history

    owed, mitigations = _owed(c), c.mitigations()
    standing = {(m.run, m.step.id): m.step for m in mitigations}
    return {
        "version": 1,
        "at": c.now.isoformat(timespec="seconds"),
        "hosts": {h.name: _host(c, h, owed[h.name], standing) for h in c.ports.fleet.hosts.values()},
        "mitigations": [_mitigation(c, m) for m in mitigations],
        "open_runs": open_runs(c),
        "unreadable_runs": [s.run for s in history.unreadable(c.store)],
        "undated_runs": list(history.undated(c.store, c.now)),
        "questions": [
            {
                "key": p.key,
                "playbook": p.plan.playbook,
                "host": p.host,
                "until": p.until.isoformat(timespec="seconds"),
                "yes": f"failover run --key {p.key}",
            }
            for p in c.store.proposals(c.now)
            if c.by_key(p.key) is None
        ],
        "last_cycle": _cycle(c),
        "pauses": [
            {"host": p.host, "by": p.by, "reason": p.reason, "until": p.until.isoformat(timespec="seconds")}
            for p in c.store.pauses(c.now)
        ],
    }


def open_runs(c: Runs) -> list[dict[str, Any]]:
    at_work = c.at_work()
    return [
        {
            "run": r.id,
            "playbook": r.plan.playbook,
            "hosts": list(r.plan.hosts),
            "state": v.state.value,
            "because": v.because,
            "at_work": at_work.get(r.id),
        }
        for r, v in c.open_runs()
    ]


def _cycle(c: Runs) -> dict[str, Any] | None:
    last = c.store.cycle()
    if last is None:
        return None
    at = last.at.isoformat(timespec="seconds")
    return {"at": at, "by": last.by, "kind": last.kind, "blocked": last.blocked, "because": list(last.because)}


def _mitigation(c: Runs, m: Mitigation) -> dict[str, Any]:
    left = (m.until - c.now).total_seconds() if m.until else None
    return {
        "run": m.run,
        "step": m.step.id,
        "host": m.step.host,
        "domain": m.step.domain,
        "says": m.step.says,
        "since": m.since.isoformat(timespec="seconds"),
        "until": m.until.isoformat(timespec="seconds") if m.until else None,
        "expired": left is not None and left <= 0,
        "on_host": c.reads(m),
        "undo": f"failover rollback {m.run}",
    }


def lines(found: dict[str, Any]) -> list[str]:
    out = []
    for m in found["mitigations"]:
        until = "no expiry" if m["until"] is None else f"{'expired' if m['expired'] else 'until'} {m['until']}"
        out.append(f"in force on {m['host'] or m['domain']}: {m['says']} ({m['on_host']}), {until}; undo: {m['undo']}")
    out += [open_line(r) for r in found["open_runs"]]
    for run in found["unreadable_runs"]:
        out.append(f"run {run} is open or in force, and what the state holds of it cannot be read")
    if undated := found["undated_runs"]:
        more = f" and {len(undated) - 1} more" if undated[1:] else ""
        out.append(f"run {undated[0]}{more}: {UNDATED}")
    for q in found["questions"]:
        out.append(f"asked until {q['until']}: {q['playbook']} on {q['host']}? yes: {q['yes']}")
    for p in found["pauses"]:
        out.append(f"paused{' on ' + p['host'] if p['host'] else ''} until {p['until']} by {p['by']}: {p['reason']}")
    out += [line for name, h in found["hosts"].items() for line in _debt_lines(name, h)]
    out = out or ["nothing of ours is in force, no run is open, nothing is paused"]
    if last := found["last_cycle"]:
        out.append(f"the controller's last cycle: {last['at']} by {last['by']}, {last['kind']}; see: failover why")
    return out


def open_line(run: dict[str, Any]) -> str:
    from failover.core.runs.journal import RunState

    if run["state"] == RunState.RUNNING and not run["at_work"]:
        return f"open: {run['run']} was interrupted, nobody works on it; next: failover runs resume {run['run']}"
    by = f", by {run['at_work']}" if run["at_work"] else ""
    because = f": {run['because']}" if run["because"] else ""
    return f"open: {run['run']} is {run['state']}{by}{because}; see: failover runs show {run['run']}"


_RECORDED = {
    "not in force": "and our records say that it is not",
    "unknown": "and our records know nothing of it",
    "elsewhere": "and hosts.yaml leads elsewhere from our records of it",
}


def _debt_lines(name: str, host: dict[str, Any]) -> Iterator[str]:
    """Debts that our records do not have."""
    if host["debts"] is None:
        yield f"{name} does not say what it holds of ours: {host['debts_unknown']}"
    for d in host["debts"] or ():
        if d["kind"] == "force" and d["recorded"] in _RECORDED:
            yield f"{name}, by its own word: {d['says']}, {_RECORDED[d['recorded']]}; back: {d['discharge']}"
        elif d["kind"] == "held" and not d["busy"]:
            yield f"{name}, by its own word: {d['says']}; free it: {d['discharge']}"
        elif d["kind"] == "unloaded" and not d["busy"]:
            yield f"{name}, by its own word: {d['says']}; load it: {d['discharge']}"


def pause(
    ctx: typer.Context,
    for_: str = typer.Option(..., "--for", metavar="DURATION", help="how long, for example 2h"),
    reason: str = typer.Option(..., metavar="TEXT", help="shown for as long as it is paused"),
    host: str | None = typer.Option(None, metavar="H", help="only this host"),
) -> None:
    """Observe, but never act, for a while. Recorded with owner, reason and expiry."""
    from failover.ports import Pause
    from failover.runs.service import whoami

    span = seconds(for_)
    if not span:
        raise ConfigError(f"--for takes a duration, found {for_!r}", try_="for example --for 2h")
    with wiring.controller(options(ctx)) as c:
        _known(c, host)
        until = c.now + timedelta(seconds=span)
        c.store.pause(Pause(host, whoami(), reason, c.now, until))
        print(f"paused{' on ' + host if host else ''} for {duration(span)}; end it with: failover unpause")


def unpause(ctx: typer.Context, host: str | None = typer.Option(None, metavar="H", help="only this host's")) -> None:
    """End pauses before their time."""
    with wiring.controller(options(ctx)) as c:
        _known(c, host)
        ended = c.store.unpause(host)
        print("nothing was paused" if not ended else _unpaused(c))


def _unpaused(c: Runs) -> str:
    from failover.core.fleet import Mode

    mode = c.ports.fleet.policy.mode
    acts = {Mode.OBSERVE: "tells, and does not act", Mode.ASK: "asks before it acts", Mode.AUTO: "may act again"}
    return f"unpaused; by the policy of hosts.yaml ({mode.value}) the controller {acts[mode]}"


def _known(c: Runs, host: str | None) -> None:
    if host is not None and host not in c.ports.fleet.hosts:
        raise ConfigError(f"no host {host!r}", try_=f"one of: {', '.join(c.ports.fleet.hosts)}")
