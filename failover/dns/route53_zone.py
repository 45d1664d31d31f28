"""A zone at Amazon Route 53 (boto3). One change batch deletes exactly the old set and creates the new one.

A batch is all or nothing, and its DELETE is refused unless name, type, TTL and
every value are the current ones (ChangeResourceRecordSets, API reference): so
the batch is a compare and swap that covers the TTL too. UPSERT would compare
nothing, and is never used. A change is everywhere once GetChange says INSYNC.

There is no serial to compare (Route 53 does not count the SOA's up), so a set
that was changed and changed back looks untouched. A controller that is
suspended between its last check of the lease and the sending, while others do
that, still moves mail. The signature ends this after 15 min for a request that
was signed before, not for a process that was suspended before it signed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from failover.adapters import aws_answers as aws
from failover.adapters import resolver
from failover.adapters.watchdog import Overdue, within
from failover.core.mx import MxSet, exchange
from failover.core.runs.answer import Answer, meaning
from failover.dns.sets import changed, from_texts, not_empty, reads, texts
from failover.errors import FailoverError, OutcomeUnknown, Refused, Unreachable
from failover.fence import fence, reading
from failover.ports import CheckLease, Clock, by_hand

_T = TypeVar("_T")
BUSY_S = 20.0
"""Time to ask a busy Route 53 again: it allows 5 requests a second per account, and one change at a time per zone."""
SYNC_S = 90.0
"""For INSYNC: generally within 60 s (Route 53 developer guide)."""
POLL_S = 1.0
CALL_S = 15.0
"""For one call: a read time-out is per read, so an answer that drips outlasts it."""
_ACTIONS = "route53:ListResourceRecordSets, ChangeResourceRecordSets, GetChange, GetHostedZone"


class Busy(Unreachable):
    """Throttled, or an earlier change of this zone goes on: nothing was done, and we may ask again."""


@dataclass(frozen=True, slots=True)
class Route53Zone:
    """Credentials are found as every AWS tool finds them, when they are used; none is held here."""

    zone_id: str
    servers: tuple[str, ...]
    clock: Clock
    sync_s: float = SYNC_S
    busy_s: float = BUSY_S
    call_s: float = CALL_S

    def mx(self, name: str) -> MxSet:
        return _mx(name, self._record_set(self._client(), name))

    def swap(self, name: str, *, expected: MxSet, wanted: MxSet, check_lease: CheckLease = by_hand) -> None:
        not_empty(name, wanted)
        client = self._client()
        raw = self._record_set(client, name)
        found = _mx(name, raw)
        if found == wanted:
            return
        if found != expected:
            raise changed(name, expected, found)
        changes = [{"Action": "CREATE", "ResourceRecordSet": _raw(name, wanted)}]
        if raw is not None:  # as it was listed: AWS compares texts, and ours may spell a name otherwise
            changes.insert(0, {"Action": "DELETE", "ResourceRecordSet": raw})
        check_lease()
        self._in_sync(client, self._change(client, name, changes, expected, wanted))

    def seen(self, name: str) -> Mapping[str, MxSet | str]:
        """The zone's own delegation set is asked as well: the registry may delegate to another one."""
        zone, names = name, list(self.servers)
        with suppress(FailoverError):
            client = self._client()
            found = self._ask("read the hosted zone", lambda: client.get_hosted_zone(Id=self.zone_id))
            with reading("Route 53"):
                names += map(_host_name, found.get("DelegationSet", {}).get("NameServers", []))
                zone = _host_name(found["HostedZone"]["Name"])
        return resolver.seen(name, resolver.authoritative(zone, at=(), extra=names))

    def trouble(self, exchange: str) -> str | None:
        return resolver.trouble(exchange, at=())

    # Writing --------------------------------------------------------------------

    def _change(
        self, client: Any, name: str, changes: list[dict[str, Any]], expected: MxSet, wanted: MxSet
    ) -> str | None:
        """The id of the change; None if it is done already. Raises Changed, Refused, Unreachable, OutcomeUnknown."""
        batch = {"Comment": "failover", "Changes": changes}
        try:
            answer = self._ask(
                f"change the MX of {name}",
                lambda: client.change_resource_record_sets(HostedZoneId=self.zone_id, ChangeBatch=batch),
                reading=False,
            )
        except OutcomeUnknown:
            if reads(self, name, wanted):
                return None
            raise
        except _NotAsListed as e:
            found = self.mx(name)
            if found == wanted:  # an earlier request of ours, whose answer was lost
                return None
            if found != expected:
                raise changed(name, expected, found) from e
            raise
        info = answer.get("ChangeInfo")  # accepted, whatever the form of the answer
        id_ = info.get("Id") if isinstance(info, Mapping) else None
        return str(id_) if id_ else None

    def _in_sync(self, client: Any, change: str | None) -> None:
        """Wait for all its servers. The change was accepted, so no error or time-out is raised here; `seen` tells which
        servers have it."""
        until = self.clock.monotonic() + self.sync_s
        with suppress(FailoverError):
            while change is not None and self.clock.monotonic() < until:
                found = self._ask("read the change", lambda: client.get_change(Id=change))
                with reading("Route 53"):
                    if found["ChangeInfo"]["Status"] == "INSYNC":
                        return
                self.clock.sleep(POLL_S)

    # Reading --------------------------------------------------------------------

    def _record_set(self, client: Any, name: str) -> dict[str, Any] | None:
        """Exactly as Route 53 lists it. Raises Refused for a set with a routing policy."""
        listed = self._ask(
            f"list the MX of {name}",
            lambda: client.list_resource_record_sets(
                HostedZoneId=self.zone_id, StartRecordName=name, StartRecordType="MX", MaxItems="2"
            ),
        )
        with reading("Route 53"):
            sets = listed["ResourceRecordSets"]
            ours: list[dict[str, Any]] = [r for r in sets if r["Type"] == "MX" and _same(r["Name"], name)]
        if any("SetIdentifier" in r or "AliasTarget" in r for r in ours):
            raise Refused(
                f"the MX of {name} is governed by a routing policy of Route 53",
                try_="change its weights or health checks there; this tool swaps simple record sets only",
            )
        return ours[0] if ours else None

    def _client(self) -> Any:
        """Its own retries are off, since it would repeat a change whose answer was lost."""
        config = Config(connect_timeout=3, read_timeout=8, retries={"total_max_attempts": 1})
        return self._translated(
            "find AWS credentials",
            lambda: boto3.session.Session().client("route53", region_name="us-east-1", config=config),
        )

    def _ask(self, to: str, do: Callable[[], _T], *, reading: bool = True) -> _T:
        """Asks again while Route 53 is busy. Raises OutcomeUnknown for a lost answer, for a reading Unreachable."""
        again = Retrying(
            retry=retry_if_exception_type(Busy),
            stop=stop_after_delay(self.busy_s),
            wait=wait_exponential(multiplier=0.3, max=3.0),
            sleep=self.clock.sleep,
            reraise=True,
        )
        try:
            answer: _T = again(self._translated, to, do)
            return answer
        except OutcomeUnknown as e:
            if reading:
                raise Unreachable(str(e), try_=e.try_) from e
            raise

    def _translated(self, to: str, do: Callable[[], _T]) -> _T:
        """boto3's exceptions as ours; messages carry AWS's code and words, never a key."""
        with fence("Route 53"):
            return _told(to, lambda: within(self.call_s, do))


class _NotAsListed(Refused):
    """InvalidChangeBatch: nothing was changed."""


def _told(to: str, do: Callable[[], _T]) -> _T:
    try:
        return do()
    except ClientError as e:
        raise _of_client(to, e) from e
    except aws.NOT_SENT as e:
        raise Unreachable(f"could not {to}: {e}", try_="is route53.amazonaws.com within reach from here?") from e
    except (*aws.NO_KEYS, *aws.NOT_MADE) as e:
        said = f"could not {to}: {e}"
        raise Refused(said, try_="give failover AWS credentials: a role for this machine, or AWS_PROFILE") from e
    except (*aws.LOST, Overdue) as e:
        said = f"Route 53 was asked to {to}, and no good answer came: {aws.why(e)}"
        raise OutcomeUnknown(said, try_="look at the record set there") from e


def _of_client(to: str, e: ClientError) -> FailoverError:
    code, said = aws.code(e), aws.message(e)
    secretive = code in aws.KEYS | aws.EXPIRED | aws.DENIED  # their texts can show what was signed, or who we are
    what = f"Route 53 would not {to}: {code}" + ("" if secretive else f": {said}")
    if meaning(aws.ANSWERS, code) is not Answer.NOTHING:
        return OutcomeUnknown(what, try_="look at the record set there")
    if code in aws.BUSY:
        return Busy(what, try_="wait a minute; other tools use the same account or zone")
    if code == "InvalidChangeBatch":
        return _NotAsListed(what, try_="look at the record set in the console")
    if code in aws.KEYS | aws.EXPIRED:
        return Refused(what, try_="renew the AWS credentials (aws sts get-caller-identity), and check the clock")
    if code in aws.DENIED:
        return Refused(what, try_=f"allow {_ACTIONS} on this hosted zone")
    if code == "NoSuchHostedZone":
        return Refused(what, try_="correct zone_id in hosts.yaml (aws route53 list-hosted-zones)")
    return Refused(what, try_="look at the record set in the console")


def _mx(name: str, raw: Mapping[str, Any] | None) -> MxSet:
    if raw is None:
        return MxSet(0, frozenset())
    try:
        with reading("Route 53"):
            ttl, values = int(raw["TTL"]), [str(r["Value"]) for r in raw["ResourceRecords"]]
        return from_texts(ttl, values)
    except ValueError as e:
        raise Refused(f"the MX of {name} in Route 53 is odd: {e}", try_="correct it there first") from e


def _raw(name: str, mx: MxSet) -> dict[str, Any]:
    values = [{"Value": text} for text in texts(mx)]
    return {"Name": f"{name}.", "Type": "MX", "TTL": mx.ttl, "ResourceRecords": values}


def _host_name(text: str) -> str:
    """Raises ValueError for another text."""
    return exchange(text).removesuffix(".")


def _same(listed: str, name: str) -> bool:
    return listed.rstrip(".").lower() == name.rstrip(".").lower()
