"""A copy of the product, to which a test adds a file and a line of a registry. It runs in processes of its own.

What Python compiled is copied too, so that only what was added is compiled again.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
Done = subprocess.CompletedProcess[str]
SEVERAL = """
import contextlib, io, json, os, sys
{first}
from failover.cli import main

def run(words):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(words)
            code = 0
        except SystemExit as e:
            code = e.code or 0
    return words, code, out.getvalue(), err.getvalue()

print(json.dumps([run(words) for words in json.load(sys.stdin)]))
"""


@dataclass(frozen=True, slots=True)
class Product:
    folder: Path

    @classmethod
    def at(cls, folder: Path) -> Product:
        for part in ("failover", "playbooks"):
            shutil.copytree(ROOT / part, folder / part)
        return cls(folder)

    def add(self, package: str, name: str, text: str, *, after: str) -> None:
        """A file of that package, and its line below the line of `after`."""
        registry, line = self.folder / "failover" / package / "__init__.py", f'    "{after}",\n'
        (registry.parent / f"{name}.py").write_text(text)
        assert registry.read_text().count(line) == 1
        registry.write_text(registry.read_text().replace(line, f'{line}    "{name}",\n'))

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def python(self, code: str, *words: str, said: str = "", **environ: str) -> Done:
        env = {**os.environ, "PYTHONPATH": f"{self.folder}:{ROOT}", **environ}
        argv = [sys.executable, "-c", code, *words]
        return subprocess.run(argv, input=said, cwd=self.folder, env=env, capture_output=True, text=True, timeout=60)

    def failover(self, *commands: str, first: str = "", **environ: str) -> list[Done]:
        """Several commands, one after the other in one process. `first` is run before them."""
        asked = json.dumps([shlex.split(command) for command in commands])
        done = self.python(SEVERAL.replace("{first}", first), said=asked, **environ)
        assert done.returncode == 0, done.stderr
        return [Done(*each) for each in json.loads(done.stdout)]
