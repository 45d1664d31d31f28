"""`failover check` through the front door, with the outside scripted at the ports."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from failover.cli import main, wiring
from failover.errors import Unreachable
from failover.ports import Reply, SmtpAnswer
from tests.probes.fakes import Clock, Remote, Smtp, facts

SPAM = '{engine: spamassassin, address: "127.0.0.1:783"}'
HANDLER = '{address: "127.0.0.1:20381", banner: "Python SMTP"}'
HOSTS = f"""\
version: 1
hosts:
  mx2: {{role: standby, address: 192.0.2.12, mx: mx2.example.net, spam: {SPAM}, handler: {HANDLER}}}
  mx1: {{role: primary, address: 192.0.2.11, mx: mx1.example.net, spam: {SPAM}, handler: {HANDLER}}}
  mx3: {{role: standby, address: 192.0.2.13, mx: mx3.example.net}}
domains:
  example.net: {{dns: {{kind: rfc2136, server: 192.0.2.53, key_name: failover, key: "file:tsig"}}}}
"""

HUNG = facts(
    "spam.ping timeout 5004 connected, no answer in 5 s",
    "spam.scan timeout 5004 connected, no answer in 5 s",
    "frozen spamassassin 412 190 412 412",
    "queue active 412",
)
GONE = Unreachable("mx1: no route to host", try_="see whether it is up")


@dataclass
class Ran:
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    hosts = tmp_path / "hosts.yaml"
    hosts.write_text(HOSTS)
    monkeypatch.setenv("FAILOVER_HOSTS", str(hosts))
    monkeypatch.setenv("FAILOVER_STATE", f"sqlite:///{tmp_path}/state.db")
    monkeypatch.setattr(wiring, "smtp", Smtp)
    monkeypatch.setattr(wiring, "clock", Clock)

    def ran(*words: str, **answers: Reply | Unreachable) -> Ran:
        monkeypatch.setattr(wiring, "remote", lambda _: Remote(answers))
        with pytest.raises(SystemExit) as ended:
            main(["check", *words])
        shown = capsys.readouterr()
        return Ran(int(ended.value.code or 0), shown.out, shown.err)

    return ran


def test_healthy_is_three_lines_and_zero(run: Run) -> None:
    ran = run()
    assert ran.code == 0
    assert ran.out.splitlines()[:3] == ["mx2 is healthy", "mx1 is healthy", "mx3 is healthy"]
    assert ran.out.splitlines()[3:] == ["would hold", "  no playbook's trigger holds"]
    assert ran.err == ""


def test_hung_filter_is_told_with_its_evidence(run: Run) -> None:
    ran = run("--host", "mx1", mx1=HUNG)
    assert ran.code == 2
    lines = ran.out.splitlines()
    assert lines[0] == "mx1 is failing: spam filter hung"
    assert [re.split(r"\s{2,}", x.strip()) for x in lines[1:4]] == [
        ["spam.scan", "fail", "no answer in 5 s"],
        ["spam.ping", "fail", "no answer in 5 s"],
        ["queue.frozen", "fail", '412 messages wait for "spamassassin", oldest 3 min 10 s'],
    ]
    assert "against" in ran.out
    assert "handler answers in 12 ms, port 25 answers, disk 61 % free" in ran.out


def test_what_lies_behind_a_closed_door_is_one_line(run: Run) -> None:
    ran = run(mx1=GONE)
    assert ran.code == 3
    assert "mx1 cannot be judged: no SSH: mail flows, we are blind" in ran.out
    seen, _, _ = ran.out.partition("would hold")
    assert seen.count("behind ssh.reach") == 1
    assert "and 12 more" in seen
    assert run("-v", mx1=GONE).out.partition("would hold")[0].count("behind ssh.reach") == 13


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({}, 0),
        ({"mx2": facts("queue deferred 200")}, 1),
        ({"mx1": GONE, "mx2": facts("queue deferred 200")}, 3),
        ({"mx1": GONE, "mx2": HUNG}, 2),
    ],
)
def test_exit_code_is_that_of_the_worst(run: Run, answers: dict[str, Any], code: int) -> None:
    assert {run(form, **answers).code for form in ("-v", "--json", "--nagios")} == {code}


def test_json_is_one_document_of_the_agreed_shape(run: Run) -> None:
    ran = run("--json", mx1=HUNG)
    found = json.loads(ran.out)
    assert list(found) == ["version", "at", "hosts", "domains", "decision"]
    assert found["version"] == 1
    assert list(found["hosts"]) == ["mx2", "mx1", "mx3"]
    assert set(found["hosts"]["mx1"]) == {"state", "signals"}
    keys = {"outcome", "value", "unit", "reason", "vantage", "at"}
    signals = found["hosts"]["mx1"]["signals"]
    assert {frozenset(s) for n, s in signals.items() if n != "smtp.peer"} == {frozenset(keys)}
    assert set(signals["smtp.peer"]) == keys | {"all"}
    assert {s["vantage"] for s in signals["smtp.peer"]["all"]} == {"mx2", "mx3"}
    assert signals["queue.frozen"]["value"] == 412
    assert list(found["decision"]) == ["kind", "playbook", "host", "because"]
    assert found["decision"]["kind"] == "hold"
    assert list(found["domains"]) == ["example.net"]


def test_json_shows_the_worst_of_several_vantages(run: Run) -> None:
    found = json.loads(run("--json", mx3=facts("peer 192.0.2.11:25 timeout 5001 connected, no answer in 5 s")).out)
    peer = found["hosts"]["mx1"]["signals"]["smtp.peer"]
    assert (peer["outcome"], peer["vantage"]) == ("fail", "mx3")


PERF = re.compile(r"'[^'=]+'=-?[0-9.]+(s|%)?;[0-9.:]*;[0-9.:]*;0;(100)?")


def test_nagios_line(run: Run) -> None:
    first, *rest = run("--nagios", mx1=HUNG).out.splitlines()
    status, _, perf = first.partition(" | ")
    assert status == "CRITICAL: mx2 is healthy; mx1 is failing: spam filter hung; mx3 is healthy"
    measured = re.findall(r"'[^']*'=\S+", perf)
    assert " ".join(measured) == perf
    assert all(PERF.fullmatch(m) for m in measured)
    assert "'mx1 queue.pending'=413;50;;0;" in measured
    assert "'mx1 disk.free'=61%;15:;5:;0;100" in measured
    assert not [m for m in measured if "'mx1 spam.scan'" in m]  # nothing was measured: no made-up 0
    assert "mx1 spam.scan fail from mx1: no answer in 5 s" in rest


def test_a_hostile_banner_cannot_forge_performance_data(run: Run) -> None:
    out = run("--nagios", mx1=facts("handler ok 9 220 a | 'mx1 queue.pending'=0;;;0;")).out
    assert out.count("|") == 1


def test_textfile_is_whole_readable_and_without_times(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "out" / "failover.prom"
    path.parent.mkdir()
    ran = run("--textfile", str(path), mx1=HUNG)
    assert (ran.code, ran.out) == (2, "")
    assert [p.name for p in path.parent.iterdir()] == ["failover.prom"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    lines = path.read_text().splitlines()
    assert 'failover_host_state{host="mx1"} 2' in lines
    assert 'failover_signal_outcome{host="mx1",signal="spam.scan",vantage="mx1"} 2' in lines
    assert 'failover_signal_value{host="mx1",signal="queue.frozen",vantage="mx1"} 412.0' in lines
    assert all(re.fullmatch(r"failover_\w+(\{[^}]*\})? -?[0-9.e+-]+", x) for x in lines if not x.startswith("#"))
    assert sum(x.startswith("# TYPE") for x in lines) == 4
    assert run("--textfile", str(tmp_path / "nowhere" / "x.prom")).code == 3


@pytest.mark.parametrize("words", [["--host", "mx9"], ["--json", "--nagios"], ["--nonsense"], ["--hosts", "none.yaml"]])
def test_wrong_usage_is_three_not_critical(run: Run, words: list[str]) -> None:
    ran = run(*words)
    assert ran.code == 3
    assert "Traceback" not in ran.err


def test_nagios_reads_stdout_even_when_the_configuration_is_wrong(run: Run) -> None:
    assert run("--nagios", "--hosts", "none.yaml").out.startswith("UNKNOWN: ")


def test_nothing_is_remembered(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "store", lambda *_: pytest.fail("check opened the state store"))
    before = set(tmp_path.iterdir())
    run(mx1=HUNG)
    assert set(tmp_path.iterdir()) == before


def test_controller_without_network_suspects_itself(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    deaf = SmtpAnswer(False, "no connection for 5 s", 5.0)
    monkeypatch.setattr(wiring, "smtp", lambda: Smtp({f"192.0.2.{n}": deaf for n in (11, 12, 13)}))
    ran = run(mx1=GONE, mx2=GONE, mx3=GONE)
    assert ran.code == 3
    assert ran.out.count("suspect the controller's own network first") == 3


def test_imports_wait_until_they_are_needed() -> None:
    heavy = "{'fabric', 'paramiko', 'boto3', 'dns', 'sqlalchemy', 'httpx', 'pydantic', 'rich'}"
    code = f"import sys; import failover.cli.check; print(sorted({heavy} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert ran.stdout.strip() == "[]"
