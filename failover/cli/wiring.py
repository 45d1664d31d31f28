"""The adapter for each port of a command. Imported late: adapters load the heavy libraries."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from failover.cli.options import Options

if TYPE_CHECKING:  # what these modules load is half of the time that --help takes
    from collections.abc import Iterable, Iterator

    from failover.core.fleet import Fleet, Host
    from failover.core.observe.signal import Samples
    from failover.core.runs.playbook import Playbook
    from failover.ports import Clock, Cloud, Remote, SmtpClient, Store
    from failover.runs.service import Runs


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
def controller(opts: Options, *, remembers: bool = False) -> Iterator[Runs]:
    """All that a command needs to plan and to act; closes SSH sessions at the end.

    `remembers`: rates are counted on from earlier looks in the store.
    """
    from functools import partial

    from failover.actions.base import Ports
    from failover.adapters.dial import dial
    from failover.channels.notifier import Notify
    from failover.dns import zone_of
    from failover.runs.service import Runs
    from failover.signals import anchors
    from failover.signals.dns import with_domains

    of = fleet(opts)
    reach, time, kept = remote(of), clock(), store(opts, of)
    sees = _Seeing(of, reach, time, kept.samples(time.now() - RECENT) if remembers else ())
    zone = partial(zone_of, clock=time)
    see = with_domains(sees, of, zone, time)
    near = lambda: anchors.look(of, dial, time.now())  # noqa: E731 - a port of one call
    ports = Ports(of, reach, Notify(), time, see, zone=zone, cloud=_cloud, anchors=near)
    try:
        yield Runs(ports, kept)
    finally:
        close = getattr(reach, "close", None)
        if close is not None:
            close()


RECENT = timedelta(hours=1)
"""A count goes on from a look of at most this age."""


@dataclass
class _Seeing:
    """Looks; each whole look counts on from the one before."""

    fleet: Fleet
    remote: Remote
    clock: Clock
    before: Samples

    def __call__(self, hosts: Iterable[str], names: frozenset[str] | None, waited: float = 0.0) -> Samples:
        from failover.signals import carried
        from failover.signals.look import look

        found = look(
            self.fleet,
            hosts=tuple(hosts),
            wanted=names,
            waited_s=waited,
            before=self.before,
            remote=self.remote,
            smtp=smtp(),
            clock=self.clock,
            whole=names is not None,
        )
        if names is None:
            self.before = carried((*self.before, *found), self.clock.now())
        return found
