"""An unattended controller on a lab: its desk (hosts.yaml, playbooks, state of its own), and what mail did meanwhile.

`python -m tests.scenarios.watching WHERE WORDS...` is `failover WORDS` that stops itself (SIGSTOP) just before the act
WHERE leaves it, and whose leases are short: a controller that was suspended at the worst moment.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from failover.adapters.store import SqlStore
from failover.config.catalogue import find
from failover.core.runs.journal import Did
from failover.lab import Lab, mx_down, queues
from failover.lab.ledger import Books, read
from failover.lab.playing import CONFIGURATION
from failover.lab.sending import Sending
from failover.ports import RunRecord
from tests.labs import SLACK

MXS = ("mx1", "mx2")
EVERY_S = 0.3
SHORT_LEASE_S = 20.0
HOOK = """
import http.server, pathlib, sys
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with pathlib.Path(sys.argv[1]).open("ab") as told:
            told.write(body + b"\\n")
        self.send_response(204)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", 8025), Hook).serve_forever()
"""
HOOK_URL = "http://127.0.0.1:8025/hook"


def until(done: Callable[[], object], what: str, *, within: float) -> float:
    """Await a condition that costs something to look at, `within` seconds times SLACK. Returns the seconds it took;
    fails the test when it did not come."""
    began = time.monotonic()
    while not done():
        if time.monotonic() - began > within * SLACK:
            pytest.fail(f"{what}: not within {within * SLACK:g} s")
        time.sleep(EVERY_S)
    return time.monotonic() - began


# The desk --------------------------------------------------------------------


@dataclass(slots=True)
class Desk:
    """`options` go before every command. `started`: what `clear` ends, whatever became of it."""

    lab: Lab
    folder: Path
    options: tuple[str, ...]
    store: SqlStore
    started: list[subprocess.Popen[Any]] = field(default_factory=list)

    @classmethod
    def at(cls, lab: Lab, folder: Path, *, more: str = "") -> Desk:
        """Policy auto, playbooks that go back by themselves soon, and an empty state. `more`: lines for hosts.yaml."""
        hosts, books = folder / "hosts.yaml", folder / "playbooks"
        policy = "" if "policy:" in more else "policy: {mode: auto}\n"
        hosts.write_text(f"{lab.hosts_yaml.read_text()}{policy}{more}")
        books.mkdir()
        for name in ("spam-filter-hung", "handler-down", "mx-down"):
            (books / f"{name}.yaml").write_text(goes_back_soon(find(name, None).read_text()))
        state = f"sqlite:///{folder}/state.db"
        options = ("--hosts", str(hosts), "--playbooks", str(books), "--state", state)
        return cls(lab, folder, options, SqlStore.open_url(state))

    def failover(self, *words: str, within: float = 120) -> subprocess.CompletedProcess[str]:
        return self.lab.run("controller", ["failover", *self.options, *words], timeout=within, check=False)

    def start(self, name: str, *words: str, argv: tuple[str, ...] = ("failover",)) -> Started:
        log = self.folder / f"{name}.out"
        with log.open("w") as out:
            process = self.lab.popen(
                "controller", [*argv, *self.options, *words], stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        self.started.append(process)
        return Started(process, log)

    def watch(self, name: str = "watch") -> Started:
        """Returns when it has looked for the first time."""
        watch = self.start(name, "watch", "--interval", "5s")
        until(lambda: watch.said or not watch.runs, f"{name} ends its first cycle", within=60)
        assert watch.runs, watch.said
        return watch

    def runs(self) -> tuple[RunRecord, ...]:
        """Newest first."""
        return self.store.runs()

    def events(self, kind: Did, step: str | None = None) -> int:
        """How often that was recorded, over all runs."""
        mine = (e for r in self.runs() for e in self.store.events(r.id))
        return sum(e.kind is kind and (step is None or e.step == step) for e in mine)

    def shown(self, run: str) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(self.failover("runs", "show", run, "--json").stdout)
        return shown

    def state(self, run: str) -> str:
        return str(self.shown(run)["state"])

    def clear(self) -> None:
        for process in self.started:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait(10)
        self.store.close()


@dataclass(frozen=True, slots=True)
class Started:
    process: subprocess.Popen[Any]
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    @property
    def stopped(self) -> bool:
        """By SIGSTOP (proc(5), the third field of /proc/PID/stat)."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "T"

    def end(self, within: float = 60) -> int:
        """Told to stop, as systemd does it; its exit code."""
        self.process.terminate()
        return self.process.wait(within)


def goes_back_soon(text: str) -> str:
    """The built-in playbook whose return takes seconds and no person, and which may be tried again at once."""
    head, failback, tail = text.partition("failback:")
    tail = tail.replace("for: 15m", "for: 10s").replace("mode: ask", "mode: auto")
    return (
        re.sub(r"limits: {[^}]*}", "limits: {deadline: 15m, cooldown: 1s, max_runs: 99 per 24h}", head)
        + failback
        + tail
    )


@contextmanager
def cron(desk: Desk, every_s: float = 60.0) -> Iterator[list[Started]]:
    """One `failover tick` each minute, whether or not the last has ended, as cron(8) does it."""
    over, ticks = threading.Event(), list[Started]()

    def minutes() -> None:
        while not over.is_set():
            ticks.append(desk.start(f"tick-{len(ticks)}", "tick", "--for", "50s"))
            over.wait(every_s)

    thread = threading.Thread(target=minutes, daemon=True)
    thread.start()
    try:
        yield ticks
    finally:
        over.set()
        thread.join(10)
        for tick in ticks:
            tick.process.wait(120)


@contextmanager
def hook(lab: Lab, told: Path) -> Iterator[None]:
    """A receiver of webhooks on the controller's own loopback; each message one line of `told`."""
    server = lab.popen("controller", [sys.executable, "-c", HOOK, str(told)], stdin=subprocess.DEVNULL, stderr=-3)
    listens = "import socket; socket.create_connection(('127.0.0.1', 8025), 1)"
    try:
        until(
            lambda: lab.run("controller", [sys.executable, "-c", listens], timeout=5, check=False).returncode == 0,
            "the hook listens",
            within=20,
        )
        yield
    finally:
        server.kill()
        server.wait(10)


def messages(told: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in told.read_text().splitlines()] if told.exists() else []


# Mail ------------------------------------------------------------------------


@dataclass(slots=True)
class Mail:
    """Traffic to a lab, and the two books of it since this object was made."""

    lab: Lab
    folder: Path
    ledgers: tuple[tuple[str, Path, int], ...]
    senders: list[Sending] = field(default_factory=list)
    before: str = ""

    @classmethod
    def of(cls, lab: Lab, folder: Path) -> Mail:
        paths = {mx: lab.ledger(mx) for mx in MXS}
        sizes = tuple((mx, p, p.stat().st_size if p.exists() else 0) for mx, p in paths.items())
        (folder / "mail").mkdir()
        return cls(lab, folder / "mail", sizes, before=configuration(lab))

    def send(self, rates: Mapping[str, float]) -> None:
        log = self.folder / f"{len(self.senders)}.jsonl"
        self.senders.append(Sending.start(self.lab, log, rates, seed=811 + len(self.senders)))

    def stop(self) -> None:
        while self.senders:
            self.senders.pop().stop()

    def books(self) -> Books:
        return read(sorted(self.folder.glob("*.jsonl")), self.ledgers)

    def arrives(self, n: int = 10) -> None:
        """Mail that is taken on from now on arrives, scanned."""
        now = time.time()
        until(lambda: self.books().scanned("mx1", taken_after=now) >= n, f"{n} letters arrive scanned", within=90)

    def flows(self, since: float, *, within: float, gap_s: float = 3.0, for_s: float = 8.0) -> float:
        """Seconds from `since` until mail that mx1 took on after it began to arrive, and went on to for `for_s`."""
        until(lambda: flowed(self.books(), since, gap_s, for_s) is not None, "mail flows", within=within)
        found = flowed(self.books(), since, gap_s, for_s)
        assert found is not None
        return found

    def adds_up(self) -> str:
        """Stop sending, await that nothing waits any more, and count. Returns the count, in words."""
        self.stop()
        until(queues.empty(self.lab, *MXS), "the queues become empty", within=240)
        books = self.books()
        tally = books.tally()
        assert (tally.lost, tally.duplicated, tally.foreign, books.altered()) == (0, 0, (), ()), tally
        assert tally.accepted == tally.delivered > 0
        return f"{tally.accepted} accepted, {tally.delivered} delivered, 0 lost, 0 twice, {tally.unscanned} unscanned"

    def as_before(self) -> bool:
        """main.cf and master.cf of both MX, byte for byte, owner and mode too."""
        return configuration(self.lab) == self.before


def flowed(books: Books, since: float, gap_s: float, for_s: float) -> float | None:
    late = {s.seq for s in books.sent("mx1") if s.at > since}
    came = sorted(d.received.at for d in books.deliveries if d.received.seq in late)
    begun = next((n for n in range(len(came)) if _steady(came[n:], gap_s, for_s)), None)
    return None if begun is None else came[begun] - since


def _steady(came: list[float], gap_s: float, for_s: float) -> bool:
    stretch = [t for t in came if t <= came[0] + for_s]
    return came[-1] >= came[0] + for_s and all(b - a <= gap_s for a, b in pairwise(stretch))


def configuration(lab: Lab) -> str:
    return "".join(lab.run(mx, ["sh", "-c", CONFIGURATION], timeout=20).stdout for mx in MXS)


def records(lab: Lab) -> tuple[str, ...]:
    """The MX records as ns1 and as ns2 show them."""
    return mx_down.records(lab)


def letters_waiting(lab: Lab, host: str = "mx1") -> int:
    return len(queues.names(lab, host))


# A controller that is suspended at the worst moment -------------------------


def main(where: str, words: Iterable[str]) -> None:
    """WHERE is a verb of `failover-host`, `dns` for the swap of a record set, or `update` for its very last step, when
    all was looked at and the update is about to leave."""
    from dns.update import UpdateMessage

    from failover import cli
    from failover.adapters import ssh
    from failover.controller import leader
    from failover.dns import rfc2136_zone
    from failover.runs import session

    session.LEASE_S = leader.LEAD_S = SHORT_LEASE_S
    of_dns = {"dns": "swap", "update": "_exchange"}
    owner: Any = rfc2136_zone.Rfc2136Zone if where in of_dns else ssh.SshRemote
    name = of_dns.get(where, "call")
    real = getattr(owner, name)

    def call(self: Any, *args: Any, **named: Any) -> Any:
        if where == "dns" or where in args or (where == "update" and isinstance(args[0], UpdateMessage)):
            os.kill(os.getpid(), signal.SIGSTOP)
        return real(self, *args, **named)

    setattr(owner, name, call)
    sys.argv = ["failover", *words]
    cli.main()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
