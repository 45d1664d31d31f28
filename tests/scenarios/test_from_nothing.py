"""From nothing to a drill in one go: `init` writes the file, `doctor` says ready, with that file the drill passes."""

from __future__ import annotations

import pytest

from failover.lab import drill
from tests.labs import lab_or_skip

pytestmark = [pytest.mark.lab, pytest.mark.soak]


def test_what_init_wrote_is_enough_for_doctor_and_for_the_drill() -> None:
    lab = lab_or_skip("nothing")
    try:
        identity, state = f"{lab.folder}/id_ed25519", f"sqlite:///{lab.folder}/failover.db"
        lab.hosts_yaml.unlink()
        lab.hosts_yaml.with_name("known_hosts").unlink()
        out = str(lab.hosts_yaml)
        made = lab.run(
            "controller", ["failover", "init", "lab.test", "--out", out, "--identity", identity, "--yes"], timeout=60
        )
        assert "next: failover" in made.stdout
        ready = lab.run("controller", ["failover", "--state", state, "doctor"], timeout=60, check=False)
        assert ready.returncode == 0, ready.stdout
        played = drill.played(drill.SCENARIOS["spam-filter-hung"], lab, print)
        assert played.failures == ()
        assert (played.passed, played.restored, played.lost, played.duplicated) == (True, True, 0, 0)
    finally:
        lab.down()
