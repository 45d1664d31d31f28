"""`vm.resize`: another size for the cloud machine under a host: it is stopped, resized, and started.

Its bound values are the size and that it runs. A machine found stopped between
the two sizes is half of ours: acting again goes on from there, and the undo
puts the old size back and starts it. There is no lock and no epoch at AWS: all
requests may be repeated, and all lead to a running machine. What remains: one
that somebody else stopped, after our resize was verified, reads like half of
ours, so a rollback starts it; two controllers without a common store can
interrupt it twice, but not leave it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from pydantic import Field

from failover.actions.arguments import values
from failover.actions.base import Action, Attempt, Context, Flags, Ports, Result
from failover.actions.fields import A_TEXT, HostRef, OnHost, SpanRef, matched
from failover.actions.machine import IN_TRANSIT, Drive
from failover.actions.records import planned_on
from failover.actions.steps import NO_UNDO
from failover.actions.subjects import host_in, host_of
from failover.core import place
from failover.core.fleet import Domain, Host
from failover.core.mx import MxSet
from failover.core.observe.condition import Any, Condition, Predicate, judge
from failover.core.observe.signal import Outcome
from failover.core.runs.plan import Certainty, Step, StepKind
from failover.core.runs.playbook import Risk, StepSpec
from failover.core.runs.recovery import Reading, compare
from failover.core.words import duration
from failover.errors import FailoverError, Refused
from failover.ports import Instance

ETA_S = 180.0
"""To stop, resize, start and boot. An estimate: it takes one to five minutes, and most of it is the system's own."""
LIMIT_S, LEAST_S = 900.0, 300.0
SETTLED_S = 10.0
"""Two readings so far apart must agree before a machine counts as at rest: a request may be on its way unseen."""


_Size = Annotated[
    str,
    matched(r"[a-z0-9][a-z0-9-]{0,30}\.[a-z0-9-]{1,30}", "instance type; write one such as m5.4xlarge"),
    A_TEXT,
]


class Resize(OnHost):
    """Stops the host's cloud machine, gives it another size, and starts it."""

    host: HostRef = Field(description="The host that it works on; one, named.", examples=['"${host}"'])
    size: _Size = Field(description="The instance type that it shall have.", examples=["m5.4xlarge"])
    traffic: Literal["accepted"] | None = Field(
        default=None, description="accepted: it may be interrupted though senders try it first, or nobody can tell."
    )
    expires: SpanRef | None = Field(default=None, description="After this it is due to be taken back.")


class VmResize:
    name = "vm.resize"
    with_ = Resize
    flags = Flags(moves_mail=True)

    def plan(self, spec: StepSpec[Resize], context: Context) -> Step:
        ports, host = context.ports, host_of(spec, context.ports.fleet)
        cloud, size = ports.cloud(host), spec.with_.size
        now, accepted = cloud.machine(), spec.with_.traffic == "accepted"
        unchanged = (now.size, now.state) == (size, "running")
        if not unchanged:
            _must_run(host, now)
            _may_have(host, size, cloud.objection(size))
            _enough_time(spec)
        if not (unchanged or accepted):
            _spared(host, ports, lambda d: planned_on(d, context)[0])
            _another_answers(host, ports)
        return Step(
            id=spec.id,
            action=self.name,
            kind=StepKind.STATE,
            certainty=Certainty.UNCHANGED if unchanged else Certainty.EXACT,
            says=f"{now.size} → {size}: {host.name} is stopped and started" if not unchanged else f"it is {size}",
            host=host.name,
            where=place.of_machine(host),
            args=values(spec.with_),
            before={"size": now.size, "state": "running"},
            want={"size": size, "state": "running"},
            on_the_way={"state": (*IN_TRANSIT, "stopped")},
            observed={"address": now.address or "none"},
            diff=() if unchanged else (f"- size = {now.size}", f"+ size = {size}"),
            undo=NO_UNDO if unchanged else _undo_words(host, now.size, accepted),
            undoable=True,
            guards=_guards(host, ports, accepted),
            requires=() if unchanged or accepted else _others_answer(host, ports),
            notes=() if unchanged else _notes(host, now, accepted),
            risk=Risk.DOWNTIME,
            eta_s=ETA_S,
            limit_s=spec.timeout or LIMIT_S,
            expires_s=spec.with_.expires,
        )

    def read(self, step: Step, ports: Ports) -> Mapping[str, str]:
        now = ports.cloud(_host(step, ports)).machine()
        return {"size": now.size, "state": now.state}

    def act(self, step: Step, at: Attempt, ports: Ports) -> Result:
        goal, back = step.want["size"], step.before["size"]
        drive = _drive(step, ports, goal, back, touched=at.attempt != "do-1")
        return _result(step, drive.run())

    def settle(self, step: Step, at: Attempt, ports: Ports) -> Reading:
        """Nobody can be asked whether a request still comes: it is at rest when it reads the same for a while."""
        now = self.read(step, ports)
        if now["state"] in IN_TRANSIT:
            return Reading.RUNNING
        ports.clock.sleep(SETTLED_S)
        if self.read(step, ports) != now:
            return Reading.RUNNING
        return compare(now, before=step.before, want=step.want, on_the_way=step.on_the_way)

    def undo(self, step: Step, at: Attempt, ports: Ports) -> Result:
        return _result(step, _drive(step, ports, step.before["size"], step.want["size"], touched=False).run())


ACTION: Action[Resize] = VmResize()


def _host(step: Step, ports: Ports) -> Host:
    return host_in(step, ports)


def _accepted(args: Mapping[str, object]) -> bool:
    return args.get("traffic") == "accepted"


def _drive(step: Step, ports: Ports, goal: str, back: str, *, touched: bool) -> Drive:
    host = _host(step, ports)

    def may_stop() -> None:
        if not _accepted(step.args):
            _spared(host, ports, lambda d: ports.zone(d).mx(d.name))

    cloud = ports.cloud(host)
    return Drive(
        f"{host.name}'s machine", cloud, ports.clock, goal, back, step.limit_s, _by_hand(host), may_stop, touched
    )


def _by_hand(host: Host) -> str:
    assert host.cloud is not None, "a host without cloud was refused when it was planned"
    return f"aws ec2 start-instances --region {host.cloud.region} --instance-ids {host.cloud.instance}"


def _result(step: Step, now: Instance) -> Result:
    address, was = now.address or "none", step.observed.get("address", "none")
    return {"size": now.size, "address": address if address == was else f"{address}, it was {was}"}


# May it be interrupted? ------------------------------------------------------------


def _must_run(host: Host, now: Instance) -> None:
    if now.state != "running":
        raise Refused(
            f"the machine of {host.name} is {now.state}, and only one that runs is resized",
            try_="whoever stopped it knows why; start it first: " + _by_hand(host),
        )


def _may_have(host: Host, size: str, objection: str | None) -> None:
    if objection:
        raise Refused(f"{host.name} cannot become {size}: {objection}", try_="correct `size`, or the rights in IAM")


def _enough_time(spec: StepSpec[Resize]) -> None:
    if spec.timeout is not None and spec.timeout < LEAST_S:
        raise Refused(
            f"step {spec.id} has {duration(spec.timeout)} for a stop and a start",
            try_=f"give it timeout: {duration(LEAST_S).replace(' min', 'm')} or more, or leave it out",
        )


def _spared(host: Host, ports: Ports, mx: Callable[[Domain], MxSet]) -> None:
    """Raises Refused while senders try this host first anywhere, and when nobody can tell."""
    for domain in ports.fleet.domains.values():
        try:
            found = mx(domain)
        except FailoverError as e:
            raise _no(host, f"the MX of {domain.name} could not be read: {e}") from e
        if host.mx and found.targets and f"{host.mx.lower().removesuffix('.')}." in found.first:
            raise _no(host, f"{host.mx} is what senders to {domain.name} try first ({found})")
    if not host.mx or not ports.fleet.domains:
        raise _no(host, f"hosts.yaml does not say {'what its `mx` is' if not host.mx else 'for which domains'}")


def _no(host: Host, why: str) -> Refused:
    return Refused(
        f"{host.name} may be taking mail, and a resize interrupts it: {why}",
        try_="move the mail first (failover run shift-mx), or write `traffic: accepted` in the step",
    )


def _others_answer(host: Host, ports: Ports) -> tuple[Condition, ...]:
    peers = tuple(Predicate("smtp.banner", p.name, is_=Outcome.OK) for p in ports.fleet.peers(host.name) if p.mx)
    return (Any(peers),) if peers else ()


def _another_answers(host: Host, ports: Ports) -> None:
    wanted = _others_answer(host, ports)
    if not wanted:
        return
    seen = ports.look({p.name for p in ports.fleet.peers(host.name)}, frozenset({"smtp.banner"}))
    judged = [judge(c, seen, now=ports.clock.now()) for c in wanted]
    if bad := [b for j in judged if not j.holds for b in j.because]:
        raise Refused(
            f"no other MX is seen to take mail while {host.name} is away: {'; '.join(bad)}",
            try_="see `failover check`; or write `traffic: accepted` in the step",
        )


def _guards(host: Host, ports: Ports, accepted: bool) -> tuple[Condition, ...]:
    """For going back: that interrupts the host again, and may give it less to bear its load with. If it is off, no."""
    off = Predicate("smtp.banner", host.name, is_=Outcome.FAIL)
    calm = Any((Predicate("cpu.load", host.name, is_=Outcome.OK), off))
    others = () if accepted else tuple(Any((c, off)) for c in _others_answer(host, ports))
    return (*others, calm)


# Words ----------------------------------------------------------------------------


def _undo_words(host: Host, size: str, accepted: bool) -> str:
    others = "" if accepted else "another MX answers and "
    return f"back to {size}, stopped and started again, once {others}{host.name} is not loaded"


def _notes(host: Host, now: Instance, accepted: bool) -> tuple[str, ...]:
    away = f"{host.name} is away for about {duration(ETA_S)}: connections are cut, and its queue waits on its disk"
    away += "; senders that try it go to another MX, or keep the mail and come again" if accepted else ""
    lost = "what lies on an instance store is lost, and an Auto Scaling group may replace a machine that stops"
    if now.address is None or now.elastic:
        return (away, lost)
    ours = ", the one in hosts.yaml" if now.address == host.address else ""
    moves = f"its public address {now.address}{ours} is no Elastic IP: it comes back with another, and DNS must follow"
    return (away, moves, lost)
