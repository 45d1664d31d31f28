"""What a host's own list lets an ordinary user name to `failover-host`: what hosts.yaml needs there, and nothing else.

The list is root's, written by `failover host install`. An entry is KIND:VALUE: an `address` that may be connected to,
a `service` or `container` that may be restarted, a `config_dir` of Postfix.
"""

from __future__ import annotations

from collections.abc import Iterator

from failover.actions import ACTIONS
from failover.actions.base import Asks
from failover.core.fleet import Fleet, Host

USUAL_DIR = "/etc/postfix"
"""What a verb means that names none."""


def permits(fleet: Fleet, host: Host) -> frozenset[str]:
    """What the looks name, and what each action does."""
    asked = (entry for a in ACTIONS.values() if isinstance(a, Asks) for entry in a.asks(host))
    return frozenset((f"config_dir:{USUAL_DIR}", f"config_dir:{host.postfix.config_dir}", *_looks(fleet, host), *asked))


def _looks(fleet: Fleet, host: Host) -> Iterator[str]:
    """Every other host may be looked at from here: who looks at whom depends on their order."""
    yield from (f"address:{peer.smtp}" for peer in fleet.peers(host.name))
    yield from (f"address:{spam.address}" for spam in (host.spam, host.standby_spam) if spam is not None)
    if host.handler is not None:
        yield f"address:{host.handler.address}"
        if host.handler.container is not None:
            yield f"container:{host.handler.container}"
