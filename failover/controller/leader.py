"""The right to decide, which one controller has at a time: two that decide at once would both act."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from failover.errors import FailoverError, Refused, Standby
from failover.ports import Lease
from failover.runs.service import Runs, whoami

LEADER = "cycle"
"""What the lease of the controller that decides is held for, in place of a run."""
LEAD_S = 120.0
"""How long a controller that stopped answering keeps the others from deciding."""
BY = "controller on "
"""What the names of its runs' authors begin with: runs that nobody watched."""


def by() -> str:
    return f"{BY}{whoami()}"


@dataclass(slots=True)
class Leader:
    """Its loss ends the cycle."""

    c: Runs
    lease: Lease

    def renew(self) -> None:
        """Raises Refused when another controller has taken over."""
        try:
            self.lease = self.c.store.renew(self.lease, seconds=LEAD_S, now=self.c.now)
        except Refused as e:
            by = _led_by(self.c)
            raise Refused(f"another controller took over meanwhile: {by}", try_="nothing: it goes on by itself") from e


@contextmanager
def leading(c: Runs) -> Iterator[Leader]:
    """Raises Standby."""
    try:
        lead = Leader(c, c.store.lease(LEADER, ("controller",), seconds=LEAD_S, now=c.now))
    except Refused as e:
        raise Standby(f"another controller decides: {_led_by(c)}", try_="nothing: it goes on by itself") from e
    try:
        yield lead
    finally:
        with suppress(FailoverError):
            c.store.release(lead.lease)


def _led_by(c: Runs) -> str:
    return next((lease.holder for lease in c.store.holders(c.now) if lease.run == LEADER), "one that has just ended")
