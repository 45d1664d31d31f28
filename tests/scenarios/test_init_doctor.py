"""`init` and `doctor` on real servers: the file that init writes is enough; what is in the way is named, in time.

Neither changes anything: Postfix's files, its queue and the zone are the same before and after.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from failover.config.hosts import load_fleet
from failover.lab import Lab
from tests.adapters.lab_net import inside
from tests.labs import lab_or_skip, rolled_back, until

pytestmark = pytest.mark.lab

SOMEBODY_ELSES = "AAAAC3NzaC1lZDI1NTE5AAAAIDtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
FILES = "cd /etc/postfix && sha256sum main.cf master.cf; find /var/lib/failover-host /etc/sudoers.d -type f | sort"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    ours = lab_or_skip("init-doctor")
    yield ours
    ours.down()


@dataclass(frozen=True, slots=True)
class Seat:
    """The controller's seat, with a folder of its own and the hosts.yaml that `init` wrote there."""

    lab: Lab
    folder: Path

    @property
    def hosts(self) -> Path:
        return self.folder / "hosts.yaml"

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        state = f"FAILOVER_STATE=sqlite:///{self.folder}/failover.db"
        argv = ["env", state, *(f"{k}={v}" for k, v in env.items()), "failover", *words]
        return self.lab.run("controller", argv, timeout=60, check=False)

    def init(self, *words: str) -> subprocess.CompletedProcess[str]:
        identity = ["--identity", f"{self.lab.folder}/id_ed25519"]
        return self.run("init", "lab.test", "--out", str(self.hosts), *identity, *words)

    def doctor(self, **env: str) -> tuple[int, dict[tuple[str, str], list[dict[str, Any]]]]:
        """Its exit code, and its checks by name and subject. It ends, whatever hangs."""
        done = self.run("--hosts", str(self.hosts), "doctor", "--json", **env)
        found: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for check in json.loads(done.stdout)["checks"]:
            found.setdefault((check["name"], check["subject"]), []).append(check)
        assert json.loads(done.stdout)["ready"] == (done.returncode == 0)
        return done.returncode, found

    def no(self, name: str, subject: str, **env: str) -> str:
        """Not ready, for this reason: its words, and what to try."""
        code, found = self.doctor(**env)
        bad = [c for c in found[name, subject] if c["outcome"] == "fail"]
        assert (code, len(bad)) == (6, 1), found
        return f"{bad[0]['says']} / {bad[0]['try']}"

    def world(self) -> list[str]:
        """What must not be changed by looking."""
        hosts = [self.lab.run(h, ["sh", "-c", FILES], timeout=10, check=False).stdout for h in ("mx1", "mx2")]
        return [*hosts, inside(self.lab, "controller", lambda: _soa(self.lab))]


def _soa(lab: Lab) -> str:
    """The whole zone by transfer, serial and all."""
    import dns.query
    import dns.zone

    zone = dns.zone.from_xfr(dns.query.xfr(lab.address("ns1"), "lab.test", timeout=5, lifetime=5))
    return zone.to_text(sorted=True)


@pytest.fixture(scope="module")
def made(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `init` has written to."""
    folder = tmp_path_factory.mktemp("made")
    done = Seat(lab, folder).init("--yes")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def seat(lab: Lab, made: Path, tmp_path: Path) -> Seat:
    """Each with files of its own: their paths are relative."""
    for name in ("hosts.yaml", "known_hosts"):
        shutil.copy(made / name, tmp_path / name)
    return Seat(lab, tmp_path)


def test_init_writes_what_doctor_and_check_need_and_neither_changes_anything(lab: Lab, tmp_path: Path) -> None:
    seat = Seat(lab, tmp_path)
    before = seat.world()
    refused = seat.init()
    assert refused.returncode == 4
    assert list(tmp_path.iterdir()) == []
    assert seat.init("--yes").returncode == 0

    lab_s, ours = load_fleet(lab.hosts_yaml), load_fleet(seat.hosts)
    for name, host in lab_s.hosts.items():
        mine = ours.hosts[name]
        assert (mine.role, mine.address, mine.mx) == (host.role, host.address, host.mx)
        assert (mine.spam, mine.handler, mine.postfix) == (host.spam, host.handler, host.postfix)
    assert ours.domains["lab.test"].dns == lab_s.domains["lab.test"].dns
    assert "the key failover may change the MX at 10.77.0.53" in " ".join(seat.hosts.read_text().split())

    until(lambda: seat.doctor()[0] == 0, within=60, what="doctor says ready")  # a busy machine is a slow host
    _, found = seat.doctor()
    (right,) = found["dns rights", "lab.test"]
    assert right["outcome"] == "ok"
    assert [c["outcome"] for h in ("mx1", "mx2") for c in found["bypass", h]] == ["ok", "ok"]
    assert any("postconf -e spamassassin_time_limit=" in c["try"] for c in found["latent hang", "mx1"] if c["try"])
    checked = json.loads(seat.run("--hosts", str(seat.hosts), "check", "--json").stdout)
    signals = [(n, s["outcome"]) for h in checked["hosts"].values() for n, s in h["signals"].items()]
    assert {outcome for name, outcome in signals if not name.startswith("cpu.")} == {"ok"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["hosts.yaml", "known_hosts"]
    assert seat.world() == before


@pytest.mark.parametrize(
    ("incident", "words"), [("ssh-hung", "no SSH greeting"), ("mx-unreachable", "cannot connect to 10.77.0.12:22")]
)
def test_a_standby_that_hangs_or_is_gone(lab: Lab, seat: Seat, incident: str, words: str) -> None:
    lab.incident(incident, "mx2")
    try:
        assert words in seat.no("ssh", "mx2")
    finally:
        lab.heal(incident, "mx2")


def test_a_standby_whose_handler_is_down_is_no_target(lab: Lab, seat: Seat) -> None:
    lab.incident("handler-down", "mx2")
    try:
        assert "handler" in seat.no("mail", "mx2")
    finally:
        lab.heal("handler-down", "mx2")


def test_another_host_key_is_refused_by_both(lab: Lab, seat: Seat) -> None:
    known = seat.folder / "known_hosts"
    lines = [line.split() for line in known.read_text().splitlines()]
    known.write_text("".join(f"{name} {kind} {SOMEBODY_ELSES}\n" for name, kind, _ in lines))
    assert "wrong host key" in seat.no("ssh", "mx1")
    before = known.read_text(), seat.hosts.read_text()
    done = seat.init("--yes", "--force")
    assert done.returncode == 4
    assert "has changed" in done.stderr
    assert (known.read_text(), seat.hosts.read_text()) == before


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"FAILOVER_TSIG": "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo="}, "BADSIG"),
        ({"FAILOVER_TSIG": ""}, "env:FAILOVER_TSIG is empty or not set"),
    ],
)
def test_a_wrong_secret(seat: Seat, env: dict[str, str], words: str) -> None:
    assert words in seat.no("mx", "lab.test", **env)


def test_a_key_that_may_not_change_the_mx(lab: Lab, seat: Seat) -> None:
    policy = "s/grant failover. name lab.test. MX/grant failover. name lab.test. TXT/"
    conf = "/etc/bind/named.conf"
    lab.run("ns1", ["sh", "-c", f"cp -a {conf} /run/kept && sed -i '{policy}' {conf} && rndc reload"], timeout=10)
    try:
        until(lambda: seat.doctor()[1]["dns rights", "lab.test"][0]["outcome"] == "fail", within=20, what="a denial")
        said = seat.no("dns rights", "lab.test")
        assert "does not let the key failover change the MX: REFUSED" in said
        assert "grant failover. name lab.test. MX;" in said
    finally:
        lab.run("ns1", ["sh", "-c", f"cp -a /run/kept {conf} && rndc reload"], timeout=10)


def test_a_name_server_that_hangs(lab: Lab, seat: Seat) -> None:
    lab.run("ns1", ["pkill", "-STOP", "-x", "named"], timeout=10)
    try:
        assert "10.77.0.53" in seat.no("mx", "lab.test")
    finally:
        lab.run("ns1", ["pkill", "-CONT", "-x", "named"], timeout=10)


def test_what_is_in_force_there_and_recorded_nowhere(lab: Lab, seat: Seat) -> None:
    lab.incident("spamd-hung")
    try:
        done = seat.run("--hosts", str(seat.hosts), "run", "spam-filter-hung", "--set", "sick=mx1", "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        lab.heal("spamd-hung")
    _, found = seat.doctor()
    assert [c["outcome"] for c in found["in force", "mx1"]] == ["ok"]
    _, found = seat.doctor(FAILOVER_STATE=f"sqlite:///{seat.folder}/another.db")
    (forgotten,) = found["in force", "mx1"]
    assert forgotten["outcome"] == "warn"
    assert "nothing of it is recorded here" in forgotten["says"]
    assert forgotten["try"].startswith("failover host restore mx1 ")
    assert not (seat.folder / "another.db").exists()
    rolled_back(partial(seat.run, "--hosts", str(seat.hosts)))


def test_an_ordinary_user_without_the_helper_and_with_it(lab: Lab, seat: Seat) -> None:
    seat.hosts.write_text(seat.hosts.read_text().replace("user: root", "user: failover"))
    assert "failover host install mx1 --as root" in seat.no("ssh", "mx1")
    for host in ("mx1", "mx2"):
        done = seat.run("--hosts", str(seat.hosts), "host", "install", host, "--as", "root", "--yes")
        assert done.returncode == 0, done.stderr
    try:
        _, found = seat.doctor()
        assert [c["outcome"] for h in ("mx1", "mx2") for c in found["helper", h]] == ["ok", "ok"]
        assert [c["outcome"] for c in found["bypass", "mx1"]] == ["ok"]
    finally:
        for host in ("mx1", "mx2"):
            seat.run("--hosts", str(seat.hosts), "host", "remove", host, "--as", "root", "--yes", "--purge")
