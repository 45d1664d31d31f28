"""`python -m benchmarks [NAME...] [--json]`: the table of figures. Exit 0 when every one was measured, met or not."""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Iterator

from benchmarks.figure import Figure
from benchmarks.ground import Ground, ground

NAMES = ("start", "journal", "history", "look", "remedy", "many")


def main() -> None:
    options = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    options.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all without one")
    options.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    options.add_argument("--name", default="bench", help="of the lab it is measured on; default: %(default)s")
    given = options.parse_args()
    if unknown := set(given.names) - set(NAMES):
        options.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    with ground(given.name) as here:
        found = list(_told(here, given.names or NAMES, quiet=given.json))
    if given.json:
        print(json.dumps([f.document() for f in found], indent=2))


def _told(here: Ground, names: list[str] | tuple[str, ...], *, quiet: bool) -> Iterator[Figure]:
    if not quiet:
        print(LINE.format("what", "beside", "ours", "peer", "ratio", "aim", ""))
    for name in names:
        for figure in importlib.import_module(f"benchmarks.{name}").figures(here):
            if not quiet:
                print(_line(figure), flush=True)
            yield figure


LINE = "{:<56} {:<32} {:>10} {:>10} {:>6} {:>7}  {}"


def _line(f: Figure) -> str:
    ours, peer = (f"{v:.3g} {f.unit}" if v is not None else "" for v in (f.ours, f.peer))
    ratio = f"{f.ratio:.2f}" if f.ratio is not None else ""
    aim = f"≤ {f.most:g}" if f.ratio is not None else f"≤ {f.most:g} {f.unit}"
    return LINE.format(f.what, f.beside, ours, peer, ratio, aim, "" if f.met else "missed").rstrip()


if __name__ == "__main__":
    main()
