"""A copy of the product, to which a test adds a file and a line of a registry; its commands are processes of their own.

What Python compiled is copied too, so that only what was added is compiled again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
Done = subprocess.CompletedProcess[str]


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

    def python(self, *words: str, **environ: str) -> Done:
        env = {**os.environ, "PYTHONPATH": f"{self.folder}:{ROOT}", **environ}
        argv = [sys.executable, *words]
        return subprocess.run(argv, cwd=self.folder, env=env, capture_output=True, text=True, timeout=60)

    def failover(self, *words: str) -> Done:
        return self.python("-m", "failover", *words)
