"""Where a step acts: what leads to the machine, its Postfix, or the zone. A name in hosts.yaml is none of these."""

from __future__ import annotations

from collections.abc import Mapping

from failover.core.fleet import Domain, Endpoint, Host, Rfc2136

Place = Mapping[str, str]


def of_host(host: Host) -> Place:
    return {
        "address": host.address,
        "ssh port": str(host.ssh.port),
        "config_dir": host.postfix.config_dir,
    }


def of_machine(host: Host) -> Place:
    """Of the cloud machine, whatever its address: that may change while it is stopped."""
    return {"EC2 instance": f"{host.cloud.instance} in {host.cloud.region}"} if host.cloud else {}


def of_domain(domain: Domain) -> Place:
    match domain.dns:
        case Rfc2136(server=server, port=port):
            return {"name server": str(Endpoint(server, port))}
        case zone:
            return {"Route 53 zone": zone.zone_id}


def moved(was: Place, now: Place) -> tuple[Place, Place]:
    """What differs, then and now; a plan of an earlier release says nothing of where it acts."""
    keys = [k for k in {**was, **now} if was and was.get(k) != now.get(k)]
    return {k: was.get(k, "none") for k in keys}, {k: now.get(k, "none") for k in keys}


def words(place: Place) -> str:
    return ", ".join(f"{k} {v}" for k, v in place.items())
