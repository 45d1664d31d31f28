"""Which adapter stands behind which port for a command. Imported late: adapters carry the heavy libraries."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from failover.cli.options import Options
from failover.core.fleet import Fleet, Host
from failover.core.playbook import Playbook
from failover.ports import Clock, Cloud, Remote, SmtpClient, Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from failover.controller import Controller


def fleet(opts: Options) -> Fleet:
    """Raises ConfigError with file:line:column."""
    from failover.config.hosts import load_fleet

    return load_fleet(opts.hosts_file)


def playbook(opts: Options, name: str) -> Playbook:
    from failover.config.catalogue import find
    from failover.config.playbooks import load_playbook

    return load_playbook(find(name, opts.playbook_folder))


def playbooks(opts: Options) -> tuple[Playbook, ...]:
    from failover.config.catalogue import list_all
    from failover.config.playbooks import load_playbook

    return tuple(load_playbook(path) for path in list_all(opts.playbook_folder).values())


def clock() -> Clock:
    from failover.adapters.clock import SystemClock

    return SystemClock()


def smtp() -> SmtpClient:
    from failover.adapters.smtp import SmtpLooker

    return SmtpLooker()


def remote(of: Fleet) -> Remote:
    from failover.adapters.ssh import SshRemote

    return SshRemote()


def store(opts: Options, of: Fleet) -> Store:
    from failover.adapters.store import SqlStore

    return SqlStore.open_url(opts.state_url or of.state)


def _cloud(host: Host) -> Cloud:
    from failover.adapters.ec2 import cloud

    return cloud(host)


@contextmanager
def controller(opts: Options) -> Iterator[Controller]:
    """Everything a command needs to plan and to act; SSH sessions are closed on the way out."""
    from functools import partial

    from failover.actions.base import Hands
    from failover.adapters.notify import Notify
    from failover.adapters.zones import zone_of
    from failover.controller import Controller
    from failover.probes.dns import with_domains
    from failover.probes.look import look

    of = fleet(opts)
    reach, time = remote(of), clock()
    sees = partial(look, of, remote=reach, smtp=smtp(), clock=time)
    zone = partial(zone_of, clock=time)
    see = with_domains(lambda hosts, names: sees(hosts=tuple(hosts), wanted=names), of, zone, time)
    hands = Hands(of, reach, Notify(), time, see, zone=zone, cloud=_cloud)
    try:
        yield Controller(hands, store(opts, of))
    finally:
        close = getattr(reach, "close", None)
        if close is not None:
            close()
