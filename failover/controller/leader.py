"""The right to decide, which one controller has at a time: two that decide at once would both act."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from failover.errors import FailoverError, Refused, Standby
from failover.ports import Lease
from failover.runs.service import Runs, whoami

LEADER = "cycle"
"""The name under which the deciding controller holds its lease, in place of a run."""
LEAD_S = 120.0
"""How long a controller that stopped answering keeps the others from deciding."""
BY = "controller on "
"""The author of its runs begins with this: nobody watched them."""


def by() -> str:
    return f"{BY}{whoami()}"


@dataclass(slots=True)
class Leader:
    """The controller that decides. A cycle ends when it loses this lease."""

    runs: Runs
    lease: Lease

    def renew(self) -> None:
        """Raises Refused when another controller has taken over."""
        try:
            self.lease = self.runs.store.renew(self.lease, seconds=LEAD_S, now=self.runs.now)
        except Refused as e:
            by = _led_by(self.runs)
            raise Refused(f"another controller took over meanwhile: {by}", try_="nothing: it goes on by itself") from e


@contextmanager
def leading(runs: Runs) -> Iterator[Leader]:
    """Raises Standby."""
    try:
        leader = Leader(runs, runs.store.lease(LEADER, ("controller",), seconds=LEAD_S, now=runs.now))
    except Refused as e:
        raise Standby(f"another controller decides: {_led_by(runs)}", try_="nothing: it goes on by itself") from e
    try:
        yield leader
    finally:
        with suppress(FailoverError):
            runs.store.release(leader.lease)


def _led_by(runs: Runs) -> str:
    holders = (lease.holder for lease in runs.store.holders(runs.now) if lease.run == LEADER)
    return next(holders, "one that has just ended")
