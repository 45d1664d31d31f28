"""The front door over a scripted outside: `python -m tests.signals.scripted COMMAND…`, for a copy of the package.

Both hosts answer as healthy ones; the lines of LOOK in the environment come on top, one of them per host and line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from failover.cli import main, wiring
from failover.core.fleet import Host
from failover.ports import Reply
from tests.cli.test_doctor import Far
from tests.signals.fakes import Clock, Remote, Smtp, facts


class Both:
    """`look` of a helper that knows all arguments; every other verb as doctor's tests have it."""

    def call(self, host: Host, verb: str, args: Mapping[str, str], *, limit_s: float) -> Reply:
        if verb != "look":
            return Far().call(host, verb, args, limit_s=limit_s)
        told = dict(line.split(" ", 1) for line in os.environ["LOOK"].splitlines())
        asked = told.get(host.name, "")
        rows = [asked] if asked.split(" ")[0] in args else []
        return Remote({host.name: facts(*rows)}).call(host, verb, args, limit_s=limit_s)


if __name__ == "__main__":
    wiring.remote = lambda of: Both()
    wiring.smtp = Smtp
    wiring.clock = Clock
    main(sys.argv[1:])
