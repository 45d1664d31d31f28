"""The resident controller: one cycle after another, until it is told to stop; survives a store or a file that fails.

At a stop it finishes its cycle and the run in it: a run that is paused would wait for a person.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from failover.cli import progress, wiring
from failover.cli.cycle_text import beat, lines
from failover.cli.options import Options
from failover.errors import FailoverError, Refused

if TYPE_CHECKING:
    from failover.core.runs.playbook import Playbook
    from failover.runs.service import Runs


@dataclass
class Watcher:
    opts: Options
    interval_s: float
    said: str = ""
    stopper: progress.Stopper = field(init=False)

    def run(self) -> None:
        """Raises ConfigError at the start only; later, a file that does not load leaves the last good one in force."""
        with progress.stoppable() as self.stopper:
            notify("READY=1")
            while not self.stopper.asked:
                self._as_configured()
        notify("STOPPING=1")
        raise typer.Exit(0)

    def _as_configured(self) -> None:
        """Cycles until a file changes."""
        read = self._files()
        books = wiring.playbooks(self.opts)
        with wiring.controller(self.opts, remembers=True) as c:
            while not self.stopper.asked:
                begun = c.ports.clock.monotonic()
                self._cycle(c, books)
                self.stopper.wait(self.interval_s - (c.ports.clock.monotonic() - begun))
                if self._files() != read and self._loads():
                    return
                read = self._files()

    def _cycle(self, c: Runs, books: tuple[Playbook, ...]) -> None:
        from failover.controller.cycle import cycle

        try:
            result = cycle(c, books, alive=lambda: self._alive(c))
        except Refused as e:
            notify("WATCHDOG=1")  # also while it stands by
            return self._say(f"standing by: {e}")
        except FailoverError as e:
            return self._say(f"no decision: {e} ({e.try_})")
        self._alive(c)
        v = result.verdict
        what = f"{v.kind.value}{' ' + v.playbook if v.playbook else ''}{' on ' + v.host if v.host else ''}"
        self._say(f"{what}: {'; '.join(v.because)}" if v.kind.value != "hold" else f"{what}")
        for line in lines(result):
            print(line, flush=True)

    def _alive(self, c: Runs) -> None:
        beat(c)
        notify("WATCHDOG=1")

    def _say(self, text: str) -> None:
        """Print a state once, when it begins."""
        notify(f"STATUS={text[:200]}")
        if text != self.said:
            print(text, flush=True)
        self.said = text

    def _files(self) -> tuple[tuple[str, float], ...]:
        files = [Path(self.opts.hosts_file)]
        if self.opts.playbook_folder is not None:
            files += sorted(Path(self.opts.playbook_folder).glob("*.yaml"))
        return tuple((str(f), f.stat().st_mtime) for f in files if f.exists())

    def _loads(self) -> bool:
        try:
            wiring.fleet(self.opts), wiring.playbooks(self.opts)
        except FailoverError as e:
            print(f"the changed files are not taken: {e}", file=sys.stderr, flush=True)
            return False
        self._say("the changed files are in force")
        return True


def notify(state: str) -> None:
    """Tell systemd (sd_notify(3)): one datagram to the socket it names, and silence where there is none."""
    import socket

    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as s:
        try:
            s.sendto(state.encode(), "\0" + path[1:] if path.startswith("@") else path)
        except OSError:  # nobody listens any more: no reason to end
            return
