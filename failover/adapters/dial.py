"""Can these addresses be connected to? All at once, each with a time-out; nothing is sent."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from failover.core.fleet import Endpoint

PATIENCE_S = 3.0
WORKERS = 8


def dial(endpoints: Iterable[Endpoint]) -> dict[Endpoint, str | None]:
    """Per address: None if a TCP connection was made or refused (the network works), else why not.

    The look-up of a name is bounded by the resolver's own time-out only (resolv.conf(5): 5 s a server, twice).
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
