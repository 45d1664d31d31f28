"""`failover check` of two hosts with all signals: healthy, and with one of them hung."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figure import Figure, against
from benchmarks.ground import MX1, Ground
from benchmarks.timing import medians

ROUNDS = 7


def figures(ground: Ground) -> Iterator[Figure]:
    check = ground.failover("check", good=(0, 1))  # a busy machine is a warning
    (healthy,) = medians([check], ROUNDS)
    yield Figure("check, two healthy hosts", "wall", healthy.wall_s, None, 1.5)
    yield Figure("check, two healthy hosts", "CPU", healthy.cpu_s, None, 0.6)
    ssh = ground.at_controller([*ground.ssh, f"root@{MX1}", "postqueue -p; uptime; df"])
    yield from against("check, two healthy hosts", check, ROUNDS, [("ssh to one, three commands", ssh, 6.0)])
    ground.lab.incident("ssh-hung", "mx1")
    try:
        (hung,) = medians([ground.failover("check", good=(1, 2, 3))], 1)
    finally:
        ground.lab.heal("ssh-hung", "mx1")
    yield Figure("check, sshd of one host frozen", "wall", hung.wall_s, None, 6.0)
