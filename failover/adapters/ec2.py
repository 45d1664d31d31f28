"""EC2, over boto3: one instance, read and asked for one change at a time. Every call ends within its deadline.

boto3's own retries are off: a request that left may have happened, and the
caller decides. Only a refusal for too many requests, which did nothing, is
repeated. A read time-out is per read (measured: an answer that drips outlasts
it), so every call has a deadline above it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import boto3
from botocore import exceptions as boto
from botocore.config import Config
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from failover.adapters import aws_answers as aws
from failover.adapters.watchdog import Overdue, Stage, within
from failover.core.clean import clean
from failover.core.fleet import Ec2, Host
from failover.core.runs.answer import Answer, meaning
from failover.errors import Changed, FailoverError, OutcomeUnknown, Refused, Unreachable
from failover.fence import fence, reading
from failover.ports import Instance

CONNECT_S, READ_S, DEADLINE_S = 4.0, 10.0, 20.0
TRIES = 4
STATES = frozenset({"pending", "running", "shutting-down", "terminated", "stopping", "stopped"})

_TRY_KEYS = "check with `aws sts get-caller-identity`; set AWS_PROFILE, or give this machine a role"
_TRY_LATER = "nothing was changed; try again in a minute"


class Ec2Cloud:
    """The Cloud port for one instance. Keys come from where boto3 finds them; none is ever shown or kept."""

    def __init__(self, at: Ec2, *, deadline_s: float = DEADLINE_S, pause_s: float = 0.5) -> None:
        self._at = at
        self._deadline_s = deadline_s
        self._pause_s = pause_s
        self._made: Any = None

    def machine(self) -> Instance:
        found = self._ask("describe_instances", InstanceIds=[self._at.instance])
        with reading(self._where):
            for instance in _instances(found):
                if instance["InstanceId"] == self._at.instance:
                    return _machine(instance)
        raise Refused(f"{self._where}: EC2 shows no such instance", try_=_try("InvalidInstanceID.NotFound"))

    def stop(self) -> None:
        self._ask("stop_instances", changes=True, InstanceIds=[self._at.instance])

    def resize(self, size: str) -> None:
        self._ask("modify_instance_attribute", changes=True, InstanceId=self._at.instance, InstanceType={"Value": size})

    def start(self) -> None:
        self._ask("start_instances", changes=True, InstanceIds=[self._at.instance])

    def objection(self, size: str) -> str | None:
        """Asks EC2 whether the size exists, and for each right by a dry run. Capacity shows only at the start."""
        found = self._ask("describe_instance_types", fine={"InvalidInstanceType", *aws.DENIED}, InstanceTypes=[size])
        if found.get("refused") == "InvalidInstanceType":
            return f"EC2 knows no size {size} in {self._at.region}"
        mine = self._ask("describe_instances", InstanceIds=[self._at.instance])
        with reading(self._where):
            other = self._other_kind(size, found, mine)
        return other or self._forbidden(size)

    def _other_kind(self, size: str, types: Mapping[str, Any], mine: Mapping[str, Any]) -> str | None:
        runs = {a for t in types.get("InstanceTypes", ()) for a in t["ProcessorInfo"]["SupportedArchitectures"]}
        has = {str(i["Architecture"]) for i in _instances(mine) if "Architecture" in i}
        if runs and has and not runs & has:
            return clean(
                f"{size} is {', '.join(sorted(runs))}, the system on {self._at.instance} is {', '.join(sorted(has))}"
            )
        return None

    def _forbidden(self, size: str) -> str | None:
        one = [self._at.instance]
        asks: tuple[tuple[str, dict[str, Any]], ...] = (
            ("stop_instances", {"InstanceIds": one}),
            ("modify_instance_attribute", {"InstanceId": one[0], "InstanceType": {"Value": size}}),
            ("start_instances", {"InstanceIds": one}),
        )
        fine = {"DryRunOperation", "IncorrectInstanceState", *aws.DENIED}
        for name, params in asks:
            if self._ask(name, fine=fine, DryRun=True, **params).get("refused") in aws.DENIED:
                return f"AWS does not let us call ec2:{_api(name)} on {self._at.instance}"
        return None

    # Asking --------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return f"{self._at.instance} ({self._at.region})"

    def _ask(
        self, name: str, *, changes: bool = False, fine: set[str] | frozenset[str] = frozenset(), **params: Any
    ) -> Mapping[str, Any]:
        """One call. A refusal with a code in `fine` is an answer: {"refused": code}.

        Raises Refused (Changed where the instance's state does not allow it), Unreachable, OutcomeUnknown.
        """
        with fence(self._where):
            return self._asked(name, changes, fine, params)

    def _asked(
        self, name: str, changes: bool, fine: set[str] | frozenset[str], params: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = self._bounded(lambda: getattr(self._client(), name)(**params))
            return answer
        except boto.ClientError as e:
            code = aws.code(e)
            if code in fine:
                return {"refused": code}
            raise self._refused(name, e, changes) from None
        except aws.NO_KEYS as e:
            said = f"no usable AWS keys for {self._where}: {type(e).__name__}"
            raise Refused(said, try_=_TRY_KEYS) from None
        except aws.NOT_SENT as e:
            said = f"cannot reach EC2 for {self._where}: {type(e).__name__}"
            raise Unreachable(said, try_="check the route to AWS and `region` in hosts.yaml") from None
        except aws.NOT_MADE as e:  # a parameter, a region, a setting
            raise Refused(f"{_api(name)} for {self._where} was not sent: {type(e).__name__}", try_=_TRY_KEYS) from None
        except (*aws.LOST, Overdue) as e:
            raise self._lost(name, aws.why(e), changes) from None

    def _client(self) -> Any:
        """Made within the deadline: the search for keys can take long."""
        if self._made is None:
            once = Config(
                connect_timeout=CONNECT_S, read_timeout=READ_S, retries={"mode": "standard", "total_max_attempts": 1}
            )
            self._made = boto3.session.Session().client("ec2", region_name=self._at.region, config=once)
        return self._made

    def _bounded(self, do: Callable[[], Any]) -> Any:
        """Raises Overdue at the deadline. A call that goes on is left alone, and begins nothing more."""
        until = time.monotonic() + self._deadline_s
        again = Retrying(
            retry=retry_if_exception(lambda e: _throttled(e) and time.monotonic() < until),
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential(multiplier=self._pause_s),
            before=lambda _: _leave_at(until),
            reraise=True,
        )
        try:
            return within(self._deadline_s, lambda: again(do))
        except Overdue:
            self._made = None
            raise

    # Words ---------------------------------------------------------------------

    def _refused(self, name: str, e: boto.ClientError, changes: bool) -> FailoverError:
        code = aws.code(e)
        what = f"{_api(name)} of {self._where}: {code}"
        if meaning(aws.ANSWERS, code) is not Answer.NOTHING:
            return self._lost(name, code, changes)
        if code in aws.BUSY:
            return Unreachable(f"{what}, {TRIES} times; AWS takes no more requests for now", try_=_TRY_LATER)
        if code in aws.KEYS | aws.EXPIRED | aws.DENIED:  # their texts can show what was signed, or who we are
            return Refused(f"AWS refused {what}", try_=_try(code, name))
        if code in aws.STATE:
            return Changed(f"AWS refused {what}: {_message(e)}", try_=_try(code))
        return Refused(f"AWS refused {what}: {_message(e)}", try_=_try(code))

    def _lost(self, name: str, why: str, changes: bool) -> FailoverError:
        what = f"{_api(name)} of {self._where} got no answer: {why}"
        if changes:
            return OutcomeUnknown(what, try_=f"look: {by_hand('describe-instances', self._at)}")
        return Unreachable(what, try_=_TRY_LATER)


def _leave_at(until: float) -> None:
    if time.monotonic() >= until:
        raise Overdue(Stage.CONNECT, DEADLINE_S)


def _instances(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [i for r in found["Reservations"] for i in r["Instances"]]


def _machine(i: Mapping[str, Any]) -> Instance:
    """Raises ValueError, also for an unknown state: it could make us give up a machine that we stopped."""
    state, size = i["State"]["Name"], i["InstanceType"]
    if state not in STATES or not size:
        raise ValueError
    owners = [n.get("Association", {}).get("IpOwnerId") for n in i.get("NetworkInterfaces", ())]
    return Instance(
        state=state,
        size=clean(size),
        address=clean(i.get("PublicIpAddress") or "") or None,
        elastic=any(o not in {None, "amazon"} for o in owners),
        why=clean(str(i.get("StateReason", {}).get("Message", ""))),
    )


def _message(e: boto.ClientError) -> str:
    """AWS's own words, without anything that looks like a key."""
    return re.sub(r"\b(?:AKIA|ASIA)[A-Z0-9]{8,}", "(a key)", aws.message(e)).rstrip(".")


def _throttled(e: BaseException) -> bool:
    return isinstance(e, boto.ClientError) and aws.code(e) in aws.BUSY


def _api(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _try(code: str, name: str = "") -> str:
    if code in aws.EXPIRED:
        return "the session has expired: sign in again, as with `aws sso login`; and check this machine's clock"
    if code in aws.KEYS:
        return _TRY_KEYS
    if code in aws.DENIED:
        return f"allow ec2:{_api(name)} on this instance in IAM"
    if code in aws.CAPACITY:
        return "choose another size, or try again later; AWS has none of this one to give now"
    if code.startswith("InvalidInstanceID"):
        return "correct `cloud: {region: …, instance: …}` of this host in hosts.yaml"
    return "nothing was changed; see the code in the EC2 API reference, error codes"


def by_hand(command: str, at: Ec2) -> str:
    """The AWS command line that does the same."""
    return f"aws ec2 {command} --region {at.region} --instance-ids {at.instance}"


@lru_cache
def _at(ec2: Ec2) -> Ec2Cloud:
    return Ec2Cloud(ec2)


def cloud(host: Host) -> Ec2Cloud:
    """Raises Refused if hosts.yaml names no instance for this host."""
    if host.cloud is None:
        raise Refused(
            f"{host.name} has no `cloud:` in hosts.yaml, so its machine cannot be resized",
            try_="add cloud: {kind: ec2, region: eu-west-3, instance: i-0123456789abcdef0}",
        )
    return _at(host.cloud)
