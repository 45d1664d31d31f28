"""One wiring of the table, played: the filter hangs, the plan, the run, the heal, the rollback, and all mail counted.

What a healthy host makes of each kind of letter is what has to come of every letter of that kind, whatever happened
meanwhile: the same recipients, each once, the same sender, the same body, as often signed. Only scanned it need not be.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from failover.lab import Lab
from tests.labs import SLACK, rolled_back, until
from tests.scenarios.poster import Post
from tests.scenarios.wiring_rows import Row

T = TypeVar("T")
PATIENCE_S = 50.0 * SLACK
FILTERS = {"scanner": r"failover\.lab\.scanner", "amavis": r"^/usr/sbin/amavisd"}
SNAPSHOT = """
import glob, hashlib, json, os, sys
def of(path):
    s = os.lstat(path)
    text = os.readlink(path) if os.path.islink(path) else "" if os.path.isdir(path) else open(path, "rb").read().hex()
    more = {n: os.getxattr(path, n, follow_symlinks=False).hex() for n in os.listxattr(path, follow_symlinks=False)}
    here = [s.st_ino, s.st_mtime_ns] if sys.argv[1] == "untouched" else []
    return [oct(s.st_mode), s.st_uid, s.st_gid, more, hashlib.sha256(text.encode()).hexdigest(), *here]
roots = sorted(glob.glob("/etc/postfix*"))
paths = [os.path.join(at, n) for r in roots for at, ds, fs in os.walk(r) for n in ds + fs]
print(json.dumps({p: of(p) for p in sorted(paths + roots)}))
"""


@dataclass(frozen=True, slots=True)
class Wired:
    """mx1 with one wiring; a state and a hosts.yaml of its own in `folder`."""

    lab: Lab
    row: Row
    folder: Path
    mail: Post

    @classmethod
    @contextmanager
    def on(cls, lab: Lab, row: Row, folder: Path) -> Iterator[Wired]:
        lab.rewire("mx1", row.wiring)
        (folder / "hosts.yaml").write_text(_hosts(lab, row))
        with Post(lab, row) as mail:
            ours = cls(lab, row, folder, mail)
            try:
                yield ours
            finally:
                ours.heal()

    # the host -----------------------------------------------------------------

    def sh(self, script: str, check: bool = True) -> str:
        return self.lab.run("mx1", ["sh", "-c", script], timeout=60, check=check).stdout

    def snapshot(self, how: str = "same") -> dict[str, Any]:
        """All of /etc/postfix*: mode, owner, xattrs (ACLs are some), bytes; `untouched`: inode and mtime as well."""
        said = self.lab.run("mx1", [sys.executable, "-c", SNAPSHOT, how], timeout=60).stdout
        read: dict[str, Any] = json.loads(said)
        return read

    def hang(self) -> None:
        self._signal("STOP", check=True)

    def heal(self) -> None:
        self._signal("CONT", check=False)

    def _signal(self, which: str, *, check: bool) -> None:
        for whom in (["-x", "spamd|spamd child"], *(["-f", FILTERS[what]] for what in self.row.hangs)):
            self.lab.run("mx1", ["pkill", f"-{which}", *whom], timeout=20, check=check)

    def emptied(self) -> bool:
        """Refused for a moment where a reload has just ended qmgr: asked again."""
        self.sh(f"postqueue -c {self.row.postfix.get('config_dir', '/etc/postfix')} -f", check=False)
        queues = "hold maildrop incoming active deferred hold maildrop incoming active"  # whatever moves is seen
        files = f"for q in {queues}; do find /var/spool/postfix*/$q -type f; done | wc -l"
        return int(self.sh(files)) == 0

    # the product --------------------------------------------------------------

    def failover(self, *words: str) -> subprocess.CompletedProcess[str]:
        options = ["--hosts", str(self.folder / "hosts.yaml"), "--state", f"sqlite:///{self.folder}/state.db"]
        return self.lab.run("controller", ["failover", *options, *words], timeout=300, check=False)

    def asked(self, verb: str, *more: str) -> tuple[int, str]:
        """Again where this machine was too slow for the look before it: then nothing was done."""
        got: list[tuple[int, str]] = []

        def answered() -> bool:
            done = self.failover(verb, "spam-filter-hung", "--set", "sick=mx1", *more)
            got[:] = [(done.returncode, " ".join((done.stdout + done.stderr).split()))]
            return "ssh.reach on mx1 is" not in got[0][1]

        until(answered, within=PATIENCE_S, what="mx1 can be looked at")
        return got[0]

    def mail_comes_while(self, stage: str, work: Callable[[], T]) -> T:
        """Its result, or what it raised."""
        kinds = itertools.cycle(self.row.kinds)
        with ThreadPoolExecutor(1) as pool:
            doing = pool.submit(work)
            while not doing.done():
                self.mail.post(stage, next(kinds))
                wait([doing], 0.5)
            return doing.result()

    def roll_back(self) -> None:
        """Refused as long as the filter has not worked off what had waited in its socket."""
        rolled_back(self.failover)


def _hosts(lab: Lab, row: Row) -> str:
    said = ", ".join(f"{key}: {value}" for key, value in ({"service": "smtp/inet"} | row.postfix).items())
    return lab.hosts_yaml.read_text().replace("postfix: {service: smtp/inet}", f"postfix: {{{said}}}", 1)


def play(lab: Lab, row: Row, folder: Path, rounds: int = 2) -> None:
    """
    `rounds`: how often a letter of each kind gets stuck. Fails the test, naming what did not hold; then the lab is no
    longer as others need it, and goes down.
    """
    try:
        with Wired.on(lab, row, folder) as host:
            _play(host, rounds)
    except BaseException:
        lab.down()
        raise


def _play(host: Wired, rounds: int) -> None:
    usual = host.mail.post("usual")
    assert len(usual) == len(host.row.kinds) * len(host.row.ports) + 1, host.mail.letters
    until(lambda: host.emptied() and host.mail.whole(usual), within=PATIENCE_S, what="the usual letters have come")
    host.mail.learn(usual)
    before, untouched = host.snapshot(), host.snapshot("untouched")
    host.hang()
    if host.row.refused:
        refused(host, untouched)
    else:
        cured(host, rounds)
    host.mail.post("back")
    until(host.emptied, within=PATIENCE_S, what="the queue is empty")
    assert host.snapshot() == before, "byte for byte as before, owner, mode and ACL, too"
    assert host.mail.balance() == {}, "of every letter exactly what is usual: lost 0, twice 0"


def cured(host: Wired, rounds: int) -> None:
    stuck = [seq for _ in range(rounds) for seq in host.mail.post("stuck")]
    code, said = host.asked("plan")
    assert code == 10, said
    assert re.search(host.row.cured, said), said
    code, said = host.mail_comes_while("during", lambda: host.asked("run", "--yes"))
    assert code == 0, said
    assert re.search(host.row.waits, said), said
    after = host.mail.post("after")
    wanted = after if host.row.waits else stuck + after
    until(lambda: not host.mail.missing(wanted), within=PATIENCE_S, what="what was stuck and came after is delivered")
    back = host.failover("rollback", "--yes")
    assert back.returncode == 6, back.stdout + back.stderr
    host.heal()
    host.mail_comes_while("returning", host.roll_back)


def refused(host: Wired, untouched: dict[str, Any]) -> None:
    stuck = threading.Thread(target=host.mail.post, args=("stuck",))
    stuck.start()
    if not host.row.holds_senders:
        stuck.join()
    for verb, more in (("plan", ()), ("run", ("--yes",))):
        code, said = host.asked(verb, *more)
        assert code == 4, said
        assert re.search(host.row.refused, said), said
    assert host.snapshot("untouched") == untouched, "nothing was touched"
    host.heal()
    stuck.join()
