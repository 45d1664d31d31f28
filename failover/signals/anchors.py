"""Is it them, or is it us? Addresses that have nothing to do with the MX hosts prove that our own network works."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from ipaddress import ip_address

from failover.core.fleet import Endpoint, Fleet
from failover.core.observe.diagnosis import ANCHORS
from failover.core.observe.signal import CONTROLLER, Outcome, Samples, Signal
from failover.errors import Fault
from failover.fence import fence

Dial = Callable[[Iterable[Endpoint]], dict[Endpoint, str | None]]
"""Connect to all at once, and close: None for each that answered, else why not, in words."""


def of(fleet: Fleet) -> tuple[Endpoint, ...]:
    """The anchors of the policy; else the places where DNS is changed, which a move of mail needs anyway.

    A name server on an MX host or on this machine proves nothing, and is left out.
    """
    ours = {h.address for h in fleet.hosts.values()}
    dns = (d.dns.anchor for d in fleet.domains.values())
    return fleet.policy.anchors or tuple(dict.fromkeys(e for e in dns if e.host not in ours and not _is_here(e.host)))


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def look(fleet: Fleet, dial: Dial, at: datetime) -> Samples:
    """One signal of the controller itself: fail if no anchor answers. No signal if there are no anchors."""
    anchors = of(fleet)
    if not anchors:
        return ()
    try:
        with fence("the anchors"):
            answers = dial(anchors)
    except Fault as e:
        return (Signal(CONTROLLER, ANCHORS, CONTROLLER, Outcome.UNKNOWN, str(e), at),)
    missing = [f"{e}: {why}" for e, why in answers.items() if why is not None]
    reached = len(answers) - len(missing)
    if reached:
        said = f"{reached} of {len(answers)} anchors answer"
        return (Signal(CONTROLLER, ANCHORS, CONTROLLER, Outcome.OK, said, at, float(reached), "anchors"),)
    said = f"no anchor answers ({'; '.join(missing)})"
    return (Signal(CONTROLLER, ANCHORS, CONTROLLER, Outcome.FAIL, said, at, 0.0, "anchors"),)
