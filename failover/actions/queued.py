"""What the queue actions share: events that are seen by their effect, and never undone."""

from __future__ import annotations

from failover.actions.base import Context, Result
from failover.core.fleet import Host
from failover.ports import Reply

PER_SECOND = 300.0
"""Messages a second that one pickup and one handler take on a small host; for the estimate only (measured 650-850)."""
AT_LEAST_S = 6.0


def messages(context: Context, host: Host, name: str) -> float | None:
    """None: nobody knows how many."""
    seen = context.seen(host, name)
    return float(seen.value) if seen and isinstance(seen.value, int | float) else None


def counts(reply: Reply, *keys: str) -> Result:
    return {key: row[0] for key in keys if (row := reply.one(key))}
