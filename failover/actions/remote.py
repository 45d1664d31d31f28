"""Acting through `failover-host`: return codes become outcomes, results are settled before anyone decides on them."""

from __future__ import annotations

from collections.abc import Mapping

from failover.actions.base import At, Hands
from failover.core.fleet import Host
from failover.core.recovery import World
from failover.errors import Changed, OutcomeUnknown, Refused, StaleEpoch, StepFailed
from failover.ports import Rc, Reply


def act(hands: Hands, host: Host, verb: str, at: At, args: Mapping[str, str], *, limit_s: float) -> Reply:
    """Run an acting verb.

    Raises Unreachable, Refused, Changed, StaleEpoch (nothing was done), StepFailed, OutcomeUnknown.
    """
    keys = {**at.keys(), "config_dir": host.postfix.config_dir, **args}
    return _accepted(host, hands.remote.call(host, verb, keys, limit_s=limit_s))


def read(hands: Hands, host: Host, verb: str, args: Mapping[str, str], *, limit_s: float = 20.0) -> Reply:
    keys = {"config_dir": host.postfix.config_dir, **args}
    return _accepted(host, hands.remote.call(host, verb, keys, limit_s=limit_s))


def _accepted(host: Host, reply: Reply) -> Reply:
    said = f"{host.name}: {reply.because}"
    match reply.rc:
        case Rc.OK:
            return reply
        case Rc.STALE:
            raise StaleEpoch(said, try_="another controller took over; `failover status` shows which run is open")
        case Rc.CHANGED:
            raise Changed(said, try_="look at what was edited, then plan again")
        case Rc.BUSY:
            raise Refused(said, try_=f"wait for it, or look on {host.name} who holds /var/lib/failover-host/lock")
        case Rc.FAILED:
            raise StepFailed(said, try_=f"see `failover check --host {host.name} -v`; what was done is in the journal")
        case _:
            raise Refused(said, try_=f"see `failover check --host {host.name} -v`")


def settle(hands: Hands, host: Host, at: At, *, limit_s: float = 30.0) -> World:
    """How far an attempt came: `before` never began, `wanted` done, `half` ended without a good result.

    Takes the host's lock and raises its epoch, so nothing of ours is running
    there afterwards, and nothing of ours that is still on its way will be let in.
    """
    reply = hands.remote.call(host, "settle", at.keys(), limit_s=limit_s)
    if reply.rc == Rc.BUSY:
        return World.RUNNING
    row = _accepted(host, reply).one("result")
    match row[0] if row else "":
        case "absent" | "refused":
            return World.BEFORE
        case "running":
            return World.RUNNING
        case "done":
            return World.WANTED
        case "died" | "failed":
            return World.HALF
        case _:
            raise OutcomeUnknown(f"{host.name}: settle answered {row!r}", try_="run `failover runs resume` again")
