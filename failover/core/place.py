"""The place where a step acts: the way to the machine, its Postfix, or the zone. A name in hosts.yaml may change it."""

from __future__ import annotations

from collections.abc import Mapping

from failover.core.fleet import Domain, Host

Place = Mapping[str, str]


def of_host(host: Host) -> Place:
    return {
        "address": host.address,
        "ssh port": str(host.ssh.port),
        "config_dir": host.postfix.config_dir,
    }


def of_machine(host: Host) -> Place:
    """The cloud machine, without its address, which may change while it is stopped."""
    return {"EC2 instance": f"{host.cloud.instance} in {host.cloud.region}"} if host.cloud else {}


def of_domain(domain: Domain) -> Place:
    return domain.dns.place


def today(of: Host | Domain) -> Place:
    """Everything that a step there may be bound to."""
    return of_domain(of) if isinstance(of, Domain) else {**of_host(of), **of_machine(of)}


def moved(was: Place, now: Place) -> tuple[Place, Place]:
    """The differences, then and now; a plan of an earlier release has no place."""
    keys = [k for k in was if now.get(k) != was[k]]
    return {k: was[k] for k in keys}, {k: now[k] for k in keys if k in now} or now


def words(place: Place) -> str:
    return ", ".join(f"{k} {v}" for k, v in place.items())
