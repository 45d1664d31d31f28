"""Acting through `failover-host`: return codes become outcomes, results are settled before anyone decides on them."""

from __future__ import annotations

from collections.abc import Mapping

from failover.actions.base import Attempt, Ports
from failover.actions.subjects import host_in
from failover.core.fleet import Host
from failover.core.runs.answer import Answer, meaning, table
from failover.core.runs.plan import Step
from failover.core.runs.recovery import Reading
from failover.errors import Changed, OutcomeUnknown, Refused, StaleEpoch, StepFailed
from failover.ports import Rc, Reply

ANSWERS = table(
    {
        Answer.DONE: (Rc.OK,),
        Answer.NOTHING: (Rc.USAGE, Rc.CHANGED, Rc.BUSY, Rc.STALE, Rc.NOT_PERMITTED, Rc.REFUSED),
        Answer.FAILED: (Rc.FAILED,),
    }
)
"""Of an act's return codes: the script returns those of NOTHING before its first effect only."""


def act(step: Step, at: Attempt, ports: Ports, verb: str, args: Mapping[str, str]) -> Reply:
    """Run an acting verb of the helper, for as long as the step may take.

    Raises Unreachable, Refused, Changed, StaleEpoch (nothing was done), StepFailed, OutcomeUnknown.
    """
    host = host_in(step, ports)
    keys = {**at.keys(), "config_dir": host.postfix.config_dir, **args}
    return _accepted(host, ports.remote.call(host, verb, keys, limit_s=step.limit_s))


def read(ports: Ports, host: Host, verb: str, args: Mapping[str, str], *, limit_s: float = 20.0) -> Reply:
    keys = {"config_dir": host.postfix.config_dir, **args}
    return _accepted(host, ports.remote.call(host, verb, keys, limit_s=limit_s))


def _accepted(host: Host, reply: Reply) -> Reply:
    said, look = f"{host.name}: {reply.because}", f"see `failover check --host {host.name} -v`"
    match meaning(ANSWERS, reply.rc):
        case Answer.DONE:
            return reply
        case Answer.NOTHING:
            raise _nothing_done(host, reply, said, look)
        case Answer.FAILED:
            raise StepFailed(said, try_=f"{look}; what was done is in the journal")
        case _:
            raise OutcomeUnknown(f"{said}, which is no answer of ours", try_=look)


def _nothing_done(host: Host, reply: Reply, said: str, look: str) -> Refused:
    match reply.rc:
        case Rc.STALE:
            return _stale(host, reply, said)
        case Rc.CHANGED:
            return Changed(said, try_="look at what was edited, then plan again")
        case Rc.BUSY:
            return Refused(said, try_=f"wait for it, or look on {host.name} who holds /var/lib/failover-host/lock")
        case _:
            return Refused(said, try_=look)


def _stale(host: Host, reply: Reply, said: str) -> StaleEpoch:
    """Either another controller is at work there, or a clock once ran ahead: the host's epoch tells which."""
    status = f"failover host status {host.name}"
    try_ = f"`{status}` shows who was there; when that has ended, resume this run: it comes with a newer epoch"
    if seen := reply.one("seen"):
        try_ += f"; where {seen[0]} lies in the future (a wrong clock): {status} --reset-epoch {seen[0]} --reason TEXT"
    return StaleEpoch(said, try_=try_)


def settle(step: Step, at: Attempt, ports: Ports, *, limit_s: float = 30.0) -> Reading:
    """How far an attempt came: `before` never began, `wanted` done, `half` ended without a good result.

    Takes the host's lock and raises its epoch, so nothing of ours is running
    there afterwards, and nothing of ours that is still on its way will be let in.
    """
    host = host_in(step, ports)
    reply = ports.remote.call(host, "settle", at.keys(), limit_s=limit_s)
    if reply.rc == Rc.BUSY:
        return Reading.RUNNING
    row = _accepted(host, reply).one("result") or ()
    reading = came_to(*row[:2])
    if reading is Reading.UNKNOWN:
        raise OutcomeUnknown(f"{host.name}: settle answered {row!r}", try_="run `failover runs resume` again")
    return reading


def stands(step: Step, run: str, ports: Ports) -> Reading | None:
    """Of a change that reads as before: `actions.base.Kept`."""
    host = host_in(step, ports)
    reply = ports.remote.call(host, "debts", {"of_run": run, "of_step": step.id}, limit_s=20.0)
    if any(row[:3] == ("force", run, step.id) for row in reply.all("debt")):
        return Reading.WANTED
    if reply.rc in {Rc.OK, Rc.USAGE} or reply.one("saved"):
        return Reading.BEFORE
    if reply.rc == Rc.REFUSED:
        return None
    raise OutcomeUnknown(f"{host.name}: {reply.because}", try_=f"failover host status {host.name}")


def came_to(word: str = "", rc: str = "") -> Reading:
    """By the result that an attempt left there. `refused` with a code that is not of the closed list is half: the
    helpers before this one wrote that word for every code they did not know."""
    match word:
        case "absent":
            return Reading.BEFORE
        case "running":
            return Reading.RUNNING
        case "done" if rc == str(Rc.OK):
            return Reading.WANTED
        case "refused" if rc.isdecimal() and meaning(ANSWERS, int(rc)) is Answer.NOTHING:
            return Reading.BEFORE
        case "done" | "refused" | "died" | "failed":
            return Reading.HALF
        case _:
            return Reading.UNKNOWN
