"""A whole fleet of healthy hosts, called for a long time: none of them is ever told as out of reach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from failover.adapters.ssh import SshRemote
from failover.core.fleet import Host, Role, Ssh
from failover.errors import FailoverError
from failover.lab import Lab
from tests.adapters.lab_net import inside
from tests.labs import SLACK, lab_or_skip

pytestmark = [pytest.mark.lab, pytest.mark.soak]

HOSTS, SITTINGS, ROUNDS, AT_ONCE = 200, 5, 10, 32
"""10,000 calls; each session connects anew, as a cycle does that cron starts."""
PORT, NETWORK = 2222, "10.78.0.0/16"
SSHD = f"""
mkdir -p /run/sshd
ip route replace local {NETWORK} dev lo
exec /usr/sbin/sshd -p {PORT} -o MaxStartups=2000 -o PidFile=none -o UseDNS=no
"""


@pytest.fixture
def lab() -> Iterator[Lab]:
    ours = lab_or_skip("many")
    yield ours
    ours.down()


def fleet(lab: Lab) -> list[Host]:
    """One sshd and helper, at an address for each of them."""
    mx1 = lab.address("mx1")
    lab.run("mx1", ["sh", "-c", SSHD], timeout=30)
    lab.run("controller", ["ip", "route", "replace", NETWORK, "via", mx1], timeout=30)
    lines = (lab.folder / "known_hosts").read_text().splitlines()
    key = next(line for line in lines if line.startswith(mx1)).split(" ", 1)[1]
    addresses = [f"10.78.{1 + n // 250}.{1 + n % 250}" for n in range(HOSTS)]
    known = lab.folder / "known_hosts_of_many"
    known.write_text("".join(f"[{a}]:{PORT} {key}\n" for a in addresses))
    ssh = Ssh(user="root", port=PORT, identity=str(lab.folder / "id_ed25519"), known_hosts=str(known))
    return [Host(f"h{n}", Role.PRIMARY, a, ssh=ssh) for n, a in enumerate(addresses)]


def test_of_ten_thousand_calls_to_healthy_hosts_none_is_lost(lab: Lab) -> None:
    """safety, 200 hosts: in 3 of 16 looks one of them read as unreachable."""
    hosts, ended = fleet(lab), Counter[str]()

    def call(remote: SshRemote, host: Host) -> str:
        try:
            return f"rc {remote.call(host, 'hello', {}, limit_s=20 * SLACK).rc}"
        except FailoverError as e:
            return str(e)

    def session() -> None:
        with SshRemote() as remote, ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in range(ROUNDS):
                ended.update(pool.map(lambda host: call(remote, host), hosts))

    for _ in range(SITTINGS):
        inside(lab, "controller", session)
    assert ended == {"rc 0": HOSTS * SITTINGS * ROUNDS}
