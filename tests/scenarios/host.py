"""Calls of `failover-host` on a lab host, without SSH: the script on stdin, as it is sent."""

from __future__ import annotations

import hashlib
import itertools
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from failover.adapters import reply
from failover.host import script_text
from failover.lab import Lab
from failover.ports import Reply

NONE: Mapping[str, str] = {}
SENT = ["/bin/sh", "-c", 'eval "$(cat)"', "failover-host"]


def words(verb: str, args: Mapping[str, str]) -> list[str]:
    return [*SENT, verb, *(f"{key}={value}" for key, value in args.items())]


def read(done: subprocess.CompletedProcess[str]) -> Reply:
    """What was answered; a reply without its last row fails the test."""
    last = done.stdout.rstrip("\n").rpartition("\n")[2].split("\t")
    found = reply.parse(last[1], done.stdout.encode(), done.returncode) if len(last) > 1 else None
    assert found is not None, (done.stdout, done.stderr)
    return found


@dataclass(slots=True)
class MailHost:
    """One host and one controller's view of it: a run, its epoch, its attempts."""

    lab: Lab
    name: str = "mx1"
    run: str = field(default_factory=lambda: f"t{time.time_ns()}")
    epoch: int = field(default_factory=lambda: int(time.time()))
    _count: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def call(self, verb: str, args: Mapping[str, str] = NONE, *, limit: int = 30) -> Reply:
        argv = words(verb, {"limit": str(limit), **args})
        return read(self.lab.run(self.name, argv, timeout=limit + 15, input=script_text(), check=False))

    def act(
        self, verb: str, step: str, args: Mapping[str, str] = NONE, *, attempt: int | None = None, limit: int = 30
    ) -> Reply:
        own = {"run": self.run, "step": step, "attempt": str(attempt or next(self._count)), "epoch": str(self.epoch)}
        return self.call(verb, {**own, **args}, limit=limit)

    def sh(self, script: str, timeout: float = 30, check: bool = True) -> str:
        return self.lab.run(self.name, ["sh", "-c", script], timeout=timeout, check=check).stdout

    def plan(self, lever: str) -> dict[str, str]:
        """What `bypass` needs to be told: the filter, the lever, and what the settings read now."""
        wiring = self.call("filter-read")
        rows = [row[1:] for row in wiring.all("setting") if row[0] == lever]
        assert rows, wiring.rows
        said = "".join(f"{file}\t{key}\t{before}\n" for file, key, before, _ in rows)
        name = wiring.all("filter")[0][0]
        return {"filter": name, "lever": lever, "expect": hashlib.sha256(said.encode()).hexdigest()}

    def bypass(self, lever: str, step: str = "bypass") -> Reply:
        return self.act("bypass", step, self.plan(lever))

    def restore(self, step: str = "bypass") -> Reply:
        return self.act("restore", f"undo-{step}", {"of_run": self.run, "of_step": step})

    def config(self) -> str:
        """Bytes, owner and mode of main.cf and master.cf."""
        return self.sh("cd /etc/postfix && sha256sum main.cf master.cf && stat -c '%U %G %a' main.cf master.cf")

    def queued(self) -> int:
        """More than 0 while anything waits: what moves meanwhile is listed where it was, or where it came to. A flush
        may move all that was put off to and fro at once, past one listing: so two have to find none. A queue that could
        not be listed (no process can be started, `find` was killed) is not empty."""
        find = "find maildrop incoming active deferred incoming active -ignore_readdir_race -type f -printf x"
        again = f'[ -n "$n" ] || {{ sleep 0.5; n=$({find}); }}'
        listed = f"cd /var/spool/postfix && n=$({find}) && {{ {again}; }} && echo ${{#n}}"
        return int(self.sh(listed, check=False) or "1")
