"""One trivial call on each of many hosts, all behind one sshd: ours in one process, Ansible's `raw` with 50 forks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure, against
from benchmarks.ground import MX1, Ground
from benchmarks.timing import Program, medians

ROUNDS = 3
PORT = 2222
NETWORK = "10.78.0.0/16"
"""All of it is mx1: a host has an address of its own."""
SSHD = f"""
mkdir -p /run/sshd
ip route replace local {NETWORK} dev lo
exec /usr/sbin/sshd -p {PORT} -o MaxStartups=2000 -o PidFile=none -o UseDNS=no
"""
INVENTORY = f"h{{n}} ansible_host={{address}} ansible_port={PORT} ansible_user=root\n"
SIZES = (20, 200, 1000)
"""The largest without the peer, which takes minutes for it."""


def figures(ground: Ground) -> Iterator[Figure]:
    ground.lab.run("mx1", ["sh", "-c", SSHD], timeout=10)
    ground.lab.run("controller", ["ip", "route", "replace", NETWORK, "via", MX1], timeout=5)
    known = ground.write("known_hosts", _known(ground))
    for size in SIZES[:-1]:
        inventory = "".join(
            f"h{n} ansible_host={_address(n)} ansible_port={PORT} ansible_user=root\n" for n in range(size)
        )
        ground.write("hosts.ini", inventory)
        if ansible := ground.ansible("ansible", "all", "-m", "raw", "-a", "true", "-f", "50", known=known):
            peers = [("ansible -m raw", ansible, 0.25)]
            yield from against(f"a call on each of {size} hosts", _ours(ground, size, known), ROUNDS, peers)
    few, many = medians([_ours(ground, size, known) for size in SIZES[-2:]], ROUNDS)
    yield Figure("a call on each of 1000 hosts", "on 200", many.wall_s, few.wall_s, 6.0)
    yield Figure("a call on each of 1000 hosts", "peak memory", many.peak_mib, None, 120.0, "MiB")


def _ours(ground: Ground, size: int, known: Path) -> Program:
    hosts = ground.write(f"many-{size}.yaml", _hosts_yaml(ground, size, known))
    return ground.at_controller([sys.executable, "-m", "benchmarks.reach", hosts])


def _address(n: int) -> str:
    return f"10.78.{1 + n // 250}.{1 + n % 250}"


def _known(ground: Ground) -> str:
    key = next(line for line in ground.known_hosts.read_text().splitlines() if line.startswith(MX1)).split(" ", 1)[1]
    return "".join(f"[{_address(n)}]:{PORT} {key}\n" for n in range(max(SIZES)))


def _hosts_yaml(ground: Ground, size: int, known: Path) -> str:
    ssh = f"{{user: root, port: {PORT}, identity: {ground.identity}, known_hosts: {known}}}"
    hosts = "".join(f"  h{n}: {{role: primary, address: {_address(n)}}}\n" for n in range(size))
    return f"version: 1\ndefaults: {{ssh: {ssh}}}\nhosts:\n{hosts}"
