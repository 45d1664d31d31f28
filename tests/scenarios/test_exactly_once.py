"""Nothing lost, nothing twice: a real Postfix under load, its filter taken out and put back while mail runs through it.

Every accepted (message, recipient) must reach the handler exactly once, whatever the filter was doing at that moment.
A soak: FAILOVER_SOAK_SEEDS=100 pytest tests/scenarios/test_exactly_once.py
"""

from __future__ import annotations

import collections
import contextlib
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from failover.lab import Lab
from tests.labs import SEND, lab_or_skip, ledger, until
from tests.scenarios.host import MailHost
from tests.scenarios.storm import PATIENCE_S, body

pytestmark = pytest.mark.lab

STORM = Path(__file__).with_name("storm.py")
SEEDS = range(int(os.environ.get("FAILOVER_SOAK_SEEDS", "3")))
RATE = float(os.environ.get("FAILOVER_SOAK_RATE", "120"))
ARCHIVE = "archive@lab.test"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    ours = lab_or_skip("once")
    yield ours
    ours.down()


@dataclass(frozen=True, slots=True)
class Case:
    seed: int
    wiring: str
    lever: str
    bcc: str  # none | twice: before and after the filter | once: only after it
    faults: tuple[str, str]

    @classmethod
    def drawn(cls, seed: int) -> Case:
        """The first three differ in everything; then by chance. bcc maps forbid requeue, and thereby lever clear."""
        chance = random.Random(seed)
        wiring = ("smtpd-pipe", "other-name", "main-pipe")[seed % 3]
        lever = "clear" if seed % 3 == 1 else "pass"
        bcc = "none" if lever == "clear" else ("once", "twice", "none")[seed // 3 % 3]
        first, second = chance.sample(sorted(FAULTS), 2)
        return cls(seed, wiring, lever, bcc, (first, second))


class Storm:
    """Mail from `sender`, from now until `stop`; then what was accepted and what nobody can know."""

    def __init__(self, lab: Lab, tag: str, seed: int) -> None:
        folder = Path(tempfile.mkdtemp())
        self._stop, self._said = folder / "stop", folder / "said"
        argv = [sys.executable, str(STORM), lab.address("mx1"), tag, str(RATE), "8", str(seed), str(self._stop)]
        with self._said.open("w") as said:
            self._process = lab.popen("sender", argv, stdout=said, stdin=subprocess.DEVNULL)

    def accepted(self) -> int:
        return self._said.read_bytes().count(b"\n")

    def stop(self) -> tuple[dict[str, list[str]], set[str]]:
        self._stop.touch()
        self._process.wait(60 + PATIENCE_S)
        rows = [line.split() for line in self._said.read_text().splitlines()]
        return {seq: to.split(",") for seq, to in rows if to != "?"}, {seq for seq, to in rows if to == "?"}


@dataclass(frozen=True, slots=True)
class Account:
    accepted: int
    lost: list[tuple[str, str]]
    twice: list[tuple[str, str]]
    cut: int
    """Messages that arrived, but not whole."""

    @classmethod
    def of(cls, lab: Lab, tag: str, accepted: dict[str, list[str]], maybe: set[str], bcc: str) -> Account:
        """An archive that is added before and after the filter gets two copies on a healthy host, too."""
        archive, exempt = bcc != "none", {ARCHIVE} if bcc == "twice" else set()
        came: collections.Counter[tuple[str, str]] = collections.Counter()
        cut = 0
        for entry in ledger(lab):
            if (seq := entry["x_seq"] or "").startswith(f"{tag}."):
                came.update((seq, to) for to in entry["to"])
                cut += entry["sha256"] != hashlib.sha256(body(seq).encode()).hexdigest()
        due = {(seq, to) for seq, all_ in accepted.items() for to in (*all_, *([ARCHIVE] if archive else []))}
        lost = sorted(due - came.keys())
        twice = (pair for pair, n in came.items() if n > 1 and pair[0] not in maybe and pair[1] not in exempt)
        return cls(len(due), lost, sorted(twice), cut)


FAULTS = {
    "hung": ("pkill -STOP spamd", "pkill -CONT spamd"),
    # Scans that finish all the time, also in the very moment of the bypass.
    "slow": ("echo 0.4 >/run/lab/slow", "rm -f /run/lab/slow"),
    # The hand-over takes its time: sendmail has begun, and reads late what spamc still writes.
    "handing": ("echo 0.3 >/run/lab/late", "rm -f /run/lab/late"),
}

LATE_SENDMAIL = """
[ ! -e /usr/sbin/sendmail.real ] || exit 0
cp -p /usr/sbin/sendmail /usr/sbin/sendmail.real
cat >/usr/sbin/late <<'END'
#!/bin/sh
[ ! -e /run/lab/late ] || sleep "$(cat /run/lab/late)"
exec /usr/sbin/sendmail.real "$@"
END
chmod 755 /usr/sbin/late
mv /usr/sbin/late /usr/sbin/sendmail
"""


def fault(host: MailHost, name: str) -> None:
    host.sh(FAULTS[name][0])


def heal(host: MailHost, name: str) -> None:
    host.sh(FAULTS[name][1])


def hold_some(host: MailHost, n: int) -> set[str]:
    """As an administrator would, whatever state these messages are in."""
    ids = host.sh(
        f"cd /var/spool/postfix; find active deferred -type f -perm -0700 -printf '%f\\n' | shuf -n {n} | tee /tmp/held"
        " | postsuper -h - >/dev/null 2>&1; find hold -type f -printf '%f\\n'"
    )
    return set(ids.split())


def drain(host: MailHost, lever: str, step: str) -> None:
    if lever == "clear":
        done = host.act("requeue", f"requeue-{step}", {"filter": host_filter(host)}, limit=12)
        assert done.rc == 0 or "in time" in done.because, done.rows  # a storm may outrun it; then it says so
    done = host.act("flush", f"flush-{step}")
    assert done.rc == 0, (done.rows, host.sh("grep -v 'postfix/cleanup\\|postfix/pipe' /var/log/mail.log | tail -n 40"))


def host_filter(host: MailHost) -> str:
    return "spamfilter" if "spamfilter" in host.sh("postconf -M") else "spamassassin"


def cycle(host: MailHost, case: Case, n: int, chance: random.Random) -> set[str]:
    """One incident: the fault, some mail put on hold, bypass, drain, heal, restore. The holds are left as they are."""
    fault(host, case.faults[n])
    time.sleep(chance.uniform(0.5, 1.5))  # how far the incident has got is part of the draw, not a wait for anything
    held = hold_some(host, 3)
    done = host.bypass(case.lever, f"bypass{n}")
    assert done.rc == 0, done.rows
    drain(host, case.lever, str(n))
    if chance.random() < 0.5:
        heal(host, case.faults[n])
        drain(host, case.lever, f"{n}b")
    still = set(host.sh("cd /var/spool/postfix/hold && find . -type f -printf '%f\\n'").split())
    assert held <= still, "what was on hold stays on hold"
    heal(host, case.faults[n])
    done = host.restore(f"bypass{n}")
    assert done.rc == 0, done.rows
    return held


def configure(host: MailHost, case: Case) -> None:
    host.lab.rewire(host.name, case.wiring)
    host.sh(LATE_SENDMAIL)
    if case.bcc != "none":
        host.sh(f"postconf -e always_bcc={ARCHIVE}")
    if case.bcc == "once":  # FILTER_README: no address mappings before the filter
        host.sh("postconf -P smtp/inet/receive_override_options=no_address_mappings")
    for name in FAULTS:
        heal(host, name)
    host.sh("postfix reload; postsuper -d ALL >/dev/null 2>&1")


WHY = "sed -n 's/.* status=\\(deferred\\|bounced\\) /\\1 /p' /var/log/mail.log | sort | uniq -c | sort -rn | head -n 20"

WHERE = "cd /var/spool/postfix && for at in *; do echo $at $(find $at -type f | wc -l); done"


def emptied(host: MailHost) -> bool:
    host.sh("postqueue -f", check=False)  # refused for a moment where a reload has just ended qmgr: asked again
    return host.queued() == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_every_recipient_of_every_message_exactly_once(lab: Lab, seed: int) -> None:
    case, chance = Case.drawn(seed), random.Random(seed + 1000)
    host, tag = MailHost(lab), f"s{seed}-{time.time_ns()}"
    configure(host, case)
    before = host.config()
    storm = Storm(lab, tag, seed)
    try:
        until(lambda: storm.accepted() > 50, within=20, what="mail is accepted")
        for n in range(2):
            cycle(host, case, n, chance)
    finally:
        accepted, maybe = storm.stop()
    assert host.config() == before
    host.sh("postsuper -H ALL >/dev/null 2>&1")  # what was on hold is due as well, once
    # What is left is drained past the filter, for it takes a minute or two where scanning is slow.
    assert host.bypass("pass", "drain").rc == 0
    until(lambda: emptied(host), within=150, what="the queue is empty")
    assert host.restore("drain").rc == 0
    assert host.config() == before
    account = Account.of(lab, tag, accepted, maybe, case.bcc)
    late = len(account.lost)
    if late:  # a queue that was listed as empty was not: what is on its way comes, what is lost does not
        print(host.sh(WHY), host.sh(WHERE), sep="\n")  # noqa: T201
        with contextlib.suppress(pytest.fail.Exception):
            until(
                lambda: not Account.of(lab, tag, accepted, maybe, case.bcc).lost, within=20, what="what is late comes"
            )
        account = Account.of(lab, tag, accepted, maybe, case.bcc)
    print(f"{late} came after the queue was empty; lost {account.lost[:9]}, twice {account.twice[:9]}")  # noqa: T201
    print(f"{case}: {len(accepted)} messages, {account.accepted} deliveries due, {len(maybe)} unanswered")  # noqa: T201
    assert not maybe, "no session was cut"
    assert (account.lost, account.twice, account.cut) == ([], [], 0)


def test_a_hand_over_that_has_begun_is_left_alone_and_arrives_whole(lab: Lab) -> None:
    """Ending spamc by name here makes sendmail read the end of a pipe, and a message cut short is delivered."""
    host, seq = MailHost(lab), f"h{time.time_ns()}.0-15"
    configure(host, Case(0, "smtpd-pipe", "pass", "none", ("handing", "handing")))
    host.sh("echo 4 >/run/lab/late")
    head = f"From: a@lab.test\nX-Failover-Seq: {seq}\n\n"
    lab.run("sender", [sys.executable, "-c", SEND, lab.address("mx1")], input=head + body(seq), timeout=25)
    until(lambda: host.sh("pgrep -x sendmail || true") != "", within=20, what="sendmail has begun")
    done = host.bypass("pass")
    assert (done.rc, done.one("ended")) == (0, ("0",))
    heal(host, "handing")
    until(lambda: emptied(host), within=30, what="the queue is empty")
    came = [entry for entry in ledger(lab) if entry["x_seq"] == seq]
    assert [entry["sha256"] for entry in came] == [hashlib.sha256(body(seq).encode()).hexdigest()]
    assert host.restore().rc == 0
