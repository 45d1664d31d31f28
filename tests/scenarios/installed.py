"""The controller as an ordinary user of the mail hosts: its hosts.yaml, the helper installed, and a plain ssh."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from failover.lab import Lab
from tests.labs import until

Done = subprocess.CompletedProcess[str]
HELPER = "/usr/local/sbin/failover-host"
FILES = ["sh", "-c", "cd /etc/postfix && sha256sum main.cf master.cf && stat -c '%n %a %U:%G' main.cf master.cf"]


@dataclass(frozen=True, slots=True)
class Controller:
    """`hosts` is a hosts.yaml that logs in as `failover`."""

    lab: Lab
    hosts: Path

    @staticmethod
    def of(lab: Lab, folder: Path) -> Controller:
        hosts = folder / "hosts.yaml"
        hosts.write_text(lab.hosts_yaml.read_text().replace("user: root", "user: failover"))
        return Controller(lab, hosts)

    def failover(self, *args: str, within: float = 120, hosts: Path | None = None) -> Done:
        argv = ["failover", "--hosts", str(hosts or self.hosts), *args]
        return self.lab.run("controller", argv, timeout=within, check=False)

    def fine(self, *args: str, within: float = 120) -> Done:
        done = self.failover(*args, within=within)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def install(self, host: str, *more: str) -> Done:
        return self.fine("host", "install", host, "--as", "root", "--yes", *more)

    def remove(self, host: str, *more: str) -> Done:
        return self.fine("host", "remove", host, "--as", "root", "--yes", *more)

    def client(self, program: str, *args: str, within: float = 20) -> Done:
        """OpenSSH's own programs, with the key that the controller has."""
        of = self.lab.folder
        strict = ["-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={of}/known_hosts", "-i", f"{of}/id_ed25519"]
        return self.lab.run("controller", [program, *strict, *args], timeout=within, check=False)

    def ssh(self, command: str) -> Done:
        """`command` is what sshd is asked to run, word for word."""
        return self.client("ssh", f"failover@{self.lab.address('mx1')}", command)

    def files(self) -> str:
        return self.lab.run("mx1", FILES, timeout=10).stdout

    def heal(self) -> None:
        """And until the filter scans again: an undo waits for that."""
        self.lab.heal("spamd-hung")
        scan = ["spamc", "-d", "127.0.0.1", "-t", "5", "-x", "-R"]
        until(
            lambda: self.lab.run("mx1", scan, timeout=10, input="Subject: x\n\nx\n", check=False).returncode == 0,
            within=60,
            what="spamd scans again",
        )

    def put_back(self) -> None:
        """Whatever a failed test left."""
        self.heal()
        self.failover("rollback", "--yes")
