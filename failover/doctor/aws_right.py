"""May our credentials resize an instance of EC2? It answers a dry run (DryRun, EC2 API reference)."""

from __future__ import annotations

from failover.adapters.ec2 import Ec2Cloud
from failover.core.fleet import Ec2, Host
from failover.doctor.findings import Finding, fail, failed, ok
from failover.errors import FailoverError

DEADLINE_S = 5.0


def machine(host: Host, at: Ec2) -> Finding:
    """A dry run with its own size: that asks for the right alone."""
    name = "cloud"
    cloud = Ec2Cloud(at, deadline_s=DEADLINE_S)
    try:
        found = cloud.machine()
        no = cloud.objection(found.size)
    except FailoverError as e:
        return failed(name, host.name, e)
    if no:
        allow = "ec2:StopInstances, ec2:ModifyInstanceAttribute, ec2:StartInstances"
        return fail(name, host.name, no, try_=f"allow {allow} on {at.instance}")
    said = f"{at.instance} is {found.state}, {found.size}; we may stop, resize and start it (dry runs)"
    return ok(name, host.name, said)
