"""Can these addresses be connected to? All at once, each within its time, nothing sent."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from failover.core.fleet import Endpoint

PATIENCE_S = 3.0
WORKERS = 8


def dial(endpoints: Iterable[Endpoint]) -> dict[Endpoint, str | None]:
    """None where a TCP connection could be made (a refusal too shows that the way there works), else why not.

    A name that takes long to be looked up is waited for by no more than the resolver's own time-out
    (resolv.conf(5): 5 s a server, twice).
    """
    wanted = tuple(endpoints)
    with ThreadPoolExecutor(min(WORKERS, max(1, len(wanted))), thread_name_prefix="dial") as pool:
        return dict(zip(wanted, pool.map(_try, wanted), strict=True))


def _try(at: Endpoint) -> str | None:
    try:
        socket.create_connection((at.host, at.port), timeout=PATIENCE_S).close()
    except ConnectionRefusedError:
        return None
    except OSError as e:
        return str(e) or type(e).__name__
    return None
