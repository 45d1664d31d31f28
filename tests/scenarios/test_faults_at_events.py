"""Every act × every fault × every recorded event: what a run says of itself afterwards is so.

Never "rolled back", and never "nothing in force", while something is. The fault comes while the controller stands
still, right after it recorded the event, on the way there and on the way back. Then the fault goes, a person resumes
and rolls back, and nothing is left. script/test plays some of the cells, script/soak the others.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from failover.host import script_text
from failover.lab import Lab
from tests.labs import SLACK, lab_or_skip, send, until

pytestmark = pytest.mark.lab

STATE = re.findall(r"^STATE=(\S+)$", script_text(), re.MULTILINE)[0]
SPOOL = "/var/spool/postfix"
THERE, BACK = ("begun", "intent", "acted", "verified", "closed"), ("undo_intent", "undone")
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
# No pass-through can be made of it, so the setting is cleared; two messages wait for it, not to be tried again soon.
DISCARDS = """
lab-wiring smtpd-pipe && postsuper -d ALL
postconf -M 'spamassassin/unix=spamassassin unix - n n - - discard' && postconf -e defer_transports=spamassassin &&
postfix reload"""
FROZEN = "postconf -X defer_transports && postfix reload"


@dataclass(frozen=True, slots=True)
class Verb:
    """`shows`, run on `host`: prints a word while its effect stands; `since`: the first event after which it does.
    `amid`: the same of its first effect, where that is another. `wires`: how `host` is set up first. `undoes`: the step
    that has an undo, if any."""

    action: str
    with_: str
    shows: str
    host: str = "mx1"
    first: str = ""
    more: str = ""
    wires: str = "lab-wiring smtpd-pipe && postfix reload"
    since: str = "acted"
    undoes: str = "act"
    amid: str = ""

    @property
    def name(self) -> str:
        return "t-" + self.action.replace(".", "-")

    def stands(self, event: str) -> bool:
        return event != "undone" and (event in BACK or THERE.index(event) >= THERE.index(self.since))

    def sees(self, event: str) -> str:
        """The shell's function `amid`: has what comes after that event begun to show?"""
        return (
            f'amid() {{ [ {"-z" if event in BACK else "-n"} "$({(event in THERE and self.amid) or self.shows})" ]; }}\n'
        )


VERBS = {
    "bypass": Verb(
        "spam.bypass",
        "{host: mx1, mode: pass, expires: 4h}",
        "postconf -M spamassassin/unix | grep argv=/usr/sbin/sendmail; true",
    ),
    "requeue": Verb(
        "queue.requeue",
        "{host: mx1, only: frozen}",
        "postconf -h defer_transports | grep spamassassin; true",
        first=BYPASS,
        more=NO_UNDO,
        wires=DISCARDS,
        since="intent",
        undoes="bypass",
        amid=f"find {SPOOL}/hold -type f",
    ),
    "restart": Verb(
        "service.restart",
        "{host: mx1, unit: postfix}",
        f"cmp {SPOOL}/pid/master.pid /run/was >/dev/null || echo anew",
        more=NO_UNDO,
        wires=f"lab-wiring smtpd-pipe && postfix reload && cp {SPOOL}/pid/master.pid /run/was",
        undoes="",
    ),
    "dns": Verb(
        "dns.prefer",
        "{domain: lab.test, to: mx2, mode: overlay, expires: 4h}",
        "dig +short @127.0.0.1 MX lab.test | grep '^9 mx2'; true",
        host="ns1",
        wires="true",
    ),
}
SMALL = f"""
mkdir -p -m 700 {STATE} && mount -t tmpfs -o mode=700,size=4m small {STATE}
mount -o remount,size=4m /tmp && mount -o remount,size=32m {SPOOL}
"""
UP = "for s in ssh spamd handler postfix named; do [ ! -x /etc/init.d/$s ] || service $s start; done >/dev/null 2>&1"
SYSLOG = "pidof busybox >/dev/null || busybox syslogd -O /var/log/mail.log"
WORKS = f"[ ! -d {SPOOL} ] || postfix status; ! pidof named || dig +short +tries=1 @127.0.0.1 SOA lab.test"
# In the middle of an act: `amid` sees its first effect, and it has no result yet.
KILL_HELPER = f"""
for i in $(seq 2000); do
  if amid && grep -qs ^running {STATE}/results/$RUN,*; then pkill -KILL -f '[f]ailover-host [a-z]'; exit; fi
  sleep 0.02
done
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """`begins` and `ends` run on the verb's host. `kills`: the controller dies instead of going on. `amid`: it comes
    while the controller goes on, so only where an act comes next."""

    begins: str = "true"
    ends: str = "true"
    kills: bool = False
    amid: bool = False

    def at(self, verb: Verb) -> tuple[str, ...]:
        events = (*THERE, *BACK) if verb.undoes else THERE
        return tuple(e for e in events if not self.amid or e in {"intent", "undo_intent"})


FAULTS = {
    "kill -9": Fault(kills=True),
    "helper killed": Fault(KILL_HELPER, amid=True),
    "tmp full": Fault("head -c 9m /dev/zero >/tmp/filler 2>/dev/null; true", "rm -f /tmp/filler"),
    "state full": Fault(f"head -c 9m /dev/zero >{STATE}/filler 2>/dev/null; true", f"rm -f {STATE}/filler"),
    "queue full": Fault(f"head -c 64m /dev/zero >{SPOOL}/filler 2>/dev/null; true", f"rm -f {SPOOL}/filler"),
    "reboot": Fault("kill -9 -1", f"{UP}; {SYSLOG}"),
}
SHORT = {
    ("bypass", "tmp full", "intent"),
    ("bypass", "helper killed", "intent"),
    ("bypass", "reboot", "undo_intent"),
    ("requeue", "kill -9", "intent"),
    ("requeue", "state full", "intent"),
    ("requeue", "queue full", "acted"),
    ("restart", "helper killed", "intent"),
    ("dns", "kill -9", "acted"),
}
"""What script/test plays: each act and each fault, where most was found."""
CELLS = [
    pytest.param(verb, fault, event, marks=() if (verb, fault, event) in SHORT else pytest.mark.soak)
    for verb in VERBS
    for fault in FAULTS
    if verb != "dns" or fault in {"kill -9", "reboot"}  # a name server has no helper, and no folder of ours
    for event in FAULTS[fault].at(VERBS[verb])
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
    run: str = ""

    def words(self, *words: str) -> list[str]:
        return ["--playbooks", str(self.folder), "--state", f"sqlite:///{self.folder}/failover.db", *words]

    def failover(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.lab.run("controller", ["failover", *self.words(*words)], timeout=240, check=False)

    def sh(self, script: str, check: bool = True) -> str:
        argv = ["env", f"RUN={self.run}", "sh", "-c", script]
        return self.lab.run(self.verb.host, argv, timeout=60, check=check).stdout

    @property
    def stands(self) -> bool:
        return bool(self.sh(self.verb.shows).strip())

    @property
    def held(self) -> bool:
        return self.verb.host == "mx1" and bool(self.sh(f"find {SPOOL}/hold -type f"))

    def set_up(self) -> None:
        self.sh(f"rm -f /tmp/filler {SPOOL}/filler; [ ! -d {STATE} ] || find {STATE} -mindepth 1 -delete")
        self.sh(self.verb.wires)
        if self.verb.wires == DISCARDS:
            for name in ("a", "b"):
                send(self.lab, f"{self.folder.name}.{name}")
            until(lambda: self.sh(f"find {SPOOL}/deferred -type f | wc -l") == "2\n", within=20, what="it waits")
            self.sh(FROZEN)

    def halted(self, event: str, *words: str) -> subprocess.Popen[str]:
        """`failover WORDS`, which stands still right after that event."""
        begun: list[subprocess.Popen[str]] = []

        def came() -> bool:
            begun.append(self.begin(event, *words))
            halted = next((line.split()[1] for line in begun[-1].stdout or () if line.startswith("halted ")), "")
            self.run = halted or self.run
            # On a busy machine a filter answers late, and the change must stay meanwhile.
            assert halted or (event in BACK and begun[-1].wait() == 6), "it never came to that event"
            return bool(halted)

        until(came, within=300, what="it comes to that event")
        os.waitid(os.P_PID, begun[-1].pid, os.WSTOPPED | os.WNOWAIT)
        return begun[-1]

    def begin(self, event: str, *words: str) -> subprocess.Popen[str]:
        step = "act" if event in THERE else self.verb.undoes
        argv = [sys.executable, "-m", "tests.scenarios.halting", event, step, *self.words(*words)]
        return self.lab.popen("controller", argv, stdout=subprocess.PIPE, text=True, start_new_session=True)

    def disturbed(self, event: str, fault: Fault) -> None:
        """Until the controller has ended, however it did."""
        if event in BACK:
            self.failover("run", self.verb.name, "--yes")
            self.run = json.loads(self.failover("runs", "list", "--json").stdout)["runs"][0]["run"]
            process = self.halted(event, "rollback", self.run, "--yes")
        else:
            process = self.halted(event, "run", self.verb.name, "--yes")
        assert self.stands == self.verb.stands(event), "the cell is not what it says"
        if fault.amid:
            process.send_signal(signal.SIGCONT)
        self.sh(self.verb.sees(event) + fault.begins, check=False)
        process.send_signal(signal.SIGKILL if fault.kills else signal.SIGCONT)
        process.communicate(timeout=400 * SLACK)

    def honest(self) -> None:
        """What stands, before the question and after it, is said."""
        stands, held = bool(self.verb.undoes) and self.stands, self.held
        if not (stands or held):
            return
        status = json.loads(self.failover("status", "--json").stdout)
        debts = {d["run"] for h in status["hosts"].values() for d in h["debts"] or ()}
        assert self.run in debts or not (held and self.held), "mail is on hold, and status does not say so"
        if stands and self.stands:
            assert self.run in {m["run"] for m in status["mitigations"]}, "it is in force, and status does not say so"
            assert json.loads(self.failover("runs", "show", self.run, "--json").stdout)["state"] != "rolled_back"

    def closed(self) -> None:
        """A person resumes what is open, and rolls it back; what cannot be settled they look at and accept."""
        self.failover("runs", "resume", self.run)
        self.honest()
        tries: list[subprocess.CompletedProcess[str]] = []

        def done() -> bool:
            tries.append(self.failover("rollback", self.run, "--yes"))
            return "must wait" not in tries[-1].stdout + tries[-1].stderr

        until(done, within=300, what="its undo may begin")
        back = tries[-1]
        assert not self.held, "mail is left on hold"
        assert not (self.verb.undoes and self.stands), back.stdout + back.stderr
        if back.returncode != 0:
            self.failover("runs", "accept", self.run, "--reason", "test over")


@pytest.mark.parametrize(("name", "trouble", "event"), CELLS)
def test_whatever_happens_at_any_event_nothing_in_force_is_unsaid(
    lab: Lab, tmp_path: Path, name: str, trouble: str, event: str
) -> None:
    """safety 2 and 3, at every event: never "rolled back" or "nothing in force" while something is."""
    verb, fault = VERBS[name], FAULTS[trouble]
    text = PLAYBOOK.format(name=verb.name, action=verb.action, with_=verb.with_, first=verb.first, more=verb.more)
    (tmp_path / f"{verb.name}.yaml").write_text(text)
    scene = Scene(lab, tmp_path, verb)
    scene.set_up()
    scene.disturbed(event, fault)
    if trouble != "reboot":
        scene.honest()
    scene.sh(fault.ends)
    until(lambda: lab.run(verb.host, ["true"], timeout=10, check=False).returncode == 0, within=20, what="it is up")
    if fault.ends != "true":
        scene.honest()
    scene.closed()
    scene.sh(WORKS)
