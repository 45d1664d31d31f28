"""script/judge: plays the nights in several processes, and prints the figures."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
import traceback
from collections.abc import Sequence

from tests.judge import report
from tests.judge.classes import CLASSES
from tests.judge.grade import Verdict
from tests.judge.night import OURS, Night, play
from tests.judge.players import NAIVE

Task = tuple[str, int, str]
VARIATIONS = 40


def main(argv: Sequence[str] | None = None) -> int:
    """1 if a night did harm, or could not be played to its end."""
    o = _options().parse_args(argv)
    if o.list:
        print(*(f"{c.name:<24}{c.sort.value:<28}{c.about}" for c in CLASSES.values()), sep="\n")
        return 0
    chosen, first = o.classes or list(CLASSES), o.seed or 1
    seeds = range(first, first + (o.variations or (1 if o.seed is not None else VARIATIONS)))
    if o.verbose:
        for name in chosen:
            for seed in seeds:
                _replay(name, seed)
        return 0
    players = [OURS] if o.alone else [OURS, *NAIVE]
    tasks = [(name, seed, who) for name in chosen for seed in seeds for who in players]
    began = time.monotonic()
    nights = _played(tasks, o.jobs)
    took = time.monotonic() - began
    if o.json:
        print(json.dumps(report.values(nights), indent=1))
    else:
        print(report.text(nights))
        print(f"\n{len(nights)} of {len(tasks)} nights of {len(chosen)} classes in {took:.0f} s, {o.jobs} processes")
    harmful = any(n.grade.verdict is Verdict.HARMFUL for n in nights if n.player == OURS)
    return int(harmful or len(nights) < len(tasks))


def _options() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="script/judge", description="How well does the controller judge? Nights, graded.")
    p.add_argument("--class", dest="classes", action="append", choices=list(CLASSES), metavar="NAME")
    p.add_argument("--variations", type=int, default=None, metavar="N", help="nights of each class (default 40)")
    p.add_argument("--seed", type=int, default=None, metavar="N", help="the first seed; alone: just this one")
    p.add_argument("--jobs", type=int, default=2, metavar="N")
    p.add_argument("--alone", action="store_true", help="without the naive contestants")
    p.add_argument("--json", action="store_true")
    p.add_argument("--list", action="store_true", help="the classes")
    p.add_argument("-v", "--verbose", action="store_true", help="tell each night, look by look")
    return p


def _played(tasks: list[Task], jobs: int) -> list[Night]:
    if jobs <= 1:
        found = list(map(_one, tasks))
    else:
        with multiprocessing.get_context("fork").Pool(jobs) as pool:
            found = list(pool.imap_unordered(_one, tasks, chunksize=2))
    return sorted((n for n in found if n), key=lambda n: (list(CLASSES).index(n.name), n.seed, n.player != OURS))


def _one(task: Task) -> Night | None:
    """A night in which the program itself fails is told, and ends no other; it counts as not played."""
    try:
        return play(*task)
    except Exception:
        print(traceback.format_exc(), file=sys.stderr)
        return None


def _replay(name: str, seed: int) -> None:
    night = play(name, seed, told=print)
    print(f"\n{name} --seed {seed}: {CLASSES[name].about}\n  {night.story}")
    for deed in night.deeds:
        print(f"  did   {deed}")
    for page in night.pages:
        print(f"  told  {page.at:.0f} s {page.title}", *page.text.splitlines(), sep="\n          ")
    print(f"  {night.grade.verdict.value}: {night.grade.why or 'as it should be'}")


if __name__ == "__main__":
    sys.exit(main())
