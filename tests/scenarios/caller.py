"""One call of `failover-host` by the real SSH adapter, as a process of its own: it must stand in the lab's network.

`python -m tests.scenarios.caller` reads `{address, user, identity, known_hosts, calls: [[verb, args, limit_s]]}` on
stdin and prints, for each call, `{error, said, rows, rc}` as one line of JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from failover.adapters.ssh import SshRemote
from failover.core.fleet import Host, Role, Ssh
from failover.errors import FailoverError


def one(remote: SshRemote, host: Host, verb: str, args: dict[str, str], limit_s: float) -> dict[str, Any]:
    told: dict[str, Any] = {"error": None, "said": "", "rows": [], "rc": None}
    try:
        reply = remote.call(host, verb, args, limit_s=limit_s)
        told |= {"rows": reply.rows, "rc": reply.rc}
    except FailoverError as e:
        told |= {"error": type(e).__name__, "said": f"{e} / {e.try_}"}
    return told


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    ssh = Ssh(user=asked.get("user", "root"), identity=asked["identity"], known_hosts=asked["known_hosts"])
    with SshRemote() as remote:
        for verb, args, limit_s in asked["calls"]:
            host = Host("mx1", Role.PRIMARY, asked["address"], ssh=ssh)
            print(json.dumps(one(remote, host, verb, args, limit_s)), flush=True)  # noqa: T201  its only output
