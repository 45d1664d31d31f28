"""What a host's own list lets an ordinary user name to `failover-host`: what hosts.yaml needs there, and nothing else.

The list is root's, written by `failover host install`. An entry is KIND:VALUE: an `address` that may be connected to,
a `service` or `container` that may be restarted, a `config_dir` of Postfix.
"""

from __future__ import annotations

from collections.abc import Iterator

from failover.core.fleet import Fleet, Host

USUAL_DIR = "/etc/postfix"
"""What a verb means that names none."""


def permits(fleet: Fleet, host: Host) -> frozenset[str]:
    """Every other host may be looked at from here: who looks at whom depends on their order."""
    peers = (f"address:{peer.smtp}" for peer in fleet.peers(host.name))
    return frozenset((f"config_dir:{USUAL_DIR}", f"config_dir:{host.postfix.config_dir}", *peers, *_own(host)))


def _own(host: Host) -> Iterator[str]:
    yield from ("service:postfix", f"address:{host.smtp}", f"address:127.0.0.1:{host.smtp_port}")
    for spam in (host.spam, host.standby_spam):
        if spam is not None:
            yield f"address:{spam.address}"
            if spam.unit is not None:
                yield f"service:{spam.unit}"
    if host.handler is not None:
        yield f"address:{host.handler.address}"
        if host.handler.container is not None:
            yield f"container:{host.handler.container}"
