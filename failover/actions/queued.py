"""What the queue actions share: events that are seen by their effect, and never undone."""

from __future__ import annotations

from collections.abc import Mapping

from failover.actions.base import Context, Result
from failover.core import place, signal
from failover.core.fleet import Host
from failover.core.plan import Certainty, Kind, Step
from failover.core.playbook import StepSpec
from failover.ports import Reply

PER_SECOND = 300.0
"""Messages a second that one pickup and one handler take on a small host; for the estimate only (measured 650-850)."""
AT_LEAST_S = 6.0


def event(
    spec: StepSpec,
    host: Host,
    action: str,
    *,
    says: str,
    undo: str,
    eta_s: float,
    observed: Mapping[str, str],
    limit_s: float,
    how: Mapping[str, str] | None = None,
    certainty: Certainty = Certainty.OBSERVED,
) -> Step:
    return Step(
        id=spec.id,
        action=action,
        kind=Kind.EVENT,
        certainty=certainty,
        says=says,
        host=host.name,
        where=place.of_host(host),
        args=dict(spec.with_),
        how=how or {},
        observed=observed,
        undo=undo,
        repeat_safe=True,
        eta_s=eta_s,
        limit_s=limit_s,
    )


def value(context: Context, host: Host, name: str) -> float:
    seen = signal.worst(signal.latest(context.samples, host.name, name))
    return float(seen.value) if seen and isinstance(seen.value, int | float) else 0.0


def counts(reply: Reply, *keys: str) -> Result:
    return {key: row[0] for key in keys if (row := reply.one(key))}
