"""`python -m benchmarks.reach HOSTS_YAML`: say hello to each host over SSH, at once. Exit 0 when all answered."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from failover.adapters.ssh import SshRemote
from failover.config.hosts import load_fleet

AT_ONCE = 32


def main() -> None:
    fleet, remote = load_fleet(Path(sys.argv[1])), SshRemote()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda host: remote.call(host, "hello", {}, limit_s=20.0), fleet.hosts.values()))
    sys.exit(any(a.rc for a in answers))


if __name__ == "__main__":
    main()
