"""`failover run` and `failover plan`: recommend, show the plan, ask, act."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from failover.cli import wiring
from failover.cli.options import JSON, YES, Options, options
from failover.errors import ConfigError, Refused

if TYPE_CHECKING:
    from failover.core.runs.plan import Plan
    from failover.runs.service import Runs

PLAYBOOK = typer.Argument(None, metavar="[PLAYBOOK]", help="a name (see: failover playbooks) or a path")
SET = typer.Option([], "--set", metavar="K=V", help="a parameter of the playbook; may be repeated")


def run(
    ctx: typer.Context,
    playbook: str | None = PLAYBOOK,
    set_: list[str] = SET,
    dry_run: bool = typer.Option(False, "--dry-run", help="show the plan, change nothing (exit 10: there are changes)"),
    plan_file: Path | None = typer.Option(None, "--plan", metavar="FILE", help="apply exactly this plan, or refuse"),
    out: Path | None = typer.Option(None, "--out", metavar="FILE", help="with --dry-run: save the plan for --plan"),
    yes: YES = False,
    reason: str = typer.Option("", metavar="TEXT", help="recorded with the run"),
    key: str | None = typer.Option(
        None,
        metavar="K",
        help="yes to the controller's question K; else: a second call with the same key returns the first run",
    ),
    as_json: JSON = False,
    events: bool = typer.Option(False, "--events", help="print one JSON object a line as things happen"),
) -> None:
    """Cure an incident. Without a name: look, recommend a playbook, show its plan, ask."""
    opts = options(ctx)
    given = _given(set_)
    with wiring.controller(opts) as c:
        if first := c.by_key(key):
            _end(c, first.id, as_json=as_json, events=events)
        if playbook is None and plan_file is None and key is not None:
            plan = _answered(c, opts, key)
        else:
            plan = _plan(c, opts, playbook, given, plan_file, quiet=as_json or events)
        if dry_run:
            _dry_run(plan, out, as_json=as_json)
        if not plan.changes:
            _nothing_to_do(plan, as_json=as_json)
        if not (as_json or events):
            _show(plan, opts)
        _ask(yes)
        _go(c, plan, reason=reason, key=key, as_json=as_json, events=events)


def plan(
    ctx: typer.Context,
    playbook: str | None = PLAYBOOK,
    set_: list[str] = SET,
    out: Path | None = typer.Option(None, "--out", metavar="FILE", help="save the plan for: failover run --plan FILE"),
    as_json: JSON = False,
) -> None:
    """Show what `run` would do, made of live reads; change nothing. Exit 10: there are changes, 0: none."""
    opts = options(ctx)
    with wiring.controller(opts) as c:
        made = _plan(c, opts, playbook, _given(set_), None, quiet=as_json)
        _dry_run(made, out, as_json=as_json)


def _given(pairs: list[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for pair in pairs:
        name, eq, value = pair.partition("=")
        if not eq or not name:
            raise ConfigError(f"--set takes NAME=VALUE, found {pair!r}", try_="for example --set sick=mx1")
        if name in given:
            raise ConfigError(f"--set gives {name!r} twice", try_="give it once")
        given[name] = value
    return given


def _plan(c: Runs, opts: Options, name: str | None, given: dict[str, str], file: Path | None, *, quiet: bool) -> Plan:
    if file is not None:
        return _approved(c, opts, file)
    if name is not None:
        return c.plan(wiring.playbook(opts, name), given)
    if given:
        raise ConfigError("--set needs a playbook to set it for", try_="failover run PLAYBOOK --set k=v")
    return _recommended(c, opts, quiet=quiet)


def _approved(c: Runs, opts: Options, file: Path) -> Plan:
    """The plan in the file, read again and found unchanged."""
    from failover.adapters.plan_file import load_plan

    return _unchanged(c, opts, load_plan(file))


def _answered(c: Runs, opts: Options, key: str) -> Plan:
    """The plan that the controller asked about, read again and found unchanged."""
    asked = c.store.proposal(key)
    if asked is None:
        raise ConfigError(f"the controller asked no question {key!r}", try_="name a playbook, or see: failover status")
    if asked.until <= c.now:
        raise Refused(
            f"the question {key} ended at {asked.until:%H:%M} UTC",
            try_="`failover run` looks afresh; the controller asks again while it is bad",
        )
    return _unchanged(c, opts, asked.plan)


def _unchanged(c: Runs, opts: Options, approved: Plan) -> Plan:
    given = {k: str(v) for k, v in approved.params.items()}
    c.same(approved, c.plan(wiring.playbook(opts, approved.playbook), given))
    return approved


def _recommended(c: Runs, opts: Options, *, quiet: bool) -> Plan:
    """Look, say what is wrong, and plan the cure. Exit 0 when nothing is wrong, 4 when no playbook may start."""
    from failover.cli import diagnosis_text, status
    from failover.core.alerting import incident_alerts
    from failover.core.decide.verdict import Decision

    books = wiring.playbooks(opts)
    verdict, situation = c.recommend(books)
    if not quiet:
        open_ = [status.open_line(run) for run in status.open_runs(c)]
        print("\n".join([*open_, *diagnosis_text.lines(c.ports.fleet, situation.samples, verdict)]))
    if verdict.kind is Decision.HOLD:
        if quiet:
            print(json.dumps({"version": 1, "decision": {"kind": "hold", "because": list(verdict.because)}}))
        raise typer.Exit(0)
    if verdict.kind is Decision.PAGE or verdict.playbook is None:
        raise Refused(
            f"{verdict.playbook} would help, but may not start: {'; '.join(verdict.because)}",
            try_="nothing was changed; a person is needed on the host, see `failover check -v`",
        )
    if not quiet:
        print()
    plan = c.plan(next(b for b in books if b.name == verdict.playbook), dict(verdict.params or {}))
    return replace(plan, incident=incident_alerts.incident(situation, verdict))


def _dry_run(plan: Plan, out: Path | None, *, as_json: bool) -> None:
    from failover.cli import plan_text
    from failover.core.runs.report import plan_document

    if out is not None:
        from failover.adapters.plan_file import save_plan

        save_plan(plan, out)
    if as_json:
        print(json.dumps(plan_document(plan), indent=2))
    else:
        print("\n".join(plan_text.lines(plan, verbose=True)))
        print(f"Nothing was changed. Plan {plan.fingerprint}" + (f" saved to {out}." if out else "."))
    raise typer.Exit(10 if plan.changes else 0)


def _nothing_to_do(plan: Plan, *, as_json: bool) -> None:
    from failover.core.runs.report import plan_document

    if as_json:
        print(json.dumps({**plan_document(plan), "state": "unchanged"}, indent=2))
    else:
        print(f"{plan.playbook}: everything already reads as wanted; nothing was done.")
    raise typer.Exit(0)


def _show(plan: Plan, opts: Options) -> None:
    from failover.cli import plan_text

    print("\n".join(plan_text.lines(plan, verbose=opts.verbose > 0)), flush=True)


def _ask(yes: bool) -> None:
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Refused("nobody is here to ask, and --yes was not given; nothing was changed", try_="add --yes")
    if not typer.confirm("Go on?", default=False):
        raise Refused("declined; nothing was changed", try_="`failover plan --out FILE` keeps a plan for later")


def _go(c: Runs, plan: Plan, *, reason: str, key: str | None, as_json: bool, events: bool) -> None:
    from failover.cli import progress

    c.engine.tell = progress.tell_machines if events else progress.tell_nobody if as_json else progress.tell_people
    with progress.stoppable() as stopper:
        c.engine.stop = stopper.why
        record, _ = c.run(plan, reason=reason, key=key)
    _end(c, record.id, as_json=as_json, events=events, interrupted=stopper.asked is not None)


def _end(c: Runs, run: str, *, as_json: bool, events: bool, interrupted: bool = False) -> None:
    from failover.cli import run_text

    run_text.end(c, c.find(run), as_json=as_json, events=events, interrupted=interrupted)
