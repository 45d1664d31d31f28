"""Every act × every fault × every recorded event: what a run says of itself afterwards is so.

Never "rolled back", and never "nothing in force", while something is. The fault comes while the controller stands
still, right after it recorded the event. Then the fault goes, a person resumes and rolls back, and nothing is left.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from failover.host import script_text
from failover.lab import Lab
from tests.labs import lab_or_skip, until

pytestmark = [pytest.mark.lab, pytest.mark.soak]

STATE = re.findall(r"^STATE=(\S+)$", script_text(), re.MULTILINE)[0]
EVENTS = ("begun", "intent", "acted", "verified", "closed")
PLAYBOOK = """
version: 1
name: {name}
summary: One act, to be disturbed.
worse: Nothing.
steps:{first}
  - id: act
    action: {action}
    with: {with_}
    on_failure: rollback
    verify: {{none: "what disturbs it is what is tried"}}
    {more}
"""
BYPASS = """
  - id: bypass
    action: spam.bypass
    with: {host: mx1, mode: pass, expires: 4h}
    on_failure: rollback
    verify: {none: "what comes after it is what is tried"}"""
NO_UNDO = 'rollback: {none: "it happened"}'


@dataclass(frozen=True, slots=True)
class Verb:
    """`shows`, run on `host`: prints a word while what is changed is in force. `wires`: how `host` is set up first."""

    action: str
    with_: str
    host: str = "mx1"
    shows: str = ""
    first: str = ""
    more: str = ""
    wires: str = "lab-wiring smtpd-pipe && postfix reload"

    @property
    def name(self) -> str:
        return "t-" + self.action.replace(".", "-")


VERBS = {
    "bypass": Verb(
        "spam.bypass",
        "{host: mx1, mode: pass, expires: 4h}",
        shows="postconf -M spamassassin/unix | grep argv=/usr/sbin/sendmail; true",
    ),
    "requeue": Verb(
        "queue.requeue",
        "{host: mx1, only: frozen}",
        shows="postconf -h defer_transports | grep spamassassin; true",
        first=BYPASS,
        more=NO_UNDO,
        # no pass-through can be made of it, so the setting is cleared and mail re-queued
        wires="lab-wiring smtpd-pipe && postconf -M 'spamassassin/unix=spamassassin unix - n n - - discard'"
        " && postfix reload",
    ),
    "restart": Verb("service.restart", "{host: mx1, unit: postfix}", more=NO_UNDO),
    "dns": Verb(
        "dns.prefer",
        "{domain: lab.test, to: mx2, mode: overlay, expires: 4h}",
        host="ns1",
        shows="dig +short @127.0.0.1 MX lab.test | grep '^9 mx2'; true",
        wires="true",
    ),
}
SMALL = f"""
mkdir -p -m 700 {STATE} && mount -t tmpfs -o mode=700,size=4m small {STATE}
mount -o remount,size=4m /tmp && mount -o remount,size=32m /var/spool/postfix
"""
UP = "for s in ssh spamd handler postfix named; do [ ! -x /etc/init.d/$s ] || service $s start; done >/dev/null 2>&1"
SYSLOG = "pidof busybox >/dev/null || busybox syslogd -O /var/log/mail.log"


@dataclass(frozen=True, slots=True)
class Fault:
    """`begins` and `ends` run on the verb's host; `kills`: the controller dies instead of going on."""

    begins: str = "true"
    ends: str = "true"
    kills: bool = False


FAULTS = {
    "kill -9": Fault(kills=True),
    "helper killed": Fault("pkill -KILL -f '[f]ailover-host [a-z]'; true"),
    "tmp full": Fault("head -c 9m /dev/zero >/tmp/filler 2>/dev/null; true", "rm -f /tmp/filler"),
    "state full": Fault(f"head -c 9m /dev/zero >{STATE}/filler 2>/dev/null; true", f"rm -f {STATE}/filler"),
    "queue full": Fault(
        "head -c 64m /dev/zero >/var/spool/postfix/filler 2>/dev/null; true", "rm -f /var/spool/postfix/filler"
    ),
    "reboot": Fault("kill -9 -1", f"{UP}; {SYSLOG}"),
}
DISTURBED = [
    (verb, fault)
    for verb in VERBS
    for fault in FAULTS
    if verb != "dns" or fault in {"kill -9", "reboot"}  # a name server has no helper, and no folder of ours
]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Its mx1 has small disks, so that they are soon full."""
    ours = lab_or_skip("faults")
    ours.run("mx1", ["sh", "-c", SMALL], timeout=10)
    yield ours
    ours.down()


@dataclass(slots=True)
class Scene:
    lab: Lab
    folder: Path
    verb: Verb

    def failover(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = ["failover", "--playbooks", str(self.folder), *words]
        return self.lab.run("controller", argv, timeout=240, check=False)

    def sh(self, script: str, check: bool = True) -> str:
        return self.lab.run(self.verb.host, ["sh", "-c", script], timeout=60, check=check).stdout

    @property
    def in_force(self) -> bool:
        return bool(self.verb.shows and self.sh(self.verb.shows).strip())

    def newest(self) -> dict[str, Any] | None:
        runs = json.loads(self.failover("runs", "list", "--json").stdout)["runs"]
        return next((r for r in runs if r["playbook"] == self.verb.name), None)

    def honest(self, run: str) -> None:
        status = json.loads(self.failover("status", "--json").stdout)
        said = next((r["state"] for r in [self.newest()] if r and r["run"] == run), "none")
        if self.in_force:
            assert said != "rolled_back"
            assert run in {m["run"] for m in status["mitigations"]}, "something is in force, and status does not say so"

    def disturbed(self, event: str, fault: Fault) -> str | None:
        """The run's id, once it has ended, however it did; None when it never came to that event."""
        argv = ["failover", "--playbooks", str(self.folder), "run", self.verb.name, "--yes", "--events"]
        process = self.lab.popen("controller", argv, stdout=subprocess.PIPE)
        assert process.stdout is not None
        run = None
        for line in process.stdout:
            told = json.loads(line)
            if told["kind"] == event and told["step"] in {None, "act"}:
                run = str(told["run"])
                process.send_signal(signal.SIGSTOP)
                self.sh(fault.begins, check=False)
                process.send_signal(signal.SIGKILL if fault.kills else signal.SIGCONT)
                break
        process.communicate(timeout=400)
        return run

    def closed(self, run: str) -> None:
        """A person resumes what is open, and rolls it back; what cannot be settled they look at and accept."""
        self.failover("runs", "resume", run)
        self.honest(run)
        back = self.failover("rollback", run, "--yes")
        self.honest(run)
        assert not self.in_force, back.stdout + back.stderr
        self.failover("runs", "accept", run, "--reason", "test over")


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize(("name", "trouble"), DISTURBED)
def test_whatever_happens_at_any_event_nothing_in_force_is_unsaid(
    lab: Lab, tmp_path: Path, name: str, trouble: str, event: str
) -> None:
    """safety 2 and 3, at every event: never "rolled back" or "nothing in force" while something is."""
    verb, fault = VERBS[name], FAULTS[trouble]
    text = PLAYBOOK.format(name=verb.name, action=verb.action, with_=verb.with_, first=verb.first, more=verb.more)
    (tmp_path / f"{verb.name}.yaml").write_text(text)
    scene = Scene(lab, tmp_path, verb)
    scene.sh(f"{verb.wires}; rm -f {STATE}/restarts")
    run = scene.disturbed(event, fault)
    assert run is not None, "it never came to that event"
    if trouble != "reboot":
        scene.honest(run)
    scene.sh(fault.ends)
    until(lambda: lab.run(verb.host, ["true"], timeout=10, check=False).returncode == 0, within=20, what="it is up")
    scene.honest(run)
    scene.closed(run)
