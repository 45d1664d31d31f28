"""A lab to measure on, and what each peer has to be told about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.timing import Program, tool
from failover.lab import Lab

MX1 = "10.77.0.11"
NONE: dict[str, str] = {}
ANSIBLE = {
    "ANSIBLE_HOST_KEY_CHECKING": "True",
    "ANSIBLE_PIPELINING": "True",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_LOCALHOST_WARNING": "False",
    "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
}


@dataclass(frozen=True, slots=True)
class Ground:
    lab: Lab
    folder: Path

    def at_controller(
        self, argv: Sequence[object], env: dict[str, str] = NONE, *, good: Sequence[int] = (0,)
    ) -> Program:
        command = self.lab.command("controller", [str(a) for a in argv])
        return Program(command, self.lab.environment("controller") | env, frozenset(good))

    def failover(self, *words: str, good: Sequence[int] = (0,)) -> Program:
        state = f"sqlite:///{self.folder}/state.db"
        return self.at_controller(["failover", "--state", state, *words], good=good)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    @property
    def identity(self) -> Path:
        return self.lab.folder / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.lab.folder / "known_hosts"

    @property
    def ssh(self) -> list[str]:
        """Plain ssh, as strict with host keys as we are."""
        strict = ["-o", f"UserKnownHostsFile={self.known_hosts}", "-o", "StrictHostKeyChecking=yes"]
        return ["ssh", "-F", "none", "-i", str(self.identity), *strict, "-o", "BatchMode=yes"]

    def ansible(self, name: str, *words: str, known: Path | None = None) -> Program | None:
        """`words` come after the inventory `hosts.ini`, which the caller has written."""
        if (path := tool(name)) is None:
            return None
        env = ANSIBLE | {
            "ANSIBLE_PRIVATE_KEY_FILE": str(self.identity),
            "ANSIBLE_SSH_ARGS": f"-F none -o UserKnownHostsFile={known or self.known_hosts} -o ControlMaster=no",
            "ANSIBLE_HOME": str(self.folder / "ansible"),
        }
        return self.at_controller([path, "-i", str(self.folder / "hosts.ini"), *words], env)


@contextmanager
def ground(name: str) -> Iterator[Ground]:
    lab = Lab(name)
    lab.up(install=True)
    try:
        with TemporaryDirectory() as folder:
            yield Ground(lab, Path(folder))
    finally:
        lab.down()
