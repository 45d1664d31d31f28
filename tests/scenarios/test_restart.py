"""A handler that ended or hangs, by the command line on real servers: named, cured, never restarted in a loop."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from failover.host import script_text
from failover.lab import Lab
from tests.labs import lab_or_skip, ledger, until

pytestmark = pytest.mark.lab

FLOOD = """
import smtplib, sys
with smtplib.SMTP(sys.argv[1], 25, timeout=30) as smtp:
    for seq in sys.argv[2:]:
        smtp.sendmail("sender@example.org", ["someone@lab.test"],
            f"Message-ID: <{seq}@example.org>\\r\\nX-Failover-Seq: {seq}\\r\\nSubject: {seq}\\r\\n\\r\\nHello\\r\\n")
"""
SILENT = """
import socket, time
with socket.create_server(("127.0.0.1", 20381)):
    print("ready", flush=True)
    time.sleep(120)
"""
RUN = ("run", "handler-down", "--set", "sick=mx1", "--yes")
INCIDENTS = ("handler-down", "handler-stuck", "mx-frozen", "disk-full")


@pytest.fixture(scope="module")
def boxed() -> Iterator[Lab]:
    ours = lab_or_skip("restart", ("docker",))
    yield ours
    ours.down()


@pytest.fixture
def lab(boxed: Lab) -> Iterator[Lab]:
    """Healed afterwards; no run stays open, and the host forgets its restarts."""
    yield boxed
    boxed.run("mx1", ["pkill", "-CONT", "-x", "dockerd"], timeout=5, check=False)
    for name in INCIDENTS:
        boxed.heal(name)
    boxed.run("mx1", ["rm", "-f", "/var/lib/failover-host/restarts"], timeout=5)
    for run in json.loads(failover(boxed, "runs", "list", "--json").stdout)["runs"]:
        if run["state"] not in {"succeeded", "aborted"}:
            failover(boxed, "runs", "accept", run["run"], "--reason", "test over")
    until(lambda: "220" in handler(boxed), within=20, what="the handler healthy again")


def failover(lab: Lab, *words: str, within: float = 90) -> subprocess.CompletedProcess[str]:
    return lab.run("controller", ["failover", *words], timeout=within, check=False)


def handler(lab: Lab) -> str:
    script = 'exec 3<>/dev/tcp/127.0.0.1/20381 && read -r -t 3 line <&3 && echo "$line"'
    return lab.run("mx1", ["bash", "-c", script], timeout=6, check=False).stdout


def started(lab: Lab) -> str:
    argv = ["docker", "container", "inspect", "-f", "{{.State.StartedAt}}", "sl-email"]
    return lab.run("mx1", argv, timeout=10).stdout.strip()


def flood(lab: Lab, name: str, n: int = 20) -> list[str]:
    seqs = [f"{name}-{i}" for i in range(n)]
    lab.run("sender", [sys.executable, "-c", FLOOD, lab.address("mx1"), *seqs], timeout=60)
    return seqs


def counted(lab: Lab, seqs: list[str]) -> set[int]:
    seen = Counter(line["x_seq"] for line in ledger(lab))
    return {seen[seq] for seq in seqs}


def delivered_once(lab: Lab, seqs: list[str]) -> None:
    until(lambda: 0 not in counted(lab, seqs), within=30, what="every message delivered")
    assert counted(lab, seqs) == {1}, "and none twice"


def waits(lab: Lab, n: int) -> bool:
    folders = [f"/var/spool/postfix/{name}" for name in ("active", "deferred")]
    return len(lab.run("mx1", ["find", *folders, "-type", "f"], timeout=10).stdout.split()) >= n


def headline(lab: Lab) -> str:
    return failover(lab, "check", "--host", "mx1").stdout.splitlines()[0]


def document(lab: Lab) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(failover(lab, "check", "--json").stdout)
    return found


def run_until(lab: Lab, kind: str, step: str) -> tuple[str, subprocess.Popen[Any]]:
    process = lab.popen("controller", ["failover", *RUN, "--events"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if (event["kind"], event["step"]) == (kind, step):
            return event["run"], process
    pytest.fail(f"the run ended without {kind} of {step}")


def kill(process: subprocess.Popen[Any]) -> None:
    process.kill()
    process.wait(timeout=10)
    if process.stdout is not None:
        process.stdout.close()


@pytest.mark.parametrize(
    ("incident", "words"),
    [
        ("handler-down", "mx1 is failing: mail handler down"),
        ("handler-stuck", "mx1 is failing: mail handler silent"),  # by one look; stuck is what stays so
        ("mx-frozen", "mx1 is failing: Postfix frozen"),
        ("disk-full", "mx1 is degraded: no room for the queue"),
    ],
)
def test_each_incident_is_named(lab: Lab, incident: str, words: str) -> None:
    lab.incident(incident)
    until(lambda: headline(lab) == words, within=60, what=words)


@pytest.mark.parametrize("incident", ["handler-down", "handler-stuck"])
def test_cured_with_every_message_delivered_exactly_once(lab: Lab, incident: str) -> None:
    seqs = flood(lab, f"{incident}-before")
    lab.incident(incident)
    seqs += flood(lab, f"{incident}-during")
    until(lambda: waits(lab, 20), within=20, what="mail waiting for the handler")

    done = failover(lab, *RUN, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [s["state"] for s in json.loads(done.stdout)["steps"]] == ["verified", "verified"]
    delivered_once(lab, seqs + flood(lab, f"{incident}-after"))


@pytest.mark.parametrize(
    ("incident", "kind", "step"),
    [
        ("handler-stuck", "intent", "restart"),  # while docker waits for it to end
        ("handler-down", "acted", "restart"),
        ("handler-down", "intent", "drain"),
    ],
)
def test_killed_in_the_middle_it_resumes_to_the_same_end(lab: Lab, incident: str, kind: str, step: str) -> None:
    lab.incident(incident)
    seqs = flood(lab, f"killed-{incident}-{kind}-{step}")
    until(lambda: waits(lab, 20), within=20, what="mail waiting for the handler")
    run, process = run_until(lab, kind, step)
    kill(process)

    resumed = failover(lab, "runs", "resume", run, "--json")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    delivered_once(lab, seqs)


def test_the_fourth_restart_in_ten_minutes_is_refused_and_a_person_is_told(lab: Lab) -> None:
    for _ in range(3):
        assert failover(lab, *RUN).returncode == 0
    last = started(lab)
    refused = failover(lab, *RUN)
    assert refused.returncode == 4
    assert "3 restarts in the last 10 min" in refused.stderr
    assert "a person has to look" in refused.stderr
    assert started(lab) == last


def test_a_container_that_ends_again_at_once_fails_the_step(lab: Lab) -> None:
    """Something else has its port: docker starts it again and again, and it never serves."""
    lab.incident("handler-down")
    squatter = lab.popen("mx1", [sys.executable, "-c", SILENT], stdout=subprocess.PIPE)
    try:
        assert squatter.stdout is not None
        assert squatter.stdout.readline() == b"ready\n"
        done = failover(lab, *RUN, "--json")
        assert done.returncode == 6, done.stdout + done.stderr
        run = json.loads(done.stdout)
        assert (run["state"], run["steps"][0]["state"]) == ("paused", "failed")
        error = run["steps"][0]["error"]  # of the last look: between two ends it runs, and a slow one has not ended yet
        assert re.search(r"ended again at once: .*exit code 1|ended again, and runs|does not answer at", error), error
    finally:
        lab.run("mx1", ["pkill", "-KILL", "-f", "create_server[(]"], timeout=5, check=False)
        kill(squatter)


def test_on_a_full_disk_nothing_acts(lab: Lab) -> None:
    lab.incident("disk-full")
    lab.incident("handler-down")
    before = started(lab)
    until(lambda: headline(lab).endswith(": no room for the queue"), within=60, what="the full disk is named")
    assert document(lab)["decision"]["kind"] != "run"
    refused = failover(lab, *RUN)
    assert refused.returncode == 4
    assert "disk.free" in refused.stderr
    assert started(lab) == before


def test_a_docker_that_hangs_is_said_and_waited_for_by_nobody(lab: Lab) -> None:
    lab.run("mx1", ["pkill", "-STOP", "-x", "dockerd"], timeout=5)
    found = document(lab)["hosts"]["mx1"]
    assert (found["state"], found["signals"]["container.state"]["value"]) == ("degraded", "timeout")
    refused = failover(lab, *RUN, within=30)
    assert refused.returncode == 4
    assert "docker does not answer" in refused.stderr


PLAYBOOK = """\
version: 1
name: again
summary: Restart what hosts.yaml names.
steps:
  - id: filter
    action: service.restart
    with: {host: mx1, unit: spamd}
    verify: [{signal: spam.scan, host: mx1, is: ok, within: 30s}]
  - id: postfix
    action: service.restart
    with: {host: mx1, unit: postfix}
    verify: [{signal: smtp.banner, host: mx1, is: ok, within: 30s}]
"""


def test_services_are_restarted_for_real(lab: Lab, tmp_path: Path) -> None:
    """No lab host has systemd, and the plan says how it is done instead; mail in the queue stays there."""
    playbook = tmp_path / "again.yaml"
    playbook.write_text(PLAYBOOK)
    lab.incident("handler-down")
    seqs = flood(lab, "through-restarts")
    until(lambda: waits(lab, 20), within=20, what="mail waiting for the handler")
    before = pids(lab)
    assert "service spamd restart (no systemd there)" in failover(lab, "plan", str(playbook)).stdout
    done = failover(lab, "run", str(playbook), "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not before & pids(lab)
    assert failover(lab, *RUN).returncode == 0
    delivered_once(lab, seqs)


def pids(lab: Lab) -> set[str]:
    return set(lab.run("mx1", ["pgrep", "-x", "spamd|master"], timeout=5).stdout.split())


SYSTEMCTL = """\
#!/bin/sh
# As much of systemctl(1) as the helper asks for, over the init scripts; it answers before the work is done.
echo "$*" >>/run/asked
for unit; do :; done
name=${unit%.service}
case "$*" in
  *MainPID*) cat "/run/$name.pid" 2>/dev/null || echo 0 ;;
  *LoadState*)
    if [ "$name" = spamd ]; then load=loaded active=active file=enabled
    elif [ "$name" = debug-shell ]; then load=loaded active=inactive file=static
    else load=not-found active=inactive file=; fi
    printf 'LoadState=%s\\nActiveState=%s\\nUnitFileState=%s\\n' "$load" "$active" "$file" ;;
  *restart*) (sleep 1; SYSTEMCTL_SKIP_REDIRECT=1 "/etc/init.d/$name" restart) >/dev/null 2>&1 & ;;
esac
"""
WITH_SYSTEMD = "mkdir -p /run/systemd/system && cat >/usr/sbin/systemctl && chmod 755 /usr/sbin/systemctl"
WITHOUT = "rm -rf /run/systemd /run/asked /usr/sbin/systemctl"


def test_where_systemd_runs_it_is_asked_and_its_answer_is_not_taken_for_the_effect(lab: Lab, tmp_path: Path) -> None:
    """Played here: no lab host has systemd. The stand-in says yes at once, and spamd is there a second later."""
    playbook = tmp_path / "again.yaml"
    filter_only = PLAYBOOK.partition("  - id: postfix")[0]
    playbook.write_text(filter_only)
    before = pids(lab)
    lab.run("mx1", ["sh", "-c", WITH_SYSTEMD], input=SYSTEMCTL, timeout=5)
    try:
        done = failover(lab, "run", str(playbook), "--yes")
        asked = lab.run("mx1", ["cat", "/run/asked"], timeout=5).stdout
    finally:
        lab.run("mx1", ["sh", "-c", WITHOUT], timeout=5)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "--no-block restart spamd.service" in asked
    assert len(pids(lab) - before) == 1, "spamd is another one, Postfix the same"


@pytest.mark.parametrize("name", ["reboot.target", "debug-shell", "systemd-reboot.service"])
def test_what_a_host_does_not_run_by_itself_is_not_started(lab: Lab, name: str) -> None:
    """`systemctl restart reboot.target` is a reboot: the helper takes services alone, and none that only waits."""
    lab.run("mx1", ["sh", "-c", WITH_SYSTEMD], input=SYSTEMCTL, timeout=5)
    keys = ["run=r", "step=s", "attempt=1", "epoch=9999999999", "limit=10", "kind=service", "answers=127.0.0.1:783"]
    try:
        argv = ["sh", "-c", 'eval "$(cat)"', "failover-host", "restart", f"name={name}", *keys]
        said = lab.run("mx1", argv, input=script_text(), timeout=20, check=False).stdout
        asked = lab.run("mx1", ["cat", "/run/asked"], timeout=5).stdout
    finally:
        lab.run("mx1", ["sh", "-c", WITHOUT + "; rm -rf /var/lib/failover-host"], timeout=5)
    assert said.endswith("end\trestart\t78\n"), said
    assert "restart" not in asked.replace(name, "")
