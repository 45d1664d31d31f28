"""The lab is a real mail world, several of them can be, and the machine does not notice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from failover.lab import Lab, processes
from failover.lab.incidents import INCIDENTS
from failover.lab.places import PLACES
from tests.labs import arrived, lab_or_skip, ledger, send, until

pytestmark = pytest.mark.lab

PORTS = {22, 25, 53, 783, 953, 10025, 10026, 20381}
FAILOVER = str(Path(sys.executable).with_name("failover"))


def machine() -> dict[str, object]:
    """What a lab could disturb; of the listeners only its own ports, for other tests open others meanwhile."""

    def said(*argv: str) -> str:
        return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True).stdout

    listeners = {line.split()[3] for line in said("ss", "-Hltun").splitlines()}
    listening = {address for address in listeners if int(address.rpartition(":")[2]) in PORTS}
    files = ("/var/lib/dpkg/status", "/etc/passwd", "/etc/group", "/etc/hosts", "/etc/resolv.conf", "/etc/ld.so.cache")
    return {
        "listening": listening,
        "links": {line.split()[0] for line in said("ip", "-br", "link").splitlines()},
        "netns": said("ip", "netns"),
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "rules": said("ip", "route"),
        "files": [(name, Path(name).read_bytes()) for name in files],
    }


def test_the_machine_reads_the_same_while_up_and_after_down() -> None:
    before = machine()
    lab = lab_or_skip("machine")
    try:
        assert machine() == before
        folder = lab.folder
    finally:
        lab.down()
    assert machine() == before
    assert not folder.exists()
    assert not processes.marked(folder)


def test_up_again_and_down_again_do_nothing() -> None:
    lab = lab_or_skip("again")
    try:
        pid = lab.pid("mx1")
        assert lab.up() is False
        assert lab.pid("mx1") == pid
    finally:
        lab.down()
    assert lab.down() is False


def test_labs_by_other_names_are_other_worlds(lab: Lab) -> None:
    other = lab_or_skip("other")
    try:
        send(other, "only-there")
        until(lambda: bool(arrived(other, "only-there")), within=15, what="delivery")
        assert not arrived(lab, "only-there")
    finally:
        other.down()
    assert lab.is_up()
    send(lab, "still-here")
    until(lambda: bool(arrived(lab, "still-here")), within=15, what="delivery after the other lab went")


@pytest.mark.parametrize("victim", ["mx1", "lan", "controller"])
def test_up_clears_what_a_crash_left(victim: str) -> None:
    lab = lab_or_skip("crash")
    try:
        survivor = lab.held("ns1")
        os.kill(lab.held(victim), signal.SIGKILL)
        until(lambda: not lab.is_up(), within=5, what="seen as down")
        assert lab.up() is True
        assert not processes.is_marked(survivor, lab.folder)
        send(lab, f"after-{victim}")
        until(lambda: bool(arrived(lab, f"after-{victim}")), within=15, what="delivery after the crash")
    finally:
        lab.down()


def test_a_message_reaches_the_handler_scanned_and_once(lab: Lab) -> None:
    def log() -> list[str]:
        return lab.run("mx1", ["cat", "/var/log/mail.log"], timeout=5).stdout.splitlines()

    before = len(log())
    send(lab, "first")
    until(lambda: bool(arrived(lab, "first")), within=15, what="delivery")
    (line,) = arrived(lab, "first")
    assert line["scanned"] is True
    assert line["to"] == ["someone@lab.test"]
    assert line["message_id"] == "<first@example.org>"
    assert 0 <= line["at"] - float(line["x_sent"]) < 15
    said = log()[before:]
    assert any("relay=spamassassin" in line for line in said)
    assert not [line for line in said if " warning: " in line or " fatal: " in line]


def test_what_runs_inside_a_host_is_that_hosts_own(lab: Lab) -> None:
    assert lab.run("mx2", ["hostname"], timeout=5).stdout == "mx2\n"
    assert lab.run("mx1", ["cat", "/proc/1/comm"], timeout=5).stdout == "lab-boot\n"
    lab.run("mx1", ["touch", "/etc/written-in-the-lab"], timeout=5)
    assert not Path("/etc/written-in-the-lab").exists()
    assert lab.run("mx2", ["test", "-e", "/etc/written-in-the-lab"], timeout=5, check=False).returncode == 1
    assert lab.run("mx1", ["touch", str(Path(sys.prefix, "x"))], timeout=5, check=False).returncode == 1


def test_mail_is_sent_by_one_command_until_it_is_stopped(lab: Lab) -> None:
    argv = [FAILOVER, "lab", "mail", "--name", lab.name, "--host", "mx2", "--rate", "10"]
    before = len(lab.ledger("mx2").read_text().splitlines())
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as sender:
        try:
            until(lambda: len(lab.ledger("mx2").read_text().splitlines()) > before + 5, within=30, what="mail comes")
        finally:
            sender.terminate()
    assert sender.returncode == 0


def test_the_help_names_every_place_and_incident() -> None:
    for command, names in (("exec", PLACES), ("incident", INCIDENTS)):
        said = subprocess.run(
            [FAILOVER, "lab", command, "--help"], capture_output=True, text=True, timeout=60, check=True
        )
        assert all(name in said.stdout for name in names), said.stdout


def test_exec_passes_everything_through(lab: Lab) -> None:
    said = '"$1" $2'
    script = ["sh", "-c", 'cat; printf "%s|" "$@"; exit 7', "--name", said, "--help", "-v", ""]
    for place in (["mx1"], ["controller", "--"]):
        done = subprocess.run(
            [FAILOVER, "lab", "exec", "--name", lab.name, *place, *script],
            input="in ", capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (7, f"in {said}|--help|-v||", "")


def test_the_controller_has_what_failover_needs_and_the_strangers_keys_are_known(lab: Lab) -> None:
    look = "import os, yaml; s = yaml.safe_load(open(os.environ['FAILOVER_HOSTS'])); print(*s['hosts'], sep=',')"
    assert lab.run("controller", ["python", "-c", look], timeout=10).stdout == "mx1,mx2\n"
    assert lab.run("controller", ["sh", "-c", "command -v failover"], timeout=5).stdout == f"{FAILOVER}\n"
    known, identity = lab.folder / "known_hosts", lab.folder / "id_ed25519"
    strict = ["-F", "none", "-i", str(identity), "-o", f"UserKnownHostsFile={known}", "-o", "StrictHostKeyChecking=yes"]
    for place in PLACES.values():
        if place.is_host:
            ssh = ["ssh", *strict, "-o", "BatchMode=yes", f"root@{place.address}", "hostname"]
            assert lab.run("controller", ssh, timeout=15).stdout == f"{place.name}\n"


NSUPDATE = """
import os, sys, dns.query, dns.rcode, dns.tsigkeyring, dns.update
ring = dns.tsigkeyring.from_text({"failover": os.environ["FAILOVER_TSIG"]})
update = dns.update.UpdateMessage("lab.test", keyring=ring, keyalgorithm="hmac-sha256")
update.replace(sys.argv[1], 60, sys.argv[2], *sys.argv[3:])
print(dns.rcode.to_text(dns.query.tcp(update, "10.77.0.53", timeout=5).rcode()))
"""


def test_the_key_may_move_the_mx_and_nothing_else(lab: Lab) -> None:
    def update(*change: str) -> str:
        return lab.run("controller", [sys.executable, "-c", NSUPDATE, *change], timeout=15).stdout.strip()

    def secondary() -> set[str]:
        asked = ["dig", "+short", "+norecurse", "@10.77.0.54", "lab.test", "MX"]
        return set(lab.run("ns1", asked, timeout=10).stdout.split("\n")) - {""}

    usual = {"10 mx1.lab.test.", "20 mx2.lab.test."}
    assert secondary() == usual
    assert update("mx1.lab.test.", "A", "192.0.2.1") == "REFUSED"
    try:
        assert update("lab.test.", "MX", "5 mx2.lab.test.", "10 mx1.lab.test.") == "NOERROR"
        until(lambda: secondary() == {"5 mx2.lab.test.", "10 mx1.lab.test."}, within=5, what="notify to ns2")
    finally:
        assert update("lab.test.", "MX", *sorted(usual)) == "NOERROR"
    until(lambda: secondary() == usual, within=5, what="notify to ns2")


def test_the_ledger_of_the_other_mx_is_its_own(lab: Lab) -> None:
    send(lab, "to-mx2", host="mx2")
    until(lambda: bool(arrived(lab, "to-mx2", "mx2")), within=15, what="delivery")
    assert not [line for line in ledger(lab) if line["x_seq"] == "to-mx2"]
