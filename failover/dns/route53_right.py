"""May our credentials change a record set of Route 53?

There is no dry run, so we ask for a deletion that must be refused: of a value
that the set does not have (ChangeResourceRecordSets: a DELETE must match the
current set in all its values). Rights are judged first, so AccessDenied and
InvalidChangeBatch tell the two apart (known of AWS, not measured there; tried
on a stand-in). A run also needs GetChange: we try it with an id that does not
exist, and NoSuchChange says that we may.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from failover.adapters import aws_answers
from failover.core.fleet import Domain
from failover.core.observe.signal import Outcome
from failover.dns.route53_zone import Route53Zone
from failover.errors import Refused
from failover.ports import Clock, Right

if TYPE_CHECKING:
    from failover.dns.route53 import Route53

DEADLINE_S = 5.0
NOBODYS_CHANGE = "C0FAILOVERDOCTOR"
_MAY = {"InvalidChangeBatch", "NoSuchChange"}
"""Answers that come after the rights were judged."""


def right(domain: Domain, at: Route53, clock: Clock) -> Right:
    code = _Asking(at.zone_id, domain.servers, clock, busy_s=DEADLINE_S).answer(domain.name)
    if code in _MAY:
        said = "Route 53 judged a deletion that cannot be done instead of denying it: our credentials may change the MX"
        return Right(Outcome.OK, f"{said}, and ask how far a change is")
    said = f"Route 53 answered {code} to a deletion that cannot be done; whether it lets us change the MX is open"
    return Right(Outcome.FAIL, said, f"allow route53:ChangeResourceRecordSets on hostedzone/{at.zone_id}")


class _Asking(Route53Zone):
    """The zone, asked for the impossible."""

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
