"""One lab, known by its name: bring it up, run things in its places, take it down. Labs by other names are other worlds.

    RUN/failover-lab/NAME/          hosts.yaml, known_hosts, id_ed25519, tsig, failover.db, lan/
    RUN/failover-lab/NAME/PLACE/    pid, boot.log, files/ (laid over the host's root), shared/ (its /run/lab), handler/

RUN is $XDG_RUNTIME_DIR or /run, else the folder for temporary files. The network is one bridge in a namespace that
`lan` holds; nothing in the machine's own network namespace is made or changed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from failover.errors import ConfigError, FailoverError, NeedsPerson, OutcomeUnknown, StepFailed
from failover.lab import files, layer, processes
from failover.lab.available import why_not
from failover.lab.places import HOSTS, PLACES, SEATS, Place, place

T = TypeVar("T")
HERE = Path(__file__).parent
PLAIN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
KILL_AFTER_S = 2.0


@dataclass(frozen=True, slots=True)
class Lab:
    """Values only: two processes may hold a Lab of the same name and mean the same world."""

    name: str = "lab"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", self.name):
            raise ConfigError(f"{self.name!r} is no name for a lab", try_="use letters a-z, digits and dashes, 40 at most")

    @property
    def folder(self) -> Path:
        return _base() / self.name

    @property
    def hosts_yaml(self) -> Path:
        return self.folder / "hosts.yaml"

    def address(self, name: str) -> str:
        return place(name).address

    def ledger(self, host: str) -> Path:
        """What the handler of `host` took, one JSON object a line; absent until its first message."""
        return self.folder / place(host).name / "handler" / "ledger.jsonl"

    def pid(self, name: str) -> int | None:
        """The process that holds a place (or `lan`), as the machine sees it; None when it is gone."""
        try:
            pid = int((self.folder / name / "pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if processes.is_marked(pid, self.folder) else None

    def is_up(self) -> bool:
        """Every place is held and every host has said it is ready."""
        held = all(self.pid(name) for name in ("lan", *PLACES))
        return held and all((self.folder / host.name / "shared" / "ready").exists() for host in HOSTS)

    def up(self, install: bool = False, *, within: float = 90.0) -> bool:
        """
        Bring it up; False when it already was. What a crash left of this name is cleared first.
        Raises NeedsPerson when the software is missing and `install` is off, FailoverError when no lab can
        run here or a host does not come up in `within` seconds; then nothing of it is left.
        """
        with self._locked():
            if self.is_up():
                return False
            if (reason := why_not()) is not None:
                raise FailoverError(reason, try_="run as root on a Debian machine, outside of plain containers")
            tar = layer.ensure(install=install)
            self._clear()
            try:
                self._start(tar, time.monotonic() + within)
            except BaseException:
                self._clear()
                raise
            return True

    def down(self) -> bool:
        """Leave nothing; False when there was nothing."""
        with self._locked():
            was = self.folder.exists()
            self._clear()
            return was

    def command(self, name: str, argv: list[str], *, limit: float | None = None) -> list[str]:
        """
        The command line that runs `argv` in a place, arguments untouched. With `limit` (seconds) the far side is
        ended too: a host has its own pid namespace, which the death of nsenter does not reach.
        """
        where = place(name)
        if (pid := self.pid(name)) is None:
            raise FailoverError(f"lab {self.name} is not up", try_=f"`failover lab up --name {self.name}`")
        inner = argv if limit is None else ["timeout", "-k", str(KILL_AFTER_S), str(limit), *argv]
        if where.is_host:
            return ["nsenter", "-t", str(pid), "-m", "-u", "-i", "-p", "-n", "-r", "-w", "--", *inner]
        return ["nsenter", "-t", str(pid), "-m", "-n", f"--wdns={Path.cwd()}", "--", *inner]

    def environment(self, name: str) -> dict[str, str]:
        """A host's is plain; a seat's is the caller's; `controller` has what `failover` needs besides."""
        where = place(name)
        if where.is_host:
            return PLAIN | {"TERM": os.environ.get("TERM", "dumb")}
        ours = os.environ | processes.mark(self.folder) | {"FAILOVER_LAB": self.name}
        ours["PATH"] = f"{Path(sys.executable).parent}:{ours.get('PATH', PLAIN['PATH'])}"
        if name == "controller":
            ours |= {
                "FAILOVER_HOSTS": str(self.hosts_yaml),
                "FAILOVER_STATE": f"sqlite:///{self.folder}/failover.db",
                "FAILOVER_TSIG": (self.folder / "tsig").read_text(),
            }
        return dict(ours)

    def run(
        self, name: str, argv: list[str], *, timeout: float, input: str | None = None, check: bool = True  # noqa: A002 - subprocess's own name
    ) -> subprocess.CompletedProcess[str]:  # fmt: skip
        """
        Run `argv` in a place and wait, at most `timeout` seconds. Raises OutcomeUnknown when it took longer
        (it was ended), StepFailed when it failed and `check` is on.
        """
        told = {"stdin": subprocess.DEVNULL} if input is None else {"input": input}
        try:
            done = subprocess.run(
                self.command(name, argv, limit=timeout), env=self.environment(name), capture_output=True, text=True,
                errors="replace", timeout=timeout + KILL_AFTER_S + 3, check=False, **told,  # type: ignore[call-overload]
            )  # fmt: skip
        except subprocess.TimeoutExpired as e:
            raise OutcomeUnknown(f"{argv[0]} on {name} hangs beyond {timeout} s", try_=f"look at {name}'s ps") from e
        if done.returncode == 124:
            raise OutcomeUnknown(f"{argv[0]} on {name} was ended after {timeout} s", try_="give it longer")
        if check and done.returncode != 0:
            said = (done.stderr or done.stdout).strip()[-400:]
            raise StepFailed(f"{' '.join(argv)} on {name}: exit {done.returncode}: {said}", try_="see what it says")
        return done  # type: ignore[no-any-return]

    def popen(self, name: str, argv: list[str], **how: Any) -> subprocess.Popen[Any]:
        """Start `argv` in a place; `how` goes to subprocess.Popen, an `env` there is laid over the place's own."""
        env = self.environment(name) | dict(how.pop("env", {}))
        return subprocess.Popen(self.command(name, argv), env=env, **how)

    def incident(self, name: str, host: str | None = None) -> None:
        """Cause an incident of the registry; again is the same as once."""
        from failover.lab.incidents import incident

        incident(name).cause(self, host or incident(name).host)

    def heal(self, name: str, host: str | None = None) -> None:
        """Put back exactly what the incident changed; harmless when it is not on."""
        from failover.lab.incidents import incident

        incident(name).heal(self, host or incident(name).host)

    @contextlib.contextmanager
    def _locked(self, within: float = 300.0) -> Iterator[None]:
        """One `up` or `down` of a name at a time; the lock dies with its holder."""
        base = _base()
        base.mkdir(mode=0o755, parents=True, exist_ok=True)
        path, deadline = base / f".{self.name}.lock", time.monotonic() + within
        while True:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if path.exists() and os.fstat(fd).st_ino == path.stat().st_ino:
                    break  # else its last holder has removed it: we hold a lock that nobody sees
            except BlockingIOError:
                pass
            os.close(fd)
            if time.monotonic() > deadline:
                raise FailoverError(f"lab {self.name} is being brought up or down by someone else", try_="wait for it")
            time.sleep(0.05)
        try:
            yield
        finally:
            if not self.folder.exists():
                path.unlink(missing_ok=True)
            os.close(fd)
            with contextlib.suppress(OSError):
                base.rmdir()

    def _clear(self) -> None:
        processes.end_all(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.folder.exists():
            raise NeedsPerson(f"{self.folder} cannot be removed", try_=f"see what is mounted there: findmnt -R {self.folder}")

    def _start(self, tar: Path, deadline: float) -> None:
        self.folder.mkdir(mode=0o711)
        files.write(self.folder)
        (self.folder / "lan").mkdir()
        apart = ["unshare", "-m", "-n", "--propagation", "slave"]
        self._spawn("lan", [*apart, "bash", str(HERE / "lan.sh"), str(self.folder), str(tar)])
        for seat in SEATS:
            self._spawn(seat.name, [*apart, "bash", str(HERE / "seat.sh"), str(self.folder / seat.name)])
        lan = self._wait(lambda: self.pid("lan"), "lan", deadline)
        for host in HOSTS:
            self._spawn(host.name, self._host_command(lan, host))
        for each in PLACES.values():
            self._plug(lan, each, self._wait(lambda each=each: self.pid(each.name), each.name, deadline))  # type: ignore[misc]
        for host in HOSTS:
            self._wait(lambda host=host: self._ready(host), host.name, deadline)  # type: ignore[misc]

    def _host_command(self, lan: int, host: Place) -> list[str]:
        apart = ["unshare", "-m", "-u", "-i", "-p", "-n", "-f", "--kill-child=KILL", "--propagation", "private"]
        trees = dict.fromkeys((sys.base_prefix, sys.prefix, str(HERE.parent.parent)))
        script = [str(HERE / "host.sh"), str(self.folder / host.name), str(self.folder / "layer"), host.name]
        return ["nsenter", "-t", str(lan), "-m", "--", *apart, "bash", *script, *trees]

    def _spawn(self, name: str, argv: list[str]) -> None:
        """Started through setsid(1), so it outlives us and our terminal and is nobody's zombie but init's."""
        with (self.folder / name / "boot.log").open("w") as log:
            subprocess.run(
                ["setsid", "-f", *argv], env=PLAIN | processes.mark(self.folder), cwd="/",
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=10, check=True,
            )  # fmt: skip

    def _plug(self, lan: int, each: Place, pid: int) -> None:
        """A cable from the bridge to the place, its far end named eth0 and given the place's address."""
        _ip(lan, f"link add {each.name} type veth peer name eth0 netns {pid}\nlink set {each.name} master br0 up\n")
        _ip(pid, f"link set lo up\naddr add {each.address}/24 dev eth0\nlink set eth0 up\n")
        if each.is_host:
            (self.folder / each.name / "shared" / "plugged").touch()

    def _ready(self, host: Place) -> bool | None:
        shared = self.folder / host.name / "shared"
        if (shared / "failed").exists():
            raise self._boot_error(host.name, (shared / "failed").read_text().strip())
        if self.pid(host.name) is None:
            raise self._boot_error(host.name, "its process 1 died")
        return True if (shared / "ready").exists() else None

    def _wait(self, look: Callable[[], T | None], name: str, deadline: float) -> T:
        while (found := look()) is None:
            if time.monotonic() > deadline:
                raise self._boot_error(name, "it did not come up in time")
            time.sleep(0.02)
        return found

    def _boot_error(self, name: str, what: str) -> FailoverError:
        log = (self.folder / name / "boot.log").read_text(errors="replace").strip().splitlines()
        said = "; ".join(log[-4:]) or "its boot log is empty"
        return FailoverError(f"lab {self.name}: {name}: {what}: {said}", try_="`failover lab up` again; all of it was removed")


def _base() -> Path:
    preferred = Path(os.environ.get("XDG_RUNTIME_DIR") or "/run")
    usable = preferred.is_dir() and os.access(preferred, os.W_OK)
    return (preferred if usable else Path(tempfile.gettempdir())) / "failover-lab"


def _ip(pid: int, batch: str) -> None:
    done = subprocess.run(
        ["nsenter", "-t", str(pid), "-n", "ip", "-batch", "-"], input=batch, capture_output=True, text=True,
        timeout=10, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise FailoverError(f"ip refused {batch.splitlines()}: {done.stderr.strip()}", try_="`failover lab up` again")
