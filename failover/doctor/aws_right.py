"""May our credentials change a record set of Route 53, or resize an instance of EC2?

EC2 answers a dry run (DryRun, EC2 API reference). Route 53 has none, so it is
asked for a deletion that it must refuse: of a value that the set does not have
(ChangeResourceRecordSets: a DELETE must match the current set in all its
values). Rights are judged before that, so AccessDenied and InvalidChangeBatch
tell the two apart (known of AWS, not measured there; tried on a stand-in).
A run also asks how far its change is (GetChange), which is tried with the id
of a change that nobody made: NoSuchChange says that we may ask.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from failover.adapters import aws_answers
from failover.adapters.ec2 import Ec2Cloud
from failover.adapters.route53 import Route53Zone
from failover.core.fleet import Domain, Ec2, Host, Route53
from failover.doctor.findings import Finding, fail, failed, ok
from failover.errors import FailoverError, Refused
from failover.ports import Clock

DEADLINE_S = 5.0
NOBODYS_CHANGE = "C0FAILOVERDOCTOR"
_MAY = {"InvalidChangeBatch", "NoSuchChange"}
"""It was judged, so it was not denied."""


def right(domain: Domain, at: Route53, clock: Clock) -> Finding:
    name = "dns rights"
    try:
        code = _Asking(at.zone_id, domain.servers, clock, busy_s=DEADLINE_S).answer(domain.name)
    except FailoverError as e:
        return failed(name, domain.name, e)
    if code in _MAY:
        said = "Route 53 judged a deletion that cannot be done instead of denying it: our credentials may change the MX"
        return ok(name, domain.name, f"{said}, and ask how far a change is")
    said = f"Route 53 answered {code} to a deletion that cannot be done; whether it lets us change the MX is open"
    return fail(name, domain.name, said, try_=f"allow route53:ChangeResourceRecordSets on hostedzone/{at.zone_id}")


class _Asking(Route53Zone):
    """The zone, asked for what it cannot do."""

    def answer(self, name: str) -> str:
        """The code of the first refusal that is not the expected one, else of the last. Raises Refused (credentials,
        rights, the zone), Unreachable."""
        client = self._client()
        change = self._answer_to(lambda: self._judged(client, name))
        return change if change not in _MAY else self._answer_to(lambda: self._followed(client))

    def _answer_to(self, ask: Callable[[], object]) -> str:
        try:
            ask()
        except Refused as e:
            code = aws_answers.code(e.__cause__) if isinstance(e.__cause__, ClientError) else "?"
            if code in _MAY:
                return code
            raise
        return "yes"

    def _followed(self, client: Any) -> None:
        self._ask("read the state of a change", lambda: client.get_change(Id=NOBODYS_CHANGE))

    def _judged(self, client: Any, name: str) -> None:
        there = self._record_set(client, name)
        never = f"65535 failover-doctor-{secrets.token_hex(8)}.{name}."
        wrong = {"Name": f"{name}.", "Type": "MX", "TTL": (there or {}).get("TTL", 300)}
        change = {"Action": "DELETE", "ResourceRecordSet": {**wrong, "ResourceRecords": [{"Value": never}]}}
        batch = {"Comment": "failover doctor: must be refused", "Changes": [change]}
        self._ask(
            f"judge a change of the MX of {name}",
            lambda: client.change_resource_record_sets(HostedZoneId=self.zone_id, ChangeBatch=batch),
        )


def machine(host: Host, at: Ec2) -> Finding:
    """Its own size stands for any: what is asked for is the right, not the size."""
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
