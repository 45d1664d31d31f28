"""Where a lab cannot run, or may not yet, one sentence says so and nothing has happened."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from failover.errors import ConfigError, FailoverError, NeedsPerson
from failover.lab import Lab, layer
from failover.lab.handler import entry


def test_a_name_that_could_leave_the_run_folder_is_refused() -> None:
    for name in ("../etc", "", "a/b", "A", "-x", "x" * 41):
        with pytest.raises(ConfigError):
            Lab(name)


def test_a_place_that_is_not_there_and_a_lab_that_is_not_up() -> None:
    with pytest.raises(ConfigError, match="mx3"):
        Lab("never-up").address("mx3")
    with pytest.raises(FailoverError, match="not up"):
        Lab("never-up").run("mx1", ["true"], timeout=5)


@pytest.mark.lab
def test_without_the_right_to_mount_it_says_so_having_tried() -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv, of util-linux, is what takes the right away")
    look = "from failover.lab.available import why_not; print(why_not())"
    weak = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", sys.executable, "-c", look]
    found = subprocess.run(weak, capture_output=True, text=True, timeout=30, check=True).stdout.strip()
    assert found.startswith("no lab can run here")
    assert "Operation not permitted" in found
    assert "\n" not in found


@pytest.mark.lab
def test_software_is_fetched_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(NeedsPerson, match=r"fetch .*\d+ MB") as refused:
        layer.ensure(install=False)
    assert "--install" in refused.value.try_
    assert not any(tmp_path.iterdir())


@pytest.mark.lab
def test_docker_that_cannot_be_had_is_named_with_what_does_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    apt = tmp_path / "install.sh"
    apt.write_text("echo 'E: Unable to locate package docker.io'; exit 100\n")
    monkeypatch.setattr(layer, "INSTALL", apt)
    with pytest.raises(FailoverError, match=r"docker \(docker\.io\).*Unable to locate package") as failed:
        layer.ensure(install=True, extras=("docker",))
    assert "spam-filter-hung does without" in failed.value.try_


@pytest.mark.lab
def test_another_set_of_packages_on_the_machine_is_another_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = layer.cached()
    status = tmp_path / "status"
    status.write_bytes(layer.DPKG_STATUS.read_bytes() + b"\nPackage: new\n")
    monkeypatch.setattr(layer, "DPKG_STATUS", status)
    assert layer.cached() != before


def test_the_ledger_knows_scanned_mail_and_tells_bodies_apart() -> None:
    plain = entry(b"Message-ID: <1@x>\r\nX-Failover-Seq: 7\r\n\r\nbody\r\n", ["a@lab.test"], 1.0)
    scanned = entry(b"X-Spam-Status: No\r\nMessage-ID: <1@x>\r\nX-Failover-Seq: 7\r\n\r\nbody\r\n", ["a@lab.test"], 2.0)
    assert (plain["scanned"], scanned["scanned"]) == (False, True)
    assert plain["sha256"] == scanned["sha256"] != entry(b"A: b\r\n\r\nother\r\n", [], 1.0)["sha256"]
    assert (plain["x_seq"], plain["message_id"], plain["x_sent"]) == ("7", "<1@x>", None)
    assert entry(b"A: b\r\n\r\nX-Spam-Status: No\r\n", [], 1.0)["scanned"] is False
