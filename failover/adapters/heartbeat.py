"""The heartbeat: a URL called after each finished cycle, so that a service outside pages when it stays silent.

healthchecks.io and its like take a GET. There is no call for failure: silence is the signal, since what has died
cannot say so.
"""

from __future__ import annotations

from failover.adapters.https import deliver
from failover.adapters.request import Request, url_of
from failover.errors import FailoverError


def beat(where: str, deadline_s: float = 5.0) -> str | None:
    """Call it: a URL, or a reference to one. None when it answered with 2xx; otherwise in words why not, as an error
    here must never stop a cycle."""
    try:
        deliver(Request(url_of(where, "the heartbeat"), fix="check policy.heartbeat"), deadline_s)
    except FailoverError as e:
        return f"{e}; {e.try_}"
    return None
