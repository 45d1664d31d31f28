"""The heartbeat: a URL called after each finished cycle, so that a service outside pages when it stays silent.

healthchecks.io and its like take a GET. There is no call for failure: silence is the signal.
"""

from __future__ import annotations

from failover.adapters.https import deliver
from failover.adapters.request import Request, url_of
from failover.errors import FailoverError


def beat(where: str, deadline_s: float = 5.0) -> str | None:
    """Call a URL, or a reference to one. None after a 2xx, else why not; it never raises, so it stops no cycle."""
    try:
        deliver(Request(url_of(where, "the heartbeat"), fix="check policy.heartbeat"), deadline_s)
    except FailoverError as e:
        return f"{e}; {e.try_}"
    return None
