"""`failover why`: what the controller sees, and what it would and would not do, with reasons."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from failover.cli import wiring
from failover.cli.options import JSON, options
from failover.errors import ConfigError

if TYPE_CHECKING:
    from failover.core.decide.candidates import Situation
    from failover.core.runs.playbook import Playbook
    from failover.runs.service import Runs


def why(
    ctx: typer.Context,
    playbook: str | None = typer.Argument(None, metavar="[PLAYBOOK]", help="only this one"),
    as_json: JSON = False,
) -> None:
    """Why the controller did, or did not, act: each condition with its value, its threshold and n of N looks."""
    from failover.cli import why_text
    from failover.controller.observe import peaks_of

    opts = options(ctx)
    books = wiring.playbooks(opts)
    if playbook is not None and playbook not in {b.name for b in books}:
        raise ConfigError(f"no playbook {playbook!r}", try_=f"one of: {', '.join(b.name for b in books)}")
    with wiring.controller(opts, remembers=True) as c:
        seen = situation(c, books)
        peaks = peaks_of(c, seen)
        if as_json:
            print(json.dumps(why_text.document(seen, c.store.cycle(), playbook, peaks), indent=2))
        else:
            print("\n".join(why_text.lines(seen, c.store.cycle(), playbook, peaks)))


def situation(c: Runs, books: tuple[Playbook, ...]) -> Situation:
    """The controller's memory; if it has not looked lately, with one look of our own, which is not stored."""
    from dataclasses import replace

    from failover.controller.observe import last_look, look, remembered

    known = remembered(c, books)
    last = last_look(known.samples)
    if last is not None and (c.now - last).total_seconds() <= c.ports.fleet.policy.fresh_s:
        return known
    return replace(known, samples=(*known.samples, *look(c)), now=c.now)
