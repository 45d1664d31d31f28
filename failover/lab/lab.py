"""One lab, known by its name: up, down, run programs in its places. Labs of other names are separate.

RUN/NAME/          hosts.yaml, known_hosts, id_ed25519, tsig, failover.db
RUN/NAME/PLACE/    pid, boot.log, files/ (laid over the host's root), shared/ (its /run/lab), handler/ (the ledger)
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from failover.errors import ConfigError, FailoverError, NeedsPerson, OutcomeUnknown, StepFailed
from failover.lab import boot, cgroups, layer, processes
from failover.lab.available import why_not
from failover.lab.folder import base, locked
from failover.lab.places import HOSTS, PLACES, place

KILL_AFTER_S = 2.0
SLACK = "FAILOVER_LAB_SLACK"


def slack() -> float:
    """The factor for time-outs on this machine, from the environment."""
    return float(os.environ.get(SLACK, "1"))


@dataclass(frozen=True, slots=True)
class Lab:
    """A name and nothing else: two processes with the same name use the same lab.

    `slack` multiplies time-outs, for slow machines.
    """

    name: str = "lab"
    slack: float = field(default_factory=slack, compare=False)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", self.name):
            raise ConfigError(f"{self.name!r} is no name for a lab", try_="use a-z, 0-9 and dashes, 40 at most")

    @property
    def folder(self) -> Path:
        return base() / self.name

    @property
    def hosts_yaml(self) -> Path:
        return self.folder / "hosts.yaml"

    def address(self, name: str) -> str:
        return place(name).address

    def ledger(self, host: str) -> Path:
        """The ledger of `host`: one JSON object a line; absent until its first message."""
        return self.folder / place(host).name / "handler" / "ledger.jsonl"

    def pid(self, name: str) -> int | None:
        """The process of a place (or `lan`), by its pid on the machine; None if it is gone."""
        try:
            pid = int((self.folder / name / "pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if processes.is_marked(pid, self.folder, looks=20) else None

    def held(self, name: str) -> int:
        """The same for a lab that is up. Raises FailoverError if it is gone."""
        if (pid := self.pid(name)) is None:
            raise FailoverError(f"lab {self.name} is not up", try_=f"`failover lab up --name {self.name}`")
        return pid

    def is_up(self) -> bool:
        """Every place has its process, and every host is ready."""
        held = all(self.pid(name) for name in ("lan", *PLACES))
        return held and all((self.folder / host.name / "shared" / "ready").exists() for host in HOSTS)

    @property
    def extras(self) -> frozenset[str]:
        """The extra software that it came up with; empty if it is not up."""
        path = self.folder / "extras"
        return frozenset(path.read_text().split()) if path.exists() else frozenset()

    def up(self, install: bool = False, *, within: float = 90.0, extras: Collection[str] = ()) -> bool:
        """
        Bring it up, with `extras` of `layer.EXTRAS`; False if it was up. Remains of a crash are removed first. Raises
        ConfigError if it is up without an extra asked for, NeedsPerson if the software is missing and `install` is off,
        FailoverError if no lab can run here or a host does not come up in `within` seconds; then nothing of it is left.
        """
        with locked(self.folder):
            if self.is_up():
                if missing := set(extras) - self.extras:
                    up = f"lab {self.name} is up without {', '.join(sorted(missing))}"
                    raise ConfigError(up, try_=f"`failover lab down --name {self.name}` first, or another --name")
                return False
            self._clear()
            if (reason := why_not()) is not None:
                raise FailoverError(reason, try_="run as root on a Debian machine, outside of plain containers")
            software = layer.ensure(install=install, extras=extras)
            try:
                self.folder.mkdir(mode=0o711)
                boot.start(self, software, time.monotonic() + within * self.slack, extras)
            except BaseException:
                self._clear()
                raise
            return True

    def down(self) -> bool:
        """Remove all of it; False if there was nothing."""
        with locked(self.folder):
            was = self.folder.exists()
            self._clear()
            return was

    def _clear(self) -> None:
        processes.end_all(self.folder)
        cgroups.remove(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.folder.exists():
            raise NeedsPerson(f"{self.folder} cannot be removed", try_=f"see who uses it: `findmnt -R {self.folder}`")

    def command(self, name: str, argv: list[str], *, limit: float | None = None) -> list[str]:
        """
        The command line that runs `argv` in a place, arguments untouched. With `limit` (seconds) the program there is
        ended, too: it would outlive the nsenter that started it, since a host has its own pid namespace.
        """
        where, pid = place(name), str(self.held(name))
        inner = argv if limit is None else ["timeout", "-k", str(KILL_AFTER_S), str(limit), *argv]
        if where.is_host:
            return ["nsenter", "-t", pid, "-m", "-u", "-i", "-p", "-n", "-r", "-w", "--", *inner]
        return ["nsenter", "-t", pid, "-m", "-n", f"--wdns={Path.cwd()}", "--", *inner]

    def environment(self, name: str) -> dict[str, str]:
        """Plain for a host, the caller's for a seat; `controller` has the variables of `failover`, too."""
        if place(name).is_host:
            return boot.PLAIN | {"TERM": os.environ.get("TERM", "dumb")}
        ours = dict(os.environ) | processes.mark(self.folder) | {"FAILOVER_LAB": self.name}
        ours["PATH"] = f"{Path(sys.executable).parent}:{ours.get('PATH', boot.PLAIN['PATH'])}"
        if name == "controller":
            ours["FAILOVER_HOSTS"] = str(self.hosts_yaml)
            ours["FAILOVER_STATE"] = f"sqlite:///{self.folder}/failover.db"
            ours["FAILOVER_TSIG"] = (self.folder / "tsig").read_text()
        return ours

    def run(
        self,
        name: str,
        argv: list[str],
        *,
        timeout: float,
        input: str | None = None,  # noqa: A002 - as subprocess names it
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """
        Run `argv` in a place and wait, at most `timeout` seconds times `slack`. Raises OutcomeUnknown after that (it
        was ended), StepFailed if it failed and `check` is on.
        """
        timeout *= self.slack
        command, env, started = self.command(name, argv, limit=timeout), self.environment(name), time.monotonic()
        limit = timeout + KILL_AFTER_S + 3
        too_long = OutcomeUnknown(f"`{argv[0]}` on {name} took over {timeout:g} s", try_=f"look at `ps` on {name}")
        try:
            done = subprocess.run(
                command, env=env, input=input or "", capture_output=True, text=True, errors="replace", timeout=limit
            )
        except subprocess.TimeoutExpired as e:
            raise too_long from e
        if done.returncode in {124, 137} and time.monotonic() - started >= timeout:
            raise too_long
        if check and done.returncode != 0:
            said = (done.stderr or done.stdout).strip()[-400:]
            raise StepFailed(f"{argv} on {name}: exit {done.returncode}: {said}", try_="see what it says")
        return done

    def popen(self, name: str, argv: list[str], **how: Any) -> subprocess.Popen[Any]:
        """Start `argv` in a place; `how` goes to subprocess.Popen, its `env` is added to that of the place."""
        env = self.environment(name) | dict(how.pop("env", {}))
        return subprocess.Popen(self.command(name, argv), env=env, **how)

    def incident(self, name: str, host: str | None = None) -> None:
        """Cause an incident of the registry; twice is the same as once."""
        from failover.lab.incidents import incident

        incident(name).cause(self, place(host or incident(name).host).name)

    def heal(self, name: str, host: str | None = None) -> None:
        """Put back exactly what the incident changed; harmless when it is not on."""
        from failover.lab.incidents import incident

        incident(name).heal(self, place(host or incident(name).host).name)

    def rewire(self, host: str, wiring: str) -> None:
        """Wire the spam filter of `host` into Postfix in one of the ways of `failover.lab.wiring`."""
        from failover.lab.wiring import rewire

        rewire(self, host, wiring)
