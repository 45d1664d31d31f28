"""Is there a line of the decision code that no test looks at? mutmut changes it in one place at a time, and asks.

Played in a copy, by the tables of tests/cases alone: the searched laws would find more, and take too long. Mutants that
make no difference are named in tests/mutants.yaml, each with the reason. mutmut leaves properties alone.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
MODULES = (
    *("alerting.advice", "alerting.flapping", "alerting.incident_alerts", "alerting.run_alerts", "alerting.severity"),
    *("decide.candidates", "decide.failback", "decide.guards", "decide.one_run", "decide.past", "decide.verdict"),
    *("observe.condition", "observe.diagnosis", "runs.leaving", "runs.targets"),
)
TESTS = (
    "alert",
    "incident_alerts",
    "condition",
    "decisions",
    "diagnosis",
    "leaving",
    "partial",
    "failback",
    "verdict",
    "one_run",
)
COPIED = ("failover", "tests", "playbooks", "pyproject.toml")
UNNOTICED = {0, 33}
"""mutmut's exit codes for a mutant that survived, and for one that no test comes near."""
AT_MOST_S = 3600
CONFIG = """\
[mutmut]
source_paths=failover
only_mutate=
{modules}
also_copy=
    playbooks
pytest_add_cli_args_test_selection=
{tests}
"""


@dataclass(frozen=True, slots=True)
class Survivor:
    """`line` became `becomes`, in `module`, and no test noticed."""

    name: str
    line: str
    becomes: str

    @property
    def module(self) -> str:
        return ".".join(self.name.split(".")[2:4])


def main() -> None:
    args = _arguments()
    known = yaml.safe_load((ROOT / "tests" / "mutants.yaml").read_text())
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder)
        _lay_out(copy, args.modules)
        said = _mutmut(copy, "run", "none-is-called-so")  # makes them all and measures the tests, but runs none
        everything = sorted(_results(copy))
        if not everything:
            sys.exit(f"{said[-2000:]}\nmutmut made no mutants")
        chosen = everything if args.all else random.Random(args.seed).sample(everything, args.sample)
        _mutmut(copy, "run", "--max-children", str(args.jobs), *chosen)
        found = _results(copy)
        survivors = [_survivor(copy, name) for name in sorted(chosen) if found[name] in UNNOTICED]
        missed = [name for name in chosen if found[name] is None]
    if missed:
        sys.exit(f"{len(missed)} mutants were not played: do the tests pass without any?")
    _report(args, len(everything), len(chosen), survivors, known)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/mutants", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sample", type=int, default=400, help="so many of them (default 400)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000), help="which ones")
    parser.add_argument("--all", action="store_true", help="all of them, instead of a sample")
    parser.add_argument("--jobs", type=int, default=1, help="processes at once")
    parser.add_argument("--at-least", type=float, default=95.0, help="per cent that have to be noticed")
    parser.add_argument("modules", nargs="*", default=MODULES, help=f"of failover.core: {', '.join(MODULES)}")
    return parser.parse_args()


def _lay_out(copy: Path, modules: Iterable[str]) -> None:
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy / name)
    chosen = "\n".join(f"    failover/core/{m.replace('.', '/')}.py" for m in modules)
    tests = "\n".join(f"    tests/core/test_{t}.py" for t in TESTS)
    (copy / "setup.cfg").write_text(CONFIG.format(modules=chosen, tests=tests))


def _mutmut(copy: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "mutmut", *arguments]
    ran = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=AT_MOST_S, check=False)
    return ran.stdout + ran.stderr


def _results(copy: Path) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for meta in (copy / "mutants").rglob("*.meta"):
        found |= json.loads(meta.read_text())["exit_code_by_key"]
    return found


def _survivor(copy: Path, name: str) -> Survivor:
    changed = [x for x in _mutmut(copy, "show", name).splitlines() if x[:3] not in {"---", "+++"}]
    went, came = (" ".join(x[1:].strip() for x in changed if x.startswith(sign)) for sign in "-+")
    return Survivor(name, went, came)


def _is(s: Survivor, known: Mapping[str, str]) -> bool:
    return (s.module, s.becomes, s.line) == (known["module"], known["becomes"], known.get("was", s.line))


def _report(
    args: argparse.Namespace, of: int, chosen: int, survivors: Sequence[Survivor], known: Sequence[Mapping[str, str]]
) -> None:
    same = [s for s in survivors if any(_is(s, k) for k in known)]
    said = [f"not noticed: {s.name}\n  - {s.line}\n  + {s.becomes}\n" for s in survivors if s not in same]
    rate = 100 * (chosen - len(survivors)) / max(1, chosen - len(same))
    which = "all" if args.all else f"seed {args.seed}: {chosen} of"
    said.append(f"{which} {of} mutants; {len(same)} make no difference; {rate:.1f} % of the others were noticed\n")
    sys.stdout.writelines(said)
    sys.exit(rate < args.at_least)


if __name__ == "__main__":
    main()
