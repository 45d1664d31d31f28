"""EC2 as far as stopping, resizing and starting an instance goes: states take their time, and AWS's rules hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from tests.standins.answers import AwsError, Rows, Xml, document

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
OWNER = "123456789012"
_CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
SIZES = {
    **dict.fromkeys(("t3.medium", "m5.large", "m5.xlarge", "m5.2xlarge", "m5.4xlarge"), "x86_64"),
    **dict.fromkeys(("m6g.large", "m6g.4xlarge"), "arm64"),
}


@dataclass(frozen=True, slots=True)
class Instance:
    """`next_state` is entered at `due`, by the stand-in's clock."""

    id: str
    size: str
    state: str = "running"
    address: str | None = "198.51.100.10"
    elastic: bool = False
    architecture: str = "x86_64"
    why: tuple[str, str] = ("", "")
    next_state: str | None = None
    due: float = 0.0


@dataclass
class Ec2:
    """`lacking`: sizes that a start is refused for. `falling_back`: sizes that start, and are stopped again.

    `stale_s`: DescribeInstances shows what was so long ago (AWS is eventually consistent).
    """

    clock: Callable[[], float]
    stop_s: float = 20.0
    start_s: float = 15.0
    stale_s: float = 0.0
    lacking: set[str] = field(default_factory=set)
    falling_back: set[str] = field(default_factory=set)
    _now: dict[str, Instance] = field(default_factory=dict)
    _history: list[tuple[float, Instance]] = field(default_factory=list)
    _addresses: int = 10

    # For tests -----------------------------------------------------------------

    def add(self, id_: str, size: str, *, elastic: bool = False, state: str = "running") -> None:
        self._set(Instance(id_, size, state, self._new_address() if state == "running" or elastic else None, elastic))

    def instance(self, id_: str) -> Instance:
        self._pass_time()
        return self._now[id_]

    def states(self, id_: str) -> list[str]:
        """What it went through, oldest first."""
        self._pass_time()
        seen = [i.state for _, i in self._history if i.id == id_]
        return [state for n, state in enumerate(seen) if n == 0 or state != seen[n - 1]]

    def meddle(self, id_: str, **to: str | None) -> None:
        """Somebody else's hand, at once: `state`, `size`."""
        self._pass_time()
        self._set(replace(self._now[id_], next_state=None, **to))  # type: ignore[arg-type]

    # The API -------------------------------------------------------------------

    def answer(self, action: str, params: Mapping[str, str]) -> bytes:
        self._pass_time()
        known: dict[str, Callable[[Mapping[str, str]], Rows]] = {
            "DescribeInstances": self._describe,
            "DescribeInstanceStatus": self._status,
            "DescribeInstanceTypes": self._types,
            "StopInstances": self._stop,
            "StartInstances": self._start,
            "ModifyInstanceAttribute": self._modify,
        }
        if action not in known:
            raise AwsError("InvalidAction", f"The action {action} is not valid for this web service.")
        if params.get("DryRun") == "true":
            self._asked(params)
            raise AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
        return document(f"{action}Response", [("requestId", "0"), *known[action](params)], NAMESPACE)

    def _describe(self, params: Mapping[str, str]) -> Rows:
        shown = [self._as_seen(i) for i in self._asked(params)]
        return (("reservationSet", [("item", (("instancesSet", [("item", _shown(i)) for i in shown]),))]),)

    def _status(self, params: Mapping[str, str]) -> Rows:
        every = params.get("IncludeAllInstances") == "true"
        shown = [i for i in map(self._as_seen, self._asked(params)) if every or i.state == "running"]
        return (("instanceStatusSet", [("item", (("instanceId", i.id), ("instanceState", _state(i)))) for i in shown]),)

    def _types(self, params: Mapping[str, str]) -> Rows:
        asked = _numbered(params, "InstanceType") or list(SIZES)
        if unknown := [s for s in asked if s not in SIZES]:
            said = f"The following supplied instance types do not exist: [{', '.join(unknown)}]"
            raise AwsError("InvalidInstanceType", said)
        rows = [
            (("instanceType", s), ("processorInfo", (("supportedArchitectures", (("item", SIZES[s]),)),)))
            for s in asked
        ]
        return (("instanceTypeSet", [("item", r) for r in rows]),)

    def _stop(self, params: Mapping[str, str]) -> Rows:
        return self._each(params, self._stop_one)

    def _stop_one(self, i: Instance) -> Instance:
        if i.state == "pending":
            said = f"Instance '{i.id}' cannot be stopped as it has never reached the 'running' state."
            raise AwsError("IncorrectInstanceState", said)
        if i.state not in {"running", "stopping", "stopped"}:
            raise AwsError(
                "IncorrectInstanceState", f"The instance '{i.id}' is not in a state from which it can be stopped."
            )
        if i.state != "running":
            return i
        why = ("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown")
        return replace(i, state="stopping", next_state="stopped", due=self.clock() + self.stop_s, why=why)

    def _start(self, params: Mapping[str, str]) -> Rows:
        return self._each(params, self._start_one)

    def _start_one(self, i: Instance) -> Instance:
        if i.state in {"pending", "running"}:
            return i
        if i.state != "stopped":
            raise AwsError(
                "IncorrectInstanceState", f"The instance '{i.id}' is not in a state from which it can be started."
            )
        if i.size in self.lacking:
            said = f"We currently do not have sufficient {i.size} capacity in the Availability Zone you requested."
            raise AwsError("InsufficientInstanceCapacity", said, 500)
        if SIZES[i.size] != i.architecture:
            said = f"The architecture of {i.size} does not match the architecture in the manifest"
            raise AwsError("InvalidParameterValue", said)
        then = "stopped" if i.size in self.falling_back else "running"
        return replace(i, state="pending", next_state=then, due=self.clock() + self.start_s, why=("", ""))

    def _each(self, params: Mapping[str, str], do: Callable[[Instance], Instance]) -> Rows:
        changed = [(i, do(i)) for i in self._asked(params)]  # all are checked before any changes
        for _, now in changed:
            self._set(now)
        rows = [
            (("instanceId", i.id), ("currentState", _state(i)), ("previousState", _state(was))) for was, i in changed
        ]
        return (("instancesSet", [("item", r) for r in rows]),)

    def _modify(self, params: Mapping[str, str]) -> Rows:
        (i,) = self._asked({"InstanceId.1": params.get("InstanceId", "")})
        size = params.get("InstanceType.Value", "")
        if size not in SIZES:
            raise AwsError("InvalidInstanceAttributeValue", f"Invalid value '{size}' for InstanceType.")
        if i.state != "stopped":
            raise AwsError("IncorrectInstanceState", f"The instance '{i.id}' is not in the 'stopped' state.")
        self._set(replace(i, size=size))
        return (("return", True),)

    # State ---------------------------------------------------------------------

    def _asked(self, params: Mapping[str, str]) -> list[Instance]:
        ids = _numbered(params, "InstanceId") or [v for k, v in params.items() if k == "InstanceId"] or list(self._now)
        for id_ in ids:
            if not re.fullmatch(r"i-[0-9a-f]{8}([0-9a-f]{9})?", id_):
                raise AwsError("InvalidInstanceID.Malformed", f'Invalid id: "{id_}"')
            if id_ not in self._now:
                raise AwsError("InvalidInstanceID.NotFound", f"The instance ID '{id_}' does not exist")
        return [self._now[id_] for id_ in ids]

    def _as_seen(self, i: Instance) -> Instance:
        then = [s for at, s in self._history if s.id == i.id and at <= self.clock() - self.stale_s]
        return then[-1] if then else next(s for _, s in self._history if s.id == i.id)

    def _pass_time(self) -> None:
        for i in list(self._now.values()):
            if i.next_state is not None and i.due <= self.clock():
                self._set(self._arrived(i), at=i.due)

    def _arrived(self, i: Instance) -> Instance:
        to = replace(i, state=i.next_state or i.state, next_state=None)
        if to.state == "stopped" and i.state == "pending":
            code = "Server.InsufficientInstanceCapacity"
            to = replace(
                to, why=(code, f"{code}: There was insufficient capacity available to satisfy the launch request")
            )
        if i.elastic:
            return to
        return replace(to, address=self._new_address() if to.state == "running" else None)

    def _set(self, i: Instance, at: float | None = None) -> None:
        self._now[i.id] = i
        self._history.append((self.clock() if at is None else at, i))

    def _new_address(self) -> str:
        self._addresses += 1
        return f"198.51.100.{self._addresses}"


def _numbered(params: Mapping[str, str], name: str) -> list[str]:
    return [v for k, v in params.items() if re.fullmatch(rf"{name}\.\d+", k)]


def _state(i: Instance) -> Xml:
    return (("code", _CODES[i.state]), ("name", i.state))


def _shown(i: Instance) -> Iterable[tuple[str, Xml]]:
    yield from (("instanceId", i.id), ("instanceState", _state(i)), ("instanceType", i.size))
    yield from (("privateIpAddress", "10.0.0.11"), ("architecture", i.architecture))
    if i.why[0]:
        yield ("stateReason", (("code", i.why[0]), ("message", i.why[1])))
    if i.address:
        owner = OWNER if i.elastic else "amazon"
        association: Xml = (("publicIp", i.address), ("ipOwnerId", owner))
        yield from (("ipAddress", i.address), ("networkInterfaceSet", (("item", (("association", association),)),)))
