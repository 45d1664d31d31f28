"""`failover check` through the front door, with the outside scripted at the ports."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from failover import dns as zones
from failover.adapters.store import SqlStore
from failover.cli import main, wiring
from failover.cli.check_formats import domain_states
from failover.cli.prometheus import Standing, prometheus
from failover.core.decide.past import Cycle, Pause
from failover.core.mx import MxSet, mx_set
from failover.core.observe.diagnosis import diagnose_all
from failover.core.observe.signal import CONTROLLER, Outcome, Signal
from failover.errors import Unreachable
from failover.ports import Reply, SmtpAnswer
from tests.fakes import AT, Clock, Smtp, Zone
from tests.signals.fakes import Remote, facts, fleet, host

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
MX = mx_set(60, [(10, "mx1.example.net"), (20, "mx2.example.net")])
GONE = Unreachable("mx1: no route to host", try_="see whether it is up")


@dataclass
class Ran:
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Zone:
    found = Zone(MX)
    monkeypatch.setattr(zones, "zone_of", lambda *_: found)
    return found


@pytest.fixture
def run(zone: Zone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
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
    assert "and 16 more" in seen
    assert run("-v", mx1=GONE).out.partition("would hold")[0].count("behind ssh.reach") == 17


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
    assert set(found["hosts"]["mx1"]) == {"state", "signals", "debts"}
    keys = {"outcome", "value", "unit", "reason", "vantage", "at"}
    signals = found["hosts"]["mx1"]["signals"]
    assert {frozenset(s) for n, s in signals.items() if n != "smtp.peer"} == {frozenset(keys)}
    assert set(signals["smtp.peer"]) == keys | {"all"}
    assert {s["vantage"] for s in signals["smtp.peer"]["all"]} == {"mx2", "mx3"}
    assert signals["queue.frozen"]["value"] == 412
    assert list(found["decision"]) == ["kind", "playbook", "host", "because"]
    assert found["decision"]["kind"] == "hold"
    assert list(found["domains"]) == ["example.net"]
    domain = found["domains"]["example.net"]
    assert (domain["state"], domain["dns"], list(domain["signals"])) == ("healthy", "rfc2136", ["dns.mx"])
    assert set(domain["signals"]["dns.mx"]) == keys


def test_one_look_counts_nothing_and_reads_no_log(run: Run) -> None:
    found = json.loads(run("--json", mx1=facts("log 812 9000")).out)
    assert not set(found["hosts"]["mx1"]["signals"]) & {"queue.removed_rate", "traffic.share", "log.position"}
    assert found["hosts"]["mx1"]["state"] == "healthy"


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


STALE: dict[str, MxSet | str] = {"192.0.2.53": MX, "192.0.2.54": mx_set(60, [(10, "mx1.example.net")])}
SILENT: dict[str, MxSet | str] = {"192.0.2.53": "silent: no answer in 2 s"}


@pytest.mark.parametrize(
    ("shown", "code", "state", "said"),
    [
        (STALE, 2, "failed", "example.net is failing: 1 of 2 servers: not all show"),
        (SILENT, 3, "unknown", "example.net cannot be judged: 192.0.2.53: silent"),
        ({"192.0.2.54": MX, **SILENT}, 1, "degraded", "example.net is degraded: 1 of 2 servers"),
    ],
)
def test_a_domain_counts_like_a_host(
    run: Run, zone: Zone, shown: dict[str, MxSet | str], code: int, state: str, said: str
) -> None:
    zone.shown = shown
    ran = run()
    assert ran.code == code
    before, line, *after = [x for x in ran.out.splitlines() if x == "mx3 is healthy" or not x.startswith("mx")]
    assert (before, after[0]) == ("mx3 is healthy", "would hold")
    assert said in line
    assert json.loads(run("--json").out)["domains"]["example.net"]["state"] == state
    nagios = run("--nagios").out
    assert said.partition(":")[0] in nagios.partition(" | ")[0]
    assert ("'example.net dns.mx'=1;;;0;" in nagios) is (code != 3)
    assert run(mx2=HUNG).code == 2, "what fails is worse than what is unknown"


def test_a_domain_that_is_well_is_named_only_when_more_is_asked_for(run: Run) -> None:
    assert "example.net" not in run().out
    assert "example.net is healthy: 2 of 2 servers" in run("-v").out


def test_where_hosts_are_named_the_answer_is_about_these(run: Run, zone: Zone) -> None:
    zone.shown = STALE
    ran = run("--host", "mx1", "--json")
    assert ran.code == 0
    domain = json.loads(ran.out)["domains"]["example.net"]
    assert (domain["state"], domain["signals"]) == (None, {})


# Prometheus ----------------------------------------------------------------------

SERIES = re.compile(r'(failover_[a-z_]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)*\})? (-?[0-9.]+(?:e[+-][0-9]+)?|NaN)')


def series(text: str) -> dict[str, float]:
    """As promtool reads it: one HELP and TYPE a metric, before its series, which stand together and are distinct."""
    assert text.endswith("\n")
    found: dict[str, float] = {}
    metric, done = "", set[str]()
    for line in text.splitlines():
        match line.split(" ", 3):
            case ["#", "HELP", name, words]:
                assert name not in done
                assert words.endswith(".")
                metric = name
                done.add(name)
            case ["#", "TYPE", name, kind]:
                assert (name, kind) == (metric, "gauge")
            case _:
                one = SERIES.fullmatch(line)
                assert one, line
                assert one[1] == metric
                assert one[1] + (one[2] or "") not in found
                found[one[1] + (one[2] or "")] = float(one[3])
    return found


def test_textfile_is_whole_readable_and_without_times(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "out" / "failover.prom"
    path.parent.mkdir()
    ran = run("--textfile", str(path), mx1=HUNG)
    assert (ran.code, ran.out, ran.err) == (2, "", "")
    assert [p.name for p in path.parent.iterdir()] == ["failover.prom"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    found = series(path.read_text())
    assert found['failover_host_state{host="mx1"}'] == 2
    assert found['failover_domain_state{domain="example.net"}'] == 0
    assert found['failover_signal_outcome{host="mx1",signal="spam.scan",vantage="mx1"}'] == 2
    assert found['failover_signal_value{host="mx1",signal="queue.frozen",vantage="mx1"}'] == 412
    assert found['failover_signal_value{domain="example.net",signal="dns.mx",vantage="controller"}'] == 2
    assert found["failover_last_look_timestamp_seconds"] == AT.timestamp()
    assert not [name for name in found if name.startswith(("failover_paused", "failover_blocked", "failover_open"))]
    assert not list(tmp_path.glob("state.db*")), "a store was made"
    assert run("--textfile", str(tmp_path / "nowhere" / "x.prom")).code == 3
    (path.parent / "folder.prom").mkdir()
    assert run("--textfile", str(path.parent / "folder.prom")).code == 3
    assert sorted(p.name for p in path.parent.iterdir()) == ["failover.prom", "folder.prom"]


def test_textfile_says_what_the_store_says_and_leaves_it_as_it_was(run: Run, tmp_path: Path) -> None:
    path, state = tmp_path / "failover.prom", tmp_path / "state.db"
    store = SqlStore.open_url(f"sqlite:///{state}")
    store.pause(Pause("mx1", "me", "maintenance", AT, AT + timedelta(hours=1)))
    store.pause(Pause("mx2", "me", "over", AT - timedelta(hours=2), AT - timedelta(hours=1)))

    def exported() -> dict[str, float]:
        files = {p.name: p.read_bytes() for p in tmp_path.glob("state.db*") if not p.name.endswith("-shm")}
        assert run("--textfile", str(path)).err == ""
        assert files == {p.name: p.read_bytes() for p in tmp_path.glob("state.db*") if not p.name.endswith("-shm")}
        return {k: v for k, v in series(path.read_text()).items() if "signal" not in k and "state" not in k}

    kept = {f'failover_paused{{host="{h}"}}': float(h == "mx1") for h in ("mx1", "mx2", "mx3")}
    rest = {"failover_mitigations_in_force": 0.0, "failover_open_runs": 0.0}
    last = {"failover_last_look_timestamp_seconds": AT.timestamp()}
    assert exported() == {**kept, **rest, **last}, "read beside a process that has it open"
    store.ended(Cycle(AT, "me", "page", ("bad",), blocked=True))
    store.close()
    assert exported() == {**kept, **rest, **last, "failover_blocked": 1.0}, "and when nobody has it open"
    assert [p.name for p in tmp_path.glob("state.db*")] == ["state.db"]


@pytest.mark.parametrize("broken", [b"no database at all, but longer than a header" * 50, b""])
def test_a_store_that_cannot_be_read_is_left_out(run: Run, tmp_path: Path, broken: bytes) -> None:
    (tmp_path / "state.db").write_bytes(broken)
    path = tmp_path / "failover.prom"
    ran = run("--textfile", str(path))
    assert ran.code == 0
    assert ("left out" in ran.err) is bool(broken)
    assert 'failover_host_state{host="mx1"}' in series(path.read_text())
    assert (tmp_path / "state.db").read_bytes() == broken


def test_text_of_many_looks_shows_the_newest_of_each_and_escapes_what_others_wrote() -> None:
    odd = fleet(host('m"x\\1\n', 11), host("mx2", 12))
    name = next(iter(odd.hosts))

    def signal(host: str, what: str, ago: float, value: float | str, vantage: str = CONTROLLER) -> Signal:
        return Signal(host, what, vantage, Outcome.OK, "", AT - timedelta(seconds=ago), value)

    samples = (
        signal(name, "queue.removed_rate", 10, 60.0),
        signal(name, "smtp.peer", 10, 1.0, "mx2"),
        signal(name, "smtp.peer", 0, 2e-07, "mx2"),
        signal(name, "smtp.peer", 0, 3.0, "mx3"),
        signal(name, "log.position", 0, "812:7"),
        signal("mx2", "smtp.banner", 5, "refused"),
        signal("example.net", "dns.mx", 3, 2),
    )
    text = prometheus(odd, samples, diagnose_all(odd, samples), standing=Standing(open_runs=2))
    found = series(text)
    escaped = 'host="m\\"x\\\\1\\n"'
    assert {k: v for k, v in found.items() if "value" in k} == {
        f'failover_signal_value{{{escaped},signal="smtp.peer",vantage="mx2"}}': 2e-07,
        f'failover_signal_value{{{escaped},signal="smtp.peer",vantage="mx3"}}': 3.0,
        'failover_signal_value{domain="example.net",signal="dns.mx",vantage="controller"}': 2.0,
    }
    assert found["failover_open_runs"] == 2
    assert found["failover_last_look_timestamp_seconds"] == AT.timestamp()
    assert [d.state.value for d in domain_states(odd, samples).values()] == ["healthy"]
    assert prometheus(odd, (), {}) == ""


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
    heavy = "{'fabric', 'paramiko', 'boto3', 'dns', 'sqlalchemy', 'urllib3', 'pydantic', 'rich'}"
    code = f"import sys; import failover.cli.check; print(sorted({heavy} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert ran.stdout.strip() == "[]"
