"""The mail handler as a real container: it takes mail, its restart policy is real, and `down` leaves nothing of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from failover.errors import ConfigError
from failover.lab import Lab
from tests.labs import arrived, lab_or_skip, send, until

pytestmark = pytest.mark.lab

GROUPS = Path("/sys/fs/cgroup")


@pytest.fixture(scope="module")
def docked() -> Iterator[Lab]:
    ours = lab_or_skip("docker", ("docker",))
    yield ours
    ours.down()


def docker(lab: Lab, *words: str) -> str:
    return lab.run("mx1", ["docker", *words], timeout=20).stdout.strip()


def state(lab: Lab) -> str:
    return docker(lab, "container", "inspect", "-f", "{{.State.Status}}", "sl-email")


def groups(lab: Lab) -> list[Path]:
    return [p for p in GROUPS.glob(f"**/failover-lab/{lab.name}") if p.is_dir()]


def test_the_container_takes_mail(docked: Lab) -> None:
    assert state(docked) == "running"
    assert "container: sl-email" in docked.hosts_yaml.read_text()
    send(docked, "boxed")
    until(lambda: bool(arrived(docked, "boxed")), within=20, what="delivery into the container")


def test_its_restart_policy_acts_when_it_dies_and_not_when_it_was_stopped(docked: Lab) -> None:
    before = docker(docked, "container", "inspect", "-f", "{{.State.StartedAt}}", "sl-email")
    docked.run("mx1", ["pkill", "-KILL", "-f", "failover[.]lab[.]handler"], timeout=10)
    until(
        lambda: docker(docked, "container", "inspect", "-f", "{{.State.StartedAt}}", "sl-email") > before,
        within=10,
        what="started again by docker",
    )
    docked.incident("handler-down")
    assert state(docked) == "exited"
    docked.heal("handler-down")
    assert state(docked) == "running"


def test_hung_it_still_reads_running(docked: Lab) -> None:
    docked.incident("handler-stuck")
    assert state(docked) == "running"
    docked.heal("handler-stuck")


def test_a_lab_that_is_up_does_not_change_its_kind(lab: Lab) -> None:
    with pytest.raises(ConfigError, match="is up without docker"):
        lab.up(extras=("docker",))
    with pytest.raises(ConfigError, match="no lab comes with podman"):
        Lab(f"{lab.name}-2").up(extras=("podman",))


def test_down_leaves_no_control_group(docked: Lab) -> None:
    assert groups(docked)
    docked.down()
    assert not groups(docked)
